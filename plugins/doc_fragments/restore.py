# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the modules of a return share, each written once."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of a return."""

    DOCUMENTATION = r"""
options:
  cancel:
    description:
      - Undo a drain, whatever its intent and however far it has come. Disk entries that were taken
        out get their old names back, because their disks were not wiped.
      - Without it the node comes back from its maintenance.
    type: bool
    default: false
  keep_extra_copies:
    description:
      - Leave the image copies where they are that were made for the maintenance.
    type: bool
    default: false
"""
