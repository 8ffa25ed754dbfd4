# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of modules that wait, written once."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of waiting."""

    DOCUMENTATION = r"""
options:
  wait_timeout:
    description:
      - Seconds that the whole task may take.
      - A wait that runs out is a failure that says what was waited for and what was last seen.
        Running the task again goes on.
    type: int
    default: 3600
"""
