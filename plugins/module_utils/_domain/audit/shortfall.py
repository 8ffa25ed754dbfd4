# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each image lacks, counted without choosing disks: for the audit of very many images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.choice import Choice
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.holdings import Held
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.raising import (
    minimum_to_write,
    minimum_wanted,
    objection,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Image,
)


@dataclass(frozen=True, slots=True)
class Shortfall:
    """How many copies are missing, and whether minimum or entries are to be written."""

    image: Image
    copies: int
    minimum: bool
    repair: bool

    @property
    def bytes(self) -> int:
        """Bytes of the copies."""
        return self.copies * self.image.file_bytes


def shortfalls(cluster: Cluster, images: Iterable[Held], copies: int) -> tuple[Shortfall, ...]:
    """What `raising.assess` would make where every disk has the room."""
    choice = Choice(cluster)
    found = (_shortfall(cluster, held, copies, choice) for held in images)
    return tuple(one for one in found if one.copies or one.minimum or one.repair)


def _shortfall(cluster: Cluster, held: Held, copies: int, choice: Choice) -> Shortfall:
    image = held.image
    if objection(cluster, image, bool(held.proven)):
        return Shortfall(image, 0, False, False)
    disks = [place.disk for place in (*held.proven, *held.coming)]
    nodes = {disk.node for disk in disks}
    number = 0
    if len(nodes) < copies:
        number = min(copies - len(nodes), choice.further_nodes(image, nodes))
    number = max(number, minimum_wanted(cluster, image) - len(disks))
    number = number or int(choice.another_zone(image, disks))
    number = min(number, choice.free_disks(image)) if number else 0
    minimum = minimum_to_write(cluster, image, copies, len(disks), number)
    return Shortfall(image, number, minimum > 0, any(not copy.complete for copy in image.wanted))
