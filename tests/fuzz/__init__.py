# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole maintenances in virtual time while somebody and something interferes, by seed.

``python -m tests.fuzz --seeds 0-200`` plays histories and prints a table (``make fuzz``). The rules
that are watched are of this package alone: it reads what is stored and what lies on the disks.
"""
