# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out the salvage of a failed copy whose file has the right bytes: what is next, and when.

Two ways let Longhorn look at the file anew, both played on 1.12.1. By the map: the key of the disk
taken out (Longhorn deletes the folder, so the file waits as a hard link outside of it), the file
linked back when the record is gone, the key put in: ready 2.5 s later (4 of 4, and 3 of 3 on a disk
whose key was never in). By the pod of that disk's manager, deleted while the file is in its place:
taken within a second, told in the image's status after up to 81 s, the entry absent meanwhile (11
of 11); all that this manager has reads `unknown` for up to a minute. The other failed managers then
delete their folders and sync. Hard links outside of `backing-images` are left alone.

What must not be: beginning while one entry is not failed (each manager with a failed entry deletes
its folder every 3 s); two disks at a time (a `ready` one lets the other's file be deleted); leaving
`backing.cfg` (with an equal time its checksum is believed and the bytes are not read); taking the
key of a disk out that a replica uses; an empty map of an image that Longhorn would then download.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import proven
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Image,
    Manager,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import notes, steps
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.look import (
    Place,
    place_on,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.steps import (
    Action,
    Step,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    DOWNLOAD,
    Sight,
    Standing,
)

FAILED = "failed"
MAP, POD = "map", "pod"
TRIES_MAX = 3
# The pod of a manager is there again after 4 to 7 s (measured); until then its old record stands.
RESTART_SECONDS = 30.0
# Longhorn tells of the file after up to 81 s (measured).
TAKEN_SECONDS = 180.0
_MOVING = ("pending", "starting", "in-progress", "ready-for-transfer")


@dataclass(frozen=True)
class Begun:
    """What this run has done: how often it let the manager look again, how many seconds ago the
    last time was (None: not yet), and since when the entry was failed then.
    """

    tries: int = 0
    seconds_ago: float | None = None
    failed_since: str = ""


def noted_place(sight: Sight) -> Place | None:
    """The place of a salvage that has begun on this image; None where there is none, or its disk is
    not there now.
    """
    disk = sight.cluster.disks.get(str(notes.salvage_of(sight.image).get(notes.DISK) or ""))
    return place_on(disk, sight.image) if disk is not None and disk.path else None


def why_not(window: Sequence[Sight], place: Place) -> str:
    """Why the file must not be touched now ("" when it may be)."""
    sight = window[-1]
    if not all(_all_failed(each.image) for each in window):
        return (
            "not every entry of it has read failed for the whole window, and as long as one does "
            "not, Longhorn deletes the files of the failed ones"
        )
    if sight.image.data_engine == "v2":
        return "it is of the v2 data engine"
    if sight.source is None or sight.first_file_pending:
        return "its data source is at work"
    disk = sight.cluster.disks.get(place.disk)
    if disk is None or place.disk not in sight.disks_up:
        return f"{place.label} is not up"
    running = [m for m in sight.cluster.managers_of_disk.get(place.disk, ()) if m.running]
    if way(sight, place) == MAP:
        return ""
    if len(running) != 1:
        return f"the backing image manager of {place.label} is not running"
    return _why_not_restart(sight.cluster, running[0], place)


def way(sight: Sight, place: Place) -> str:
    """MAP where no replica (in any state) uses the disk's copy, and no map is left empty that makes
    Longhorn download; else POD.
    """
    replicas = sight.cluster.replicas_of_image.get(sight.image.name, ())
    used = any(replica.disk == place.disk for replica in replicas)
    others = any(copy.disk != place.disk for copy in sight.image.wanted)
    fetched = DOWNLOAD in (sight.source_type, sight.image.source_type)
    return MAP if not used and (others or not fetched) else POD


def _all_failed(image: Image) -> bool:
    listed = [copy for copy in image.copies.values() if copy.in_map or copy.reported]
    return bool(listed) and all(copy.state == FAILED for copy in listed)


def _why_not_restart(cluster: Cluster, manager: Manager, place: Place) -> str:
    """Its pod serves other images, too: their transfers would break, their copies are unproven for
    up to a minute, and the file of a failed copy would be looked at anew, and deleted if it is
    wrong.
    """
    others = {name: file for name, file in manager.files.items() if name != place.image}
    moving = sorted(
        name for name, file in others.items() if file.state in _MOVING or file.sending > 0
    )
    if moving:
        return f"{place.label} is transferring {names(moving)}"
    failed = sorted(name for name, file in others.items() if file.state == FAILED)
    if failed:
        return (
            f"{names(failed)} has a failed copy on {place.label}, too, whose file Longhorn would "
            "look at anew, and delete if it is wrong: move that file aside first"
        )
    only = sorted(name for name in others if _only_there(cluster, name, place.disk))
    if only:
        return (
            f"{names(only)} has its only proven copy on {place.label}, which would read unknown "
            "for up to a minute: give it a second one first"
        )
    return ""


def _only_there(cluster: Cluster, name: str, disk: str) -> bool:
    image = cluster.images.get(name)
    found = proven.proven(cluster, image) if image is not None else ()
    return bool(found) and all(copy.disk == disk for copy in found)


def next_step(window: Sequence[Sight], place: Place, begun: Begun) -> Step:
    """The next step of a salvage that `gate.decide` let through."""
    sight = window[-1]
    noted = bool(notes.salvage_of(sight.image))
    if sight.exists:
        step = steps.next_step(window)
        if step.action is not Action.DONE or not noted:
            return step
        return Step(Action.RELEASE, f"removing the kept link {place.kept} on {place.node}")
    if noted and is_out(sight, place):
        return _back_in(sight, place)
    if begun.seconds_ago is not None:
        waiting = _waiting(sight, place, begun, begun.seconds_ago)
        if waiting is not None:
            return waiting
    why = why_not(window, place)
    if why:
        return Step(Action.WAIT if noted else Action.STOP, why)
    if begun.tries >= TRIES_MAX:
        return Step(Action.STOP, f"Longhorn did not take the file in {TRIES_MAX} tries")
    again = f", try {begun.tries + 1} of {TRIES_MAX}" if begun.tries else ""
    text = f"keeping {place.path} on {place.node}, and letting Longhorn look at it anew{again}"
    return Step(Action.KEEP, text)


def is_out(sight: Sight, place: Place) -> bool:
    """Whether the key of the disk was taken out."""
    return all(copy.disk != place.disk for copy in sight.image.wanted)


def _back_in(sight: Sight, place: Place) -> Step:
    """The file goes back when nobody has a record of it any more: it would be deleted before."""
    entry = sight.image.copies.get(place.disk)
    managers = sight.cluster.managers_of_disk.get(place.disk, ())
    recorded = any(m.running and sight.image.name in m.files for m in managers)
    if recorded or (entry is not None and entry.reported):
        return Step(Action.WAIT, f"Longhorn to forget the failed copy on {place.label}")
    text = f"putting {place.path} on {place.node} back, and its key into the map"
    return Step(Action.KEEP, text)


def _waiting(sight: Sight, place: Place, begun: Begun, seconds_ago: float) -> Step | None:
    """Until the manager has looked: the old record, then none at all, then ready or failed anew."""
    entry = sight.image.copies.get(place.disk)
    state, since = (entry.state, entry.since) if entry is not None else ("", "")
    if state != FAILED:
        if seconds_ago < TAKEN_SECONDS:
            return Step(Action.WAIT, f"Longhorn to take the file on {place.label} (up to 2 min)")
        return Step(Action.STOP, f"Longhorn has not said in {TAKEN_SECONDS:.0f} s what it found")
    if since == begun.failed_since and seconds_ago < RESTART_SECONDS:
        return Step(Action.WAIT, f"the backing image manager of {place.label} to start again")
    return None


def proven_elsewhere(sight: Sight, place: Place) -> bool:
    """Whether another disk has a proven copy."""
    return any(seen.copy.disk != place.disk for seen in sight.having(Standing.PROVEN))


def manager_pod(cluster: Cluster, disk: str) -> str:
    """The pod of a disk's manager, as kubectl takes it."""
    found = next(iter(cluster.managers_of_disk.get(disk, ())), None)
    selector = f"longhorn.io/component=backing-image-manager,longhorn.io/disk-uuid={disk}"
    return found.name if found is not None else f"-l {selector}"


def by_hand(place: Place, sight: Sight, *, kept: bool = False) -> tuple[str, ...]:
    """The same by a person: what to run, and where. *kept*: that was done already."""
    cluster = sight.cluster
    kubectl = f"kubectl -n {cluster.namespace}"
    image = f"backingimages.longhorn.io {place.image}"
    state = f"-o jsonpath='{{.status.diskFileStatusMap.{place.disk}.state}}'"
    keep = f"mkdir -p {place.kept_root} && ln {place.path} {place.kept}   # on {place.node}"
    read = f"rm -f {place.path}.cfg   # on {place.node}: Longhorn then reads the bytes"
    back = f"mkdir -p {place.path.rpartition('/')[0]} && ln {place.kept} {place.path}"
    restart = f"{kubectl} delete pod {manager_pod(cluster, place.disk)}"
    pause = "; all images of this disk read unknown for up to a minute"
    look: tuple[str, ...]
    if way(sight, place) == POD:
        again = f"{back}   # on {place.node}, if it is gone there"
        look = (
            *((again,) if kept else ()),
            read,
            f"{restart}   # while every entry reads failed{pause}",
        )
    else:
        path = cluster.schema.key_path(place.disk)
        out = json.dumps([{"op": "remove", "path": path}])
        entry = cluster.schema.entry(sight.image.data_engine)
        into = json.dumps([{"op": "add", "path": path, "value": entry}])
        take = f"{kubectl} patch {image} --type=json -p {shlex.quote(out)}"
        look = (
            *(() if is_out(sight, place) else (f"{take}   # while every entry reads failed",)),
            f"{kubectl} get {image} {state}   # nothing within 1 min; only then:",
            f"{back}   # on {place.node}",
            f"{kubectl} patch {image} --type=json -p {shlex.quote(into)}",
        )
    return (
        *(() if kept else (keep,)),
        *look,
        f"{kubectl} get {image} {state}   # ready within 2 min",
        f"rm {place.kept}   # on {place.node}, when every wanted copy is ready",
    )


def plan_lines(place: Place) -> list[str]:
    """What it would do, for a person to read before it happens."""
    return [
        f"file kept by a hard link: {place.kept} on {place.node}",
        f"Longhorn takes {place.path} on {place.label} again",
        "kept link removed when every wanted copy is healthy",
    ]
