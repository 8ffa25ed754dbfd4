# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Missing copies over disks: every rule kept, the slowest disk done as early as can be.

Whole numbers in, whole numbers out; nothing here knows Longhorn. Start with `solve`; the model
and the rules are told in `board`.
"""
