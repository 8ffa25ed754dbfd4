# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands in the cluster: six images, four volumes, and where their copies and replicas are.

Disks are named by the number of their node and of the disk on it, both from 0. Node 2 is the one to
drain: it holds the only copy of ``ubuntu-24.04`` and the only replica of ``web``.
"""

from __future__ import annotations

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


def images(generation_with_clones: bool) -> tuple[ImagePlan, ...]:
    """The images, in the order in which they can be made.

    Longhorn clones images from 1.7; before that the last one is restored from a backup.
    """
    last = ("clone", {"backing-image": LOST, "encryption": "ignore"})
    if not generation_with_clones:
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
            {"volume-name": "postgres", "export-type": "raw"},
        ),
        ImagePlan("base-copy", last[0], ((0, 0), (2, 0)), last[1]),
    )


VOLUMES = (
    VolumePlan("postgres", "", (0, 2), 1),
    VolumePlan("web", "ubuntu-24.04", (2,), 1),
    VolumePlan("ci", LOST, (0, 2), 1),
    VolumePlan("desktop", "win-2025", (0, 1), 0),
)
