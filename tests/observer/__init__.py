# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks at a cluster from outside: through its API and into the folders of its disks.

Used by the demo and by the verify steps of Molecule. It shares no code with the collection, so that
a fault of the collection's reading cannot hide itself, and it believes no report of a playbook.
"""
