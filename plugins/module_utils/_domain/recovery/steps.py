# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next step of a recovery, decided from what is there now and from nothing else.

The order was played on real controllers: tickets off, volumes detached, map emptied, no running
manager of a living node records the image, the data source deleted only if it still says
fileTransferred, then the first file, the tickets back, the wanted copies. Deleting the data source
before the map is empty hangs the image (longhorn-manager
controller/backing_image_manager_controller.go, v1.6.4 to v1.12.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import redact
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff import next_try
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    DataSource,
    Image,
    Volume,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.placement import (
    Placement,
    disk_refused,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import (
    checks,
    notes,
    stranded,
    tickets,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count, names
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import (
    data_source_stuck,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    Standing,
    unchanged_for,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    CERTAIN,
)

# Longhorn begins the download itself 0.1 to 0.3 s after the last record, where it does (measured).
HANDS_OFF_SECONDS = 2.0
# Managers drop the records of an emptied map within 7.8 s (measured).
EMPTY_AGAIN_SECONDS = 10.0
# A deletion in the middle of a download takes up to 4.4 s (measured).
DELETION_SECONDS = 10.0
EMPTIED_MOST = 2


class Action(str, Enum):
    """What can be next."""

    SET_URL = "set_url"
    TAKE_TICKETS = "take_tickets"
    EMPTY_MAP = "empty_map"
    DELETE_SOURCE = "delete_data_source"
    ADD_KEYS = "add_keys"
    GIVE_TICKETS = "give_tickets_back"
    FORGET = "forget"
    KEEP = "keep_file"  # and let Longhorn look at it again
    RELEASE = "release_kept_file"
    STOP = "stop"
    WAIT = "wait"
    DONE = "done"


@dataclass(frozen=True)
class Step:
    """The next step of one image. *text* says it for a person; *names* are its objects or disks."""

    action: Action
    text: str
    names: tuple[str, ...] = ()
    failing: bool = False


def next_step(
    window: Sequence[Sight], *, accept_unknown_loss: bool = False, new_url: str = ""
) -> Step:
    """The next step for an image that `gate.decide` let through."""
    sight = window[-1]
    if sight.exists:
        return _finish(sight)
    if new_url and url_of(sight.image) != new_url:
        return Step(Action.SET_URL, "giving it its new URL", (new_url,))
    source = sight.source
    if source is None:
        return Step(Action.WAIT, "a new data source")
    if source.meta.deleting and not source.file_transferred:
        return _deleted_while_fetching(window, source)
    stuck = data_source_stuck.judge(window)
    if stuck is not None and stuck.confidence == CERTAIN:
        return _leave_the_hang(window, source, accept_unknown_loss)
    if not source.file_transferred:
        if fetches_elsewhere(sight, source, bool(new_url)):
            text = "deleting the data source that still fetches from the old URL"
            return Step(Action.DELETE_SOURCE, text, (source.meta.uid,))
        if will_hang(sight, source):
            text = "deleting its data source, whose disk still has the old record"
            return Step(Action.DELETE_SOURCE, text, (source.meta.uid,))
        return _watch_first_file(sight, source)
    if sight.copies:
        step = Step(Action.EMPTY_MAP, "emptying its placement map")
        return _may_empty(window, accept_unknown_loss, step)
    return _delete_source(window, source, "deleting its data source")


def url_of(image: Image) -> str:
    """The URL that a data source made from now on fetches from."""
    return image.source_parameters.get("url", "")


def fetches_elsewhere(sight: Sight, source: DataSource, asked_for: bool) -> bool:
    """Whether a data source fetches from a URL that the image had before: an edit of the image does
    not reach it. *asked_for* by the operator, or in a recovery of ours, which asked the new one.

    It is only deleted while its key is in the map and a running manager lists the image there: that
    manager has to clean up before the next data source comes (played on 1.12.1).
    """
    own = source.parameters.get("url", "")
    if not own or own == url_of(sight.image):
        return False
    if not asked_for and not notes.recovery_of(sight.image):
        return False
    managers = sight.cluster.managers_of_disk.get(source.disk, ())
    listed = any(m.running and sight.image.name in m.images for m in managers)
    return listed and any(seen.copy.disk == source.disk for seen in sight.copies)


def _delete_source(window: Sequence[Sight], source: DataSource, text: str) -> Step:
    """When no manager records the image any more, and Longhorn has had a moment to begin itself.

    If both happened at once, the data source would be told to fetch while it is being deleted, and
    hang: its manager does not list the image any more and never cleans up.
    """
    sight = window[-1]
    if sight.recording:
        return Step(Action.WAIT, f"{count(len(sight.recording), 'manager')} to drop their records")
    quiet = unchanged_for(
        window,
        lambda s: s.source == source and s.copies == sight.copies and not s.recording,
    )
    if quiet < HANDS_OFF_SECONDS:
        return Step(Action.WAIT, "Longhorn to begin by itself")
    return Step(Action.DELETE_SOURCE, text, (source.meta.uid,))


def _deleted_while_fetching(window: Sequence[Sight], source: DataSource) -> Step:
    """A data source that is being deleted while it fetches goes only when a manager that lists the
    image has cleaned up. With an empty map there is none: a key of its disk brings one back
    (longhorn-manager controller/backing_image_data_source_controller.go).
    """
    sight = window[-1]

    def hangs(earlier: Sight) -> bool:
        found = earlier.source
        same = found is not None and found.meta.uid == source.meta.uid and found.meta.deleting
        return same and not earlier.copies

    if unchanged_for(window, hangs) >= DELETION_SECONDS and source.disk in sight.cluster.disks:
        text = "giving the data source that hangs in its deletion a manager to clean up"
        return Step(Action.ADD_KEYS, text, (source.disk,))
    return Step(Action.WAIT, "the old data source to be cleaned up")


def _may_empty(window: Sequence[Sight], accept_unknown_loss: bool, step: Step) -> Step:
    """Before the map is touched: no doubt about the loss, tickets off, volumes detached."""
    sight = window[-1]
    unsure = checks.doubt(window, accept_unknown_loss)
    if unsure:
        return Step(Action.WAIT, unsure)
    name = sight.image.name
    held = tickets.open_attachments(sight.cluster, name)
    if held:
        return Step(
            Action.TAKE_TICKETS,
            f"taking the tickets of {count(len(held), 'waiting volume')}",
            tuple(attachment.name for attachment in held),
        )
    attached = [
        volume.name
        for volume in sight.cluster.volumes_of_image.get(name, ())
        if volume.state not in ("detached", "creating", "deleting", "")
        and not stranded.holding(sight.cluster, volume)
    ]
    if attached:
        held_by = "; ".join(tickets.blockers(sight.cluster, name))
        text = f"volumes to detach: {names(attached)}"
        return Step(Action.WAIT, f"{text} ({held_by})" if held_by else text)
    return step


def _leave_the_hang(window: Sequence[Sight], source: DataSource, accept_unknown_loss: bool) -> Step:
    """The way out, played twice of two: map empty, records gone, data source deleted once more.

    The data source puts its own key back at once; that one is left.
    """
    sight = window[-1]
    others = [seen for seen in sight.copies if seen.copy.disk != source.disk]
    times = notes.times_emptied(sight.image, source.meta.uid)
    # The data source may put its key back before the managers have looked: then once more, and
    # after that its deletion, in which the manager has to clean up the old record.
    still = unchanged_for(
        window,
        lambda s: (
            s.copies == sight.copies
            and bool(s.recording)
            and s.image.meta.version == sight.image.meta.version
        ),
    )
    in_vain = still >= EMPTY_AGAIN_SECONDS
    if in_vain and times >= EMPTIED_MOST and not others:
        text = "deleting its data source, whose manager cleans up then"
        return Step(Action.DELETE_SOURCE, text, (source.meta.uid,))
    if others or not times or in_vain:
        text = "emptying its placement map (its data source hangs)"
        return _may_empty(window, accept_unknown_loss, Step(Action.EMPTY_MAP, text))
    return _delete_source(window, source, "deleting its hanging data source")


def will_hang(sight: Sight, source: DataSource) -> bool:
    """Whether the manager that is to take the new file over still records the old, failed one.

    An image that was lost for longer than the recovery interval (300 s) is fetched again in the
    moment its map is empty, 1 to 3 s before the managers drop their records; the data source then
    brings its key, and with it the old record, back (longhorn-manager
    controller/backing_image_controller.go handleBackingImageDataSource). Deleting it then makes
    that manager, the only one that lists the image, clean up its record, before the next data
    source comes on the same disk (controller/backing_image_manager_controller.go
    prepareBackingImageFiles).
    """
    name = sight.image.name
    if source.file_transferred or not notes.times_emptied(sight.image, source.meta.uid):
        return False
    if [seen.copy.disk for seen in sight.copies] != [source.disk]:
        return False
    listing = [m for m in sight.cluster.managers.values() if m.running and name in m.images]
    if {manager.disk for manager in listing} != {source.disk}:
        return False
    files = [manager.files.get(name) for manager in listing]
    return any(file is not None and file.state == "failed" for file in files)


def _watch_first_file(sight: Sight, source: DataSource) -> Step:
    disk = sight.cluster.disks.get(source.disk)
    where = f" on {disk.label}" if disk else ""
    if source.state in ("failed", "failed-and-cleanup"):
        cause = redact.plain(source.message) or "without a message"
        since = next((c.copy.since for c in sight.copies if c.copy.disk == source.disk), "")
        when = next_try.text("", since)
        text = f"Longhorn's next try{where} after: {cause}" + (f" ({when})" if when else "")
        return Step(Action.WAIT, text, failing=True)
    state = source.state or "starting"
    return Step(Action.WAIT, f"first file{where}: {state}, {source.progress} %")


def plan_lines(sight: Sight) -> list[str]:
    """What a recovery would do to this image, for a person to read before it happens."""
    cluster, image = sight.cluster, sight.image
    lines = []
    held = [a.name for a in tickets.open_attachments(cluster, image.name)]
    if held and not sight.exists:
        lines.append(f"volumes detached, and their tickets given back later: {', '.join(held)}")
    if sight.copies and not sight.exists and not sight.first_file_pending:
        lines.append(f"placement map emptied ({count(len(sight.copies), 'key')})")
    if not sight.exists:
        url = redact.plain(image.source_parameters.get("url", ""))
        lines.append(f"fetched again from {url}" if url else "fetched again from its source")
    lines.append(f"{wanted_now(sight)} copies healthy")
    return lines


# -- the first copy is there --------------------------------------------------------------------
def _finish(sight: Sight) -> Step:
    cluster, image = sight.cluster, sight.image
    waiting = tickets.waiting_to_return(cluster, image.name)
    if waiting:
        return Step(
            Action.GIVE_TICKETS,
            f"giving {count(len(waiting), 'volume')} the attachment tickets back",
            tuple(attachment.name for attachment in waiting),
        )
    wanted = wanted_now(sight)
    proven = sight.having(Standing.PROVEN)
    if len(proven) < wanted:
        return _more_copies(sight, wanted)
    apart = _apart(sight, wanted)
    if apart is not None:
        return apart
    unwell = [text for text in map(lambda v: volume_trouble(cluster, v), _volumes(sight)) if text]
    if unwell:
        return Step(Action.WAIT, "; ".join(unwell))
    if notes.recovery_of(image):
        return Step(Action.FORGET, "clearing the note of this recovery")
    told = f"{len(proven)} of {wanted} copies healthy"
    if len(proven) > wanted:
        told = f"{len(proven)} copies healthy ({wanted} wanted)"
    told += "".join(f"; {text}" for v in _volumes(sight) if (text := stranded.told(cluster, v)))
    pods = tickets.waiting_pods(cluster, image.name)
    return Step(Action.DONE, told + (f"; waiting for it: {names(list(pods))}" if pods else ""))


def wanted_now(sight: Sight) -> int:
    """The wanted number, but not more than disks can take copies at all.

    Up to 1.6 it is the number of keys before the map was emptied, which is in our note.
    """
    image = sight.image
    wanted = sight.wanted
    before = notes.keys_before(image)
    if not sight.cluster.schema.replenishes and before:
        # A waiting replica brings the key of a dead disk back: it would ask for one copy more with
        # each key that is added for it.
        wanted = max(before, sum(1 for seen in sight.copies if seen.copy.disk in sight.disks_up))
    possible = Placement(sight.cluster, {}).usable_disks(image)
    return max(1, min(wanted, max(possible, len(sight.having(Standing.PROVEN)))))


def _more_copies(sight: Sight, wanted: int) -> Step:
    standing = [seen for seen in sight.copies if seen.copy.disk in sight.disks_up]
    have = len(sight.having(Standing.PROVEN))
    if not sight.cluster.schema.replenishes and len(standing) < wanted:
        targets = own_targets(sight.cluster, sight.image, wanted - len(standing))
        if targets:
            return Step(
                Action.ADD_KEYS,
                f"adding keys for {count(len(targets), 'more copy', 'more copies')}",
                targets,
            )
    making = ", ".join(
        f"{seen.place} ({seen.why or seen.copy.state})"
        for seen in sight.copies
        if seen.standing is not Standing.PROVEN
    )
    return Step(Action.WAIT, f"{have} of {wanted} copies" + (f"; {making}" if making else ""))


def _apart(sight: Sight, wanted: int) -> Step | None:
    """The wanted copies are there; are they on so many nodes, too? Longhorn does not look at nodes
    when it chooses disks (longhorn-manager datastore GetReadyNodeDiskForBackingImage, 1.7 and
    later). A copy is added where another node can take one; the surplus one is left to its owner.
    """
    cluster, image = sight.cluster, sight.image
    nodes = {seen.node for seen in sight.having(Standing.PROVEN)}
    if len(nodes) >= wanted:
        return None
    arriving = [
        seen.place
        for seen in sight.having(Standing.MOVING, Standing.EMPTY, Standing.WAITING)
        if seen.node not in nodes
    ]
    if arriving:
        return Step(Action.WAIT, f"a copy on another node: {names(arriving)}")
    taken = [cluster.disks[c.disk] for c in image.wanted if c.disk in cluster.disks]
    target = Placement(cluster, {}).choose(image, taken)
    if target is None or target.node in nodes:
        return None
    text = (
        f"adding a key on another node ({target.label}): all copies are on {names(sorted(nodes))}"
    )
    return Step(Action.ADD_KEYS, text, (target.uuid,))


def own_targets(cluster: Cluster, image: Image, number: int) -> tuple[str, ...]:
    """Disks for further copies: first where a replica needs one anyway, then by placement."""
    placed = Placement(cluster, {})
    taken = [cluster.disks[c.disk] for c in image.wanted if c.disk in cluster.disks]
    found: list[str] = []
    for replica in cluster.replicas_of_image.get(image.name, ()):
        disk = cluster.disks.get(replica.disk)
        if disk is None or disk in taken or disk_refused(disk) or len(found) >= number:
            continue
        found.append(disk.uuid)
        taken.append(disk)
    while len(found) < number:
        disk = placed.choose(image, taken)
        if disk is None:
            break
        found.append(disk.uuid)
        taken.append(disk)
    return tuple(found)


def _volumes(sight: Sight) -> list[Volume]:
    """Volumes of the image that somebody wants attached."""
    cluster = sight.cluster
    return [
        volume
        for volume in cluster.volumes_of_image.get(sight.image.name, ())
        if volume.name in cluster.attachments and cluster.attachments[volume.name].tickets
    ]


def volume_trouble(cluster: Cluster, volume: Volume) -> str:
    """Why a volume that should run is not well yet; "" when it is, or when no wait will help.

    A volume that wants more replicas than there are nodes never reads healthy: then it counts as
    well when every node that can has one.
    """
    if stranded.holding(cluster, volume):
        return ""
    if volume.state != "attached":
        return f"volume {volume.name} is {volume.state or 'not there'}"
    if volume.robustness == "healthy":
        return ""
    running = [
        r for r in cluster.replicas_of_volume.get(volume.name, ()) if r.healthy and r.running
    ]
    nodes = [
        node
        for node in cluster.nodes.values()
        if node.ready and any(not disk_refused(disk) for disk in node.disks)
    ]
    if volume.robustness == "degraded" and len(running) >= min(volume.replicas_wanted, len(nodes)):
        engine = cluster.engine(volume.name)
        if engine is None or len(engine.modes) >= len(running):
            return ""
    return f"volume {volume.name} is attached, {volume.robustness or 'not judged yet'}"
