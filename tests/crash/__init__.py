# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill a run at every write, run it again, and compare with a run that was left alone.

``python -m tests.crash`` prints the whole table (``make crash-table``).
"""
