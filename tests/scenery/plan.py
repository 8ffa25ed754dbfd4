# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands in the cluster: six images, four volumes, and where their copies and replicas are.

Disks are named by the number of their node and of the disk on it, both from 0. Node 2 is the one to
drain: it holds the only copy of ``ubuntu-24.04`` and the only replica of ``web``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Place = tuple[int, int]

DRAINED = 2
LOST = "debian-13"
FILES = "http://images.example.org/f"
BACKUP = "s3://backups@eu-central-1/?backup=backup-7c1e&volume=registry"
ONE_GIB = 1 << 30


@dataclass(frozen=True)
class ImagePlan:
    """An image to make; ``places`` are the disks that get a copy."""

    name: str
    source: str
    places: tuple[Place, ...]
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class VolumePlan:
    """A volume to make; ``replicas`` are nodes, ``attached`` the node of its engine."""

    name: str
    image: str
    replicas: tuple[int, ...]
    attached: int
    size: int = ONE_GIB // 8


def images(can: Callable[[str], bool]) -> tuple[ImagePlan, ...]:
    """The images, in the order in which they can be made; can: what this Longhorn can do.

    The last one is a clone where Longhorn clones images, restored from a backup where it restores
    them, else exported as the one before it.
    """
    exported = {"volume-name": "postgres", "export-type": "raw"}
    last: tuple[str, dict[str, str]] = ("export-from-volume", exported)
    if can("clone_source"):
        last = ("clone", {"backing-image": LOST, "encryption": "ignore"})
    elif can("restore_source"):
        last = ("restore", {"backup-url": BACKUP, "concurrent-limit": "2"})
    return (
        ImagePlan("ubuntu-24.04", "download", ((2, 0),), {"url": f"{FILES}/raw64.img"}),
        ImagePlan(LOST, "download", ((0, 0), (2, 1)), {"url": f"{FILES}/raw48.img"}),
        ImagePlan(
            "win-2025", "download", ((0, 1), (1, 0), (2, 0)), {"url": f"{FILES}/qcow96.qcow2"}
        ),
        ImagePlan("appliance-7", "upload", ((1, 1), (2, 1))),
        ImagePlan(
            "postgres-golden",
            "export-from-volume",
            ((1, 0),),
            exported,
        ),
        ImagePlan("base-copy", last[0], ((0, 0), (2, 0)), last[1]),
    )


VOLUMES = (
    VolumePlan("postgres", "", (0, 2), 1),
    VolumePlan("web", "ubuntu-24.04", (2,), 1),
    VolumePlan("ci", LOST, (0, 2), 1),
    VolumePlan("desktop", "win-2025", (0, 1), 0),
)
