# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is where: disks with their folders, images with their copies and the files behind them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.observer.api import Api

BLOCK = 1 << 20
CONFIG = "longhorn-disk.cfg"


@dataclass(frozen=True)
class Disk:
    """A disk as the cluster and the host show it; without ``folder`` where the host has none."""

    uuid: str
    node: str
    name: str
    ready: bool
    folder: Path | None


@dataclass(frozen=True)
class Copy:
    """One image on one disk: what the map, the status and the file say."""

    image: str
    disk: Disk
    wanted: bool
    state: str
    file: Path | None
    whole: bool

    @property
    def proven(self) -> bool:
        """In the map, reported ready, on a Ready disk, and its file holds the right bytes."""
        return self.wanted and self.state == "ready" and self.disk.ready and self.whole


@dataclass(frozen=True)
class Image:
    """An image; ``minimum`` is 1 where the version knows no minNumberOfCopies."""

    name: str
    source: str
    minimum: int
    size: int
    copies: tuple[Copy, ...]

    def proven(self) -> list[Copy]:
        """The copies that are proven."""
        return [copy for copy in self.copies if copy.proven]


@dataclass(frozen=True)
class View:
    """One look at everything."""

    nodes: tuple[str, ...]
    disks: dict[str, Disk]
    images: dict[str, Image]
    volumes: dict[str, dict[str, Any]]
    replicas: tuple[dict[str, Any], ...]


def look(api: Api, folder: Path) -> View:
    """Read the cluster and the folders of its disks under ``folder``. Raises Refused."""
    nodes = api.longhorn("nodes")
    disks = _disks(nodes, _folders(folder))
    images = [_image(found, disks) for found in api.longhorn("backingimages")]
    return View(
        nodes=tuple(node["metadata"]["name"] for node in nodes),
        disks=disks,
        images={image.name: image for image in images},
        volumes={found["metadata"]["name"]: found for found in api.longhorn("volumes")},
        replicas=tuple(api.longhorn("replicas")),
    )


def _folders(root: Path) -> dict[str, Path]:
    """Folder of each disk by the identity that lies in it."""
    return {
        json.loads(config.read_text())["diskUUID"]: config.parent
        for config in sorted(root.rglob(CONFIG))
    }


def _disks(nodes: list[dict[str, Any]], folders: dict[str, Path]) -> dict[str, Disk]:
    found = {}
    for node in nodes:
        alive = _condition(node["status"].get("conditions"), "Ready")
        for name, status in (node["status"].get("diskStatus") or {}).items():
            uuid = status.get("diskUUID", "")
            ready = alive and _condition(status.get("conditions"), "Ready")
            found[uuid] = Disk(uuid, node["metadata"]["name"], name, ready, folders.get(uuid))
    for uuid, folder in folders.items():
        found.setdefault(uuid, Disk(uuid, folder.parent.name, folder.name, False, folder))
    return found


def _condition(conditions: list[dict[str, Any]] | None, kind: str) -> bool:
    return any(c.get("type") == kind and c.get("status") == "True" for c in conditions or [])


def _image(found: dict[str, Any], disks: dict[str, Disk]) -> Image:
    spec, status = found["spec"], found.get("status") or {}
    wanted = spec.get("diskFileSpecMap") or spec.get("disks") or {}
    reported = status.get("diskFileStatusMap") or {}
    name, size = found["metadata"]["name"], int(status.get("size") or 0)
    copies = []
    for uuid, disk in disks.items():
        file = disk.folder and disk.folder / "backing-images" / f"{name}-{status.get('uuid')}"
        path = file / "backing" if file and (file / "backing").is_file() else None
        if uuid in wanted or uuid in reported or path:
            state = str((reported.get(uuid) or {}).get("state", ""))
            whole = path is not None and _same(path, size, str(status.get("checksum") or ""))
            copies.append(Copy(name, disk, uuid in wanted, state, path, whole))
    copies.sort(key=lambda copy: (copy.disk.node, copy.disk.name))
    minimum = int(spec.get("minNumberOfCopies") or 1)
    return Image(name, str(spec.get("sourceType", "")), minimum, size, tuple(copies))


def _same(path: Path, size: int, checksum: str) -> bool:
    """Whether a file has the size and the SHA-512 that the image's status records."""
    try:
        if not size or path.stat().st_size != size:
            return False
        if not checksum:
            return True
        digest = hashlib.sha512()
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
    except FileNotFoundError:
        return False
    return digest.hexdigest() == checksum
