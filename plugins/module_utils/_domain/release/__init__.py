# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When Longhorn lets the disruption budget of an instance manager go, and why it does not yet.

Longhorn keeps one budget per running instance manager; while it exists every eviction of that pod
is refused, and nothing in the API tells why. These modules ask the same questions of the same
objects, one rule per file, and add who holds, what to do and whether waiting helps.
Start with `evaluate`.
"""
