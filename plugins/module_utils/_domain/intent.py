# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a node is drained, and what that asks for."""

from __future__ import annotations

from enum import Enum


class Intent(str, Enum):
    """reboot: it comes back with its disks; reinstall: same name, disks wiped; remove: never
    back.
    """

    REBOOT = "reboot"
    REINSTALL = "reinstall"
    REMOVE = "remove"

    @property
    def leaves(self) -> bool:
        """Whether everything must be off the node, and its disks out of Longhorn."""
        return self is not Intent.REBOOT
