# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long single reactions took in a recording, where something hung on it.

Most delays are drawn from ranges (the controllers' latencies, ``rig.py``). Two of them decide races
that a recording shows lost or won by a few hundredths of a second: when a pod ran, and when the
manager of a replica first asked for its image. A replay uses those that the recording shows, for
the pod or the replica that is made at about the same time; for all others it draws as ever.
"""

from __future__ import annotations

import dataclasses

from tests.simulator.kernel import Kernel
from tests.simulator.objects import Object, labels_of, name_of
from tests.simulator.recordings.load import Event, Recording
from tests.simulator.recordings.names import Names
from tests.simulator.recordings.observe import placement

#: A recorded reaction further away than this is not the one that is coming now.
_REACH = 10.0
#: Seconds after which a key is no longer the first request of a replica.
_FIRST = 2.0
#: What began this much sooner than in the recording is still done at the moment it was there.
_EARLY = 0.5
_MANAGER = "backing-image-manager"
_INSTANCES = "instance-manager"
_DISK = "longhorn.io/disk-uuid"
_NODE = "longhorn.io/node"
_COMPONENT = "longhorn.io/component"


@dataclasses.dataclass(slots=True)
class _Reaction:
    t: float
    seconds: float
    used: bool = False


Reactions = dict[str, list[_Reaction]]


class RecordedPace:
    """The delays of a recording, for the simulated pod or replica that begins now."""

    def __init__(self, recording: Recording, kernel: Kernel, names: Names) -> None:
        self._kernel, self._names = kernel, names
        self._start = recording.start
        self.taken = 0
        self._pods = _pods(recording)
        self._replicas = _replicas(recording)

    def pod(self, pod: Object) -> float | None:
        """Seconds until the containers of a bound pod run; None where the recording does not
        tell.
        """
        return self._take(self._pods, self._names.back(_pod_key(pod)))

    def replica(self, replica: Object) -> float | None:
        """Seconds until a replica that is to run is first looked at by its manager."""
        return self._take(self._replicas, self._names.back(_replica_key(replica)))

    def _take(self, reactions: Reactions, key: str) -> float | None:
        now = self._kernel.now()
        free = [r for r in reactions.get(key, ()) if not r.used and abs(r.t - now) <= _REACH]
        if now < self._start or not free:
            return None
        nearest = min(free, key=lambda reaction: abs(reaction.t - now))
        nearest.used = True
        self.taken += 1
        return nearest.seconds + min(max(nearest.t - now, 0.0), _EARLY)


def _pod_key(pod: Object) -> str:
    """A name for the pod's place that does not depend on hashes."""
    labels = labels_of(pod)
    component = labels.get(_COMPONENT)
    place = {_MANAGER: labels.get(_DISK), _INSTANCES: labels.get(_NODE)}.get(str(component))
    return f"{component} {place}" if place else name_of(pod)


def _replica_key(replica: Object) -> str:
    return f"{replica['spec'].get('volumeName')} {replica['spec'].get('diskID')}"


def _pods(recording: Recording) -> Reactions:
    """From the creation of a pod to its first sight as running."""
    found: Reactions = {}
    added: dict[str, float] = {}
    for event in recording.of("pods"):
        phase = (event.object.get("status") or {}).get("phase")
        uid = str(event.object["metadata"].get("uid"))
        if event.type == "ADDED" and phase == "Pending":
            added.setdefault(uid, event.t)
        elif phase == "Running" and uid in added:
            began = added.pop(uid)
            reaction = _Reaction(began, event.t - began)
            found.setdefault(_pod_key(dict(event.object)), []).append(reaction)
    return found


def _replicas(recording: Recording) -> Reactions:
    """From "to run, on this disk" to the key that the replica's manager then put into the map."""
    found: Reactions = {}
    waiting: dict[str, list[tuple[str, float]]] = {}
    keys: dict[str, set[str]] = {}
    begun: set[str] = set()
    for event in recording.events:
        if event.resource == "replicas.longhorn.io":
            _begin(event, begun, waiting)
        elif event.resource == "backingimages.longhorn.io":
            present = placement(event.object.get("spec") or {})
            for disk in set(present) - keys.get(event.name, set()):
                for key, since in waiting.pop(f"{event.name} {disk}", ()):
                    if event.t - since <= _FIRST:
                        found.setdefault(key, []).append(_Reaction(since, event.t - since))
            keys[event.name] = set(present)
    return found


def _begin(event: Event, begun: set[str], waiting: dict[str, list[tuple[str, float]]]) -> None:
    spec = event.object.get("spec") or {}
    runs = spec.get("desireState") == "running" and spec.get("diskID")
    if event.type == "DELETED" or not runs:
        begun.discard(event.name)
        return
    if event.name not in begun and spec.get("backingImage"):
        begun.add(event.name)
        place = f"{spec['backingImage']} {spec['diskID']}"
        waiting.setdefault(place, []).append((_replica_key(dict(event.object)), event.t))
