# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replays a recording on a simulated cluster of its version, on a virtual clock.

What real Longhorn draws at random is not what a simulator can be blamed for, and is treated so:

- Where Longhorn picked one of several equal disks, the simulator is told which one the recording
  shows (``steer.py``), but only among the disks that it would itself have allowed. That is the
  bijection of disks, made while it runs, so that later blows of the operator hit the same disk.
- How long a kubelet took to start a pod, and the manager of a replica to ask for its image, decides
  races that a recording shows won or lost by hundredths of a second; the recorded delay of that pod
  or replica is used (``pace.py``).
- In which order Longhorn came to the files of a manager, a map, is taken from the logs
  (``passes.py``), and when a write was made that had to be tried again because of conflicts
  (``steer.py``). How far such a write is moved is half of what is tolerated, at most.
- Other artefacts of the rig: ``rig.py``, ``downloads.py``.
- Beats of 30 s (resyncs, disk monitors; F§0.1) start anywhere. They come from the seed, and a
  bounded number of seeds is tried; the best one counts. The report names it, and says how many of
  the other choices were taken from the recording.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.simulator.kernel import Kernel
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.longhorn.manager import pod_backoff
from tests.simulator.longhorn.names import manager_name
from tests.simulator.recordings.actions import NAMESPACE, Action, actions
from tests.simulator.recordings.background import Stay, Wake, stays, wakes
from tests.simulator.recordings.beats import beats
from tests.simulator.recordings.compare import BEAT, Outcome, Tolerance, Verdict, compare
from tests.simulator.recordings.downloads import RecordedDownloads
from tests.simulator.recordings.heldback import histories
from tests.simulator.recordings.inferred import gates, inferred
from tests.simulator.recordings.load import KINDS, Event, Recording
from tests.simulator.recordings.looks import RecordedLooks
from tests.simulator.recordings.names import Names
from tests.simulator.recordings.observe import ABSENT, Observer, Track, Tracks, observe
from tests.simulator.recordings.operator import Operator
from tests.simulator.recordings.pace import RecordedPace
from tests.simulator.recordings.rig import POST, Load, loads, measure, posts
from tests.simulator.recordings.steer import RecordedChoices
from tests.simulator.recordings.world import SimulatedWorld

#: Seconds of quiet before a recording starts, in which the cluster comes up.
SETTLE = 180.0
SEEDS = 24
#: A replay this good ends the search; after so many seeds a mere pass does.
GOOD = 0.97
ENOUGH = 3
#: Seconds of CPU after which the search for a better seed ends, so that all take three minutes; and
#: where none passes so far.
BUDGET = 7.0
LONGEST = 21.0
_STAND_IN = "stand-in-"


