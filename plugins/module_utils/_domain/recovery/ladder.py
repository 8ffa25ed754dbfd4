# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ladder for an image that cannot be downloaded again: what may still be saved, step by step.

Every rung says whether it is open, has to be looked at on a node, or is closed, and gives the exact
commands with the names and paths of this cluster. Nothing here writes: emptying the map of such an
image would throw away what may still be saved.

Why a file that is put back is taken: a manager that begins to record an image first looks for
`<disk path>/backing-images/<name>-<uuid>/backing`, and takes it as ready when its size and SHA-512
are those that the image has recorded (backing-image-manager pkg/sync/sync_file.go; longhorn-manager
controller/backing_image_manager_controller.go prepareBackingImageFiles, all versions). A record
that reads `failed` is not looked at again while every other entry is failed too, so it begins anew
on a disk outside the map, or with the manager's pod. As soon as one entry is not failed, Longhorn
deletes the files of the failed ones: what is worth keeping is kept aside first.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    commands,
    placement,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Disk,
    Image,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import (
    notes,
    rescue,
    salvage,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.look import (
    Look,
    Word,
    disk_up,
    place_on,
    spell,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source import finding
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.finding import (
    Finding,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count, names
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    SeenCopy,
    Sight,
    Standing,
)

LOOK_FOR_ME = "recover_backing_image -e look_on_nodes=true does it for you"
NO_LOOKS: Mapping[str, Look] = MappingProxyType({})


class State(str, Enum):
    """open: can be done now; check: look on the node or at the source first; closed: cannot be."""

    OPEN = "open"
    CHECK = "check"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Rung:
    """One way on: a fixed word, whether it is open, a sentence, and commands to copy. A command
    that is to be run on a node ends with a comment that names it. *evidence*: what was found where.
    """

    rule: str
    state: State
    text: str
    commands: tuple[str, ...] = ()
    evidence: tuple[Look, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For the result of a module."""
        return {
            "rule": self.rule,
            "state": self.state.value,
            "text": self.text,
            "commands": list(self.commands),
            "evidence": [look.as_dict() for look in self.evidence],
        }


def applies(sight: Sight, source: Finding | None = None) -> bool:
    """Whether an image needs the ladder: no copy is left to rely on, and it cannot be fetched.
    *source*: what asking its source has told (default: what the sight knows).
    """
    known = sight.was_ready_once and not sight.image.meta.deleting
    fetched = sight.can_download and not undeliverable(source or sight.finding)
    return known and not fetched and not sight.exists


def undeliverable(source: Finding | None) -> bool:
    """Whether a source was asked and does not deliver what the image was."""
    unasked = (finding.NOT_ASKED, finding.NO_POD)
    return source is not None and not source.ok and source.word not in unasked


def climb(sight: Sight) -> tuple[Rung, ...]:
    """Every rung, most promising first; () for an image that needs none."""
    return rungs(sight) if applies(sight) else ()


def rungs(sight: Sight, looks: Mapping[str, Look] = NO_LOOKS) -> tuple[Rung, ...]:
    """The same for an image that is known to need them. *looks*: what was found on its disks, by
    their UUID; a disk that is not there was not looked at.
    """
    return tuple(_rungs(sight, looks))


def _rungs(sight: Sight, looks: Mapping[str, Look]) -> Iterator[Rung]:
    for seen in sight.having(Standing.MAY_RETURN, Standing.WAITING):
        text = f"bring {seen.place} back: what it holds may still be whole ({seen.why})"
        yield Rung("bring_back", State.OPEN, text)
    if notes.salvage_of(sight.image):
        # The file itself is there: nothing else is to be put in its place, and nothing deleted.
        yield _kept(sight)
        return
    lost = lost_up(sight)
    if lost and sight.image.checksum:
        found = _salvage(sight, lost, looks)
        yield found
        if found.state is State.OPEN:
            yield from _consumers(sight)
            return
    elif lost:
        text = "no sha512 is recorded, so no file that may be left can be told from a damaged one"
        yield Rung("salvage", State.CLOSED, text)
    yield rescue_of(sight)
    yield _put_back(sight, lost)
    yield from _consumers(sight)


def _kept(sight: Sight) -> Rung:
    """A salvage that has begun: its file waits as a second link, maybe the only whole one."""
    path = notes.salvage_of(sight.image).get(notes.PATH)
    place = salvage.noted_place(sight)
    where = f"{path} on {place.node}" if place is not None else f"{path}, once its disk is back"
    again = commands.playbook(
        sight.cluster.namespace,
        "recover_backing_image",
        f"image={sight.image.name}",
        "experimental=true",
    )
    text = f"a salvage has begun and is finished by another run; its file is kept: {where}"
    return Rung("kept_file", State.OPEN, text, (again,))


def _salvage(sight: Sight, lost: list[SeenCopy], looks: Mapping[str, Look]) -> Rung:
    """A failed copy whose file still has the recorded bytes."""
    found = [looks[seen.copy.disk] for seen in lost if seen.copy.disk in looks]
    right = [look for look in found if look.word is Word.RIGHT]
    if right:
        return _salvageable(sight, right, found)
    dark = [look for look in found if look.word is Word.UNREAD]
    unseen = [s for s in lost if s.copy.disk not in looks or looks[s.copy.disk] in dark]
    if not unseen:
        told = spell(found)
        text = f"no failed copy has the right bytes: {told}"
        return Rung("salvage", State.CLOSED, text, evidence=tuple(found))
    return _to_look(sight, unseen, found)


def _salvageable(sight: Sight, right: list[Look], found: list[Look]) -> Rung:
    first = right[0].place
    others = spell(look for look in found if look is not right[0])
    text = (
        f"{first.label} still has the right bytes: {first.path} ({right[0].size} bytes)"
        f"{f'; {others}' if others else ''}. -e experimental=true puts it back for you, or by hand"
    )
    return Rung("salvage", State.OPEN, text, salvage.by_hand(first, sight), tuple(found))


def _to_look(sight: Sight, unseen: list[SeenCopy], found: list[Look]) -> Rung:
    """Nobody has looked, or could."""
    image = sight.image
    reads = []
    for seen in unseen:
        disk = disk_up(sight, seen)
        if disk is not None:
            path = shlex.quote(place_on(disk, image).path)
            reads.append(f"sha512sum {path}   # on {disk.node}")
    how = (
        f"{image.checksum} must be printed. Copy such a file aside at once (cp --sparse=always), "
        "then put it back as below"
    )
    reasons = {look.why for look in found}
    if not found:
        text = f"look whether a failed copy still has the right bytes ({LOOK_FOR_ME}): {how}"
    elif len(unseen) == len(found) == len(lost_up(sight)) and len(reasons) == 1:
        text = f"the failed copies cannot be looked at: {reasons.pop()}. Look there yourself: {how}"
    else:
        told = spell(found)
        text = f"no file that could be read has the right bytes: {told}. Look there yourself: {how}"
    return Rung("salvage", State.CHECK, text, tuple(reads), tuple(found))


def lost_up(sight: Sight) -> list[SeenCopy]:
    """Failed copies on disks that are up."""
    return [seen for seen in sight.having(Standing.LOST) if disk_up(sight, seen) is not None]


def rescue_of(sight: Sight) -> Rung:
    """The same bytes from where the image came from, as another image, to copy its file."""
    found = rescue.origin(sight)
    return Rung(
        f"source_of_{sight.source_type.replace('-', '_') or 'image'}",
        State(found.state),
        found.text,
        found.commands,
    )


def _put_back(sight: Sight, lost: list[SeenCopy]) -> Rung:
    """A file with the right sha512, from anywhere, under the same name."""
    image = sight.image
    if not image.checksum:
        text = "without a recorded sha512 nobody can tell whether a file is the right one"
        return Rung("put_back", State.CLOSED, text)
    place = _place(sight, lost)
    if place is None:
        text = "no disk is up to put a file on: bring one back first"
        return Rung("put_back", State.CLOSED, text)
    disk, listed = place
    held = place_on(disk, image)
    target = f"{held.root}/{held.folder}"
    steps = [
        f"sha512sum FILE   # must print {image.checksum}",
        f"install -d -m 0755 {shlex.quote(held.kept_root)} {shlex.quote(target)}"
        f"   # on {disk.node}, as all of the next",
        # Whole before it is in its place, and kept if Longhorn deletes it there.
        f"cp --sparse=always --remove-destination FILE {shlex.quote(held.kept)}",
        f"rm -f {shlex.quote(target + '/backing.cfg')}",
        f"ln -f {shlex.quote(held.kept)} {shlex.quote(target + '/backing')}",
        _restart(sight.cluster, disk) if listed else _add_key(sight.cluster, image, disk),
        f"kubectl -n {sight.cluster.namespace} get backingimages.longhorn.io {image.name} "
        f"-o jsonpath='{{.status.diskFileStatusMap.{disk.uuid}.state}}'   # ready within 2 min; "
        "else again from the rm -f, once every entry reads failed",
        f"rm {shlex.quote(held.kept)}   # when every wanted copy is ready",
    ]
    text = (
        f"a file of {image.size} bytes with sha512 {image.checksum[:12]}… brings it back under "
        f"the same name on {disk.label}; volumes that wait start by themselves then"
    )
    if sight.may_exist:
        text += ". Only after what may come back has come back or is gone for good"
    return Rung("put_back", State.OPEN, text, tuple(steps))


def _place(sight: Sight, lost: list[SeenCopy]) -> tuple[Disk, bool] | None:
    """The disk for a file, and whether its key is in the map already: best one outside of it."""
    listed = {seen.copy.disk for seen in sight.copies}
    free = [
        disk
        for uuid, disk in sorted(sight.cluster.disks.items(), key=lambda item: item[1].label)
        if uuid not in listed
        and disk.path
        and not placement.disk_refused(disk)
        and not placement.node_refused(sight.cluster, sight.cluster.nodes[disk.node], {})
    ]
    if free:
        return free[0], False
    up = [disk for seen in lost if (disk := disk_up(sight, seen)) is not None]
    return (up[0], True) if up else None


def _add_key(cluster: Cluster, image: Image, disk: Disk) -> str:
    schema = cluster.schema
    entry = schema.entry(image.data_engine)
    change: dict[str, Any] = {"path": schema.key_path(disk.uuid), "value": entry}
    if not image.map_present:
        change = {"path": schema.map_path, "value": {disk.uuid: entry}}
    patch = [{"op": "add", **change}]
    return (
        f"kubectl -n {cluster.namespace} patch backingimages.longhorn.io {image.name} "
        f"--type=json -p {shlex.quote(json.dumps(patch))}"
    )


def _restart(cluster: Cluster, disk: Disk) -> str:
    """The manager of the disk looks at its files anew when its pod is made again."""
    what = salvage.manager_pod(cluster, disk.uuid)
    return (
        f"kubectl -n {cluster.namespace} delete pod {what}   # once every entry reads failed; all "
        "images of this disk read unknown for up to a minute"
    )


def _consumers(sight: Sight) -> Iterator[Rung]:
    """What keeps the image from being deleted and made anew under its name."""
    cluster, name = sight.cluster, sight.image.name
    volumes = sorted(volume.name for volume in cluster.volumes_of_image.get(name, ()))
    replicas = sorted(replica.name for replica in cluster.replicas_of_image.get(name, ()))
    clones = sorted(clone.name for clone in cluster.clones_of_image.get(name, ()))
    if not volumes and not replicas:
        text = "when all else has failed: nothing uses it, so delete it and make it anew"
        yield Rung("make_anew", State.OPEN, text)
        return
    used = f"{count(len(volumes), 'volume')} ({names(volumes)})"
    used += f", {count(len(replicas), 'replica')}" if replicas else ""
    used += f", clones {names(clones)}" if clones else ""
    text = (
        f"do not delete it: {used} use it, Longhorn refuses, and their data needs exactly these "
        "bytes under them"
    )
    yield Rung("make_anew", State.CLOSED, text)
    text = "if nothing brings the bytes back: restore these volumes from their own backups"
    yield Rung("restore_volumes", State.CHECK, text)
