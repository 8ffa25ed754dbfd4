# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A furnished simulated cluster: images of several sources and volumes on them, all healthy.

``python -m tests.simulator --scenario demo`` serves it, for the demo and for Molecule. It is
furnished in virtual time, which takes a second or two, and then runs at the pace asked for.
"""