@dataclasses.dataclass(frozen=True, slots=True)
class Examination:
    """The best verdict of the seeds tried, and what it was found with."""

    recording: Recording
    verdict: Verdict
    seed: int
    tried: int
    taken: Mapping[str, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Simulated:
    """What a simulated cluster showed, in the words of the recording."""

    tracks: Tracks
    outcomes: tuple[tuple[Outcome, Outcome], ...]
    taken: Mapping[str, int]


def examine(recording: Recording, seeds: int = SEEDS) -> Examination:
    """Replay ``recording`` with up to ``seeds`` seeds and return the best result."""
    played = tuple(sorted((*actions(recording), *_unlogged(recording)), key=lambda a: a.t))
    wanted = _in_scope(observe(recording.events, recording.start), recording)
    tolerance = Tolerance([action.t - recording.start for action in played])
    best: tuple[tuple[bool, bool, float], int, Verdict, Mapping[str, int]] | None = None
    tried = 0
    began = time.process_time()
    for seed in range(seeds):
        tried += 1
        shown = simulate(recording, played, seed)
        tracks = _in_scope(shown.tracks, recording, wanted)
        end = recording.end - recording.start
        verdict = compare(wanted, tracks, tolerance, end, shown.outcomes)
        rank = (verdict.passed, verdict.final_agrees and verdict.refusals_agree, verdict.share)
        if best is None or rank > best[0]:
            best = (rank, seed, verdict, shown.taken)
        if best[2].passed and (best[2].share >= GOOD or tried >= ENOUGH):
            break
        budget = BUDGET if best[2].passed else LONGEST
        if tried >= ENOUGH and time.process_time() - began > budget:
            break
    assert best is not None
    return Examination(recording, best[2], best[1], tried, best[3])


def simulate(recording: Recording, played: tuple[Action, ...], seed: int) -> Simulated:
    """Replay once. The cluster starts before the recording, and runs a little beyond its end."""
    cluster = Cluster(
        longhorn=recording.version,
        nodes=len(recording.nodes),
        disks=1,
        seed=seed,
        start=recording.start - SETTLE,
        beats={} if seed % 4 == 3 else _beats(recording),
    )
    try:
        return _play(cluster, recording, played, known=seed % 4 != 3)
    finally:
        cluster.close()


def _beats(recording: Recording) -> dict[str, float]:
    """Recorded beats by the names that a cluster gives its nodes."""
    known = beats(recording)
    return {
        f"node-{index + 1}": known[node]
        for index, node in enumerate(recording.nodes)
        if node in known
    }


def _play(
    cluster: Cluster, recording: Recording, played: tuple[Action, ...], known: bool
) -> Simulated:
    """Replay on a fresh cluster; ``known``: with the clocks that the recording tells of."""
    kernel, store = cluster.kernel, cluster.store
    for disk in recording.disks:
        # what a disk of the recording was mounted on is there from the start
        cluster.workers[cluster.nodes[recording.nodes.index(disk.node)]].add_disk(disk.path)
    rig = measure(recording)
    for node in cluster.nodes:
        kubelet = cluster.machines.kubelet(node)
        kubelet.start_delay, kubelet.stop_delay = rig.start, rig.stop
    kernel.run_for(SETTLE / 2)
    names = Names(recording, store, tuple(cluster.nodes))
    downloads: RecordedDownloads | None = None
    if known:
        cluster.world.processes.known_clocks = RecordedLooks(recording, names.back).clocks
        downloads = RecordedDownloads(recording, kernel.rng)
        cluster.world.processes.known_course = downloads.course
    pace = RecordedPace(recording, kernel, names)
    cluster.choices.known_start = pace.replica
    for node in cluster.nodes:
        cluster.machines.kubelet(node).known_start = pace.pod
    store.subscribe(lambda event: names.look() if event.res == "nodes.longhorn.io" else None)
    choices = RecordedChoices(recording, kernel, names)
    cluster.choices.prefer, cluster.choices.known_wait = choices.prefer, choices.known_wait
    cluster.choices.known_walk, cluster.choices.known_key = choices.walk, choices.known_key
    burden = loads(recording)
    cluster.choices.known_load = lambda: _extra(burden, kernel)
    cluster.choices.known_listing = choices.known_listing
    cluster.choices.known_end = choices.known_end
    cluster.choices.known_image_wait = choices.known_image_wait
    for recorded, phase in posts(recording).items():
        _post(cluster, str(names.forward(recorded, recording.start)), phase)
    if cluster.profile.has("manager_backoff"):
        for history in histories(recording):
            node = str(names.forward(history.node, recording.start))
            uuid = str(names.forward(history.disk, recording.start))
            backoff = pod_backoff(cluster.world, node)
            backoff.remember(manager_name(cluster.profile, uuid), history.seconds, history.opened)
    operator = Operator(
        kernel, store, SimulatedWorld(cluster), names, recording.start, cluster.evict
    )
    for stay in stays(recording):
        _stand_in(cluster, stay, names)
    for wake in wakes(recording):
        kernel.call_at(wake.t, functools.partial(_wake, cluster, wake, names))
    kernel.run_until(recording.start - 0.5)
    observer = Observer(recording.start)
    for resource in KINDS.values():
        for obj in store.list(resource):
            observer.see(Event(recording.start - 0.5, resource, "INITIAL", obj))
    stop = store.subscribe(
        lambda event: observer.see(Event(kernel.now(), event.res, event.type, event.obj))
    )
    for action in played:
        kernel.call_at(action.t, functools.partial(operator.perform, action))
    kernel.run_until(recording.end + BEAT)
    stop()
    operator.finish()
    taken = Counter(choices.taken)
    taken["delays"] += pace.taken + (downloads.taken if downloads is not None else 0)
    return Simulated(_renamed(observer.tracks, names), tuple(operator.outcomes), taken)


def _extra(burden: tuple[Load, ...], kernel: Kernel) -> float:
    """Seconds by which the rig's load holds up a pass over a volume that is asked for now."""
    now = kernel.now()
    ranges = [load.extra for load in burden if load.first <= now <= load.last]
    return kernel.rng.uniform(*ranges[0]) if ranges else 0.0


def _wake(cluster: Cluster, wake: Wake, names: Names) -> None:
    """Write a manager as a foreign image's change does: its controller and its images wake."""
    name = manager_name(cluster.profile, str(names.forward(wake.uuid, wake.t)))
    resource = "backingimagemanagers.longhorn.io"
    if cluster.store.find(resource, NAMESPACE, name) is None:
        return

    def stamp(obj: dict[str, Any]) -> None:
        obj["metadata"].setdefault("annotations", {})["foreign"] = f"{wake.t:.3f}"

    cluster.store.mutate(resource, NAMESPACE, name, stamp)


def _post(cluster: Cluster, node: str, phase: float) -> None:
    """Let a node's kubelet post its status, now and every half minute."""
    kernel = cluster.kernel

    def stamp(obj: dict[str, Any]) -> None:
        for entry in obj["status"].get("conditions") or []:
            entry["lastHeartbeatTime"] = kernel.timestamp()

    def post() -> None:
        kernel.call_later(POST, post)
        found = cluster.store.find("nodes", None, node)
        if found is not None and cluster.workers[node].powered:
            cluster.store.mutate("nodes", None, node, stamp, subresource="status")

    kernel.call_later((phase + 0.3 - kernel.now()) % POST, post)


def _unlogged(recording: Recording) -> tuple[Action, ...]:
    return (*inferred(recording, actions(recording)), *gates(recording))


def _stand_in(cluster: Cluster, stay: Stay, names: Names) -> None:
    """Create the stand-in for foreign images on a disk, and delete it when they went."""
    kernel, store = cluster.kernel, cluster.store
    uuid = names.forward(stay.uuid, stay.first)
    name = f"{_STAND_IN}{stay.uuid[:8]}-{int(stay.first) % 100000}"
    spec: dict[str, Any] = {
        "sourceType": "upload",
        "sourceParameters": {},
        cluster.profile.map_field: {uuid: cluster.profile.new_entry()},
    }
    if cluster.profile.has("file_spec_map"):
        spec["minNumberOfCopies"] = 1
    obj = {
        "apiVersion": "longhorn.io/v1beta2",
        "kind": "BackingImage",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    }
    resource = "backingimages.longhorn.io"
    kernel.call_at(max(stay.first, kernel.now()), lambda: store.create(resource, obj))
    kernel.call_at(stay.last, lambda: store.delete(resource, NAMESPACE, name))


def _renamed(tracks: Tracks, names: Names) -> Tracks:
    """Tracks with the names of the recording."""
    found: Tracks = {}
    for name, track in tracks.items():
        changes = [dataclasses.replace(c, value=names.back(c.value)) for c in track.changes]
        found[names.back(name)] = Track(names.back(track.initial), changes)
    return found


def _in_scope(tracks: Tracks, recording: Recording, known: Tracks | None = None) -> Tracks:
    """The tracks of kinds that the recording holds, without those of foreign images.

    A recording mentions a thing only when it changes: what the simulator shows there from the
    start counts only if it is among the ``known`` tracks of the recording.
    """
    recorded = {event.resource for event in recording.events}
    owned = {"poddisruptionbudgets.policy": "budget "}
    hidden = tuple(prefix for resource, prefix in owned.items() if resource not in recorded)
    foreign = {stay.uuid for stay in stays(recording)}
    used = {
        name.rpartition(" ")[2]
        for name in tracks
        if name.startswith("key ") and _STAND_IN not in name
    }
    found: Tracks = {}
    for name, track in tracks.items():
        if _STAND_IN in name or name.startswith(hidden or ("\0",)):
            continue
        if known is not None and name not in known and track.initial != ABSENT:
            continue
        if name.startswith("pod of manager "):
            disk = name.rpartition(" ")[2]
            shared = disk in foreign
            if known is not None and name not in known and disk not in used:
                continue  # only a stand-in is there
            if shared and track.initial == ABSENT:
                continue  # a foreign image may have brought it
            if not shared and track.initial != ABSENT:
                track = _since_gone(track)
        found[name] = track
    return found


def _since_gone(track: Track) -> Track:
    """A pod of a scenario before this one: only what came after it counts."""
    for index, change in enumerate(track.changes):
        if change.value == ABSENT:
            return Track(ABSENT, track.changes[index + 1 :])
    return Track(ABSENT, [])
