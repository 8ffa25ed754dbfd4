# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules that never break (design.md section 2), checked at every write of ours."""

from __future__ import annotations

from typing import Any

from tests.fuzz.disks import Disks
from tests.simulator.history import DELETED, WatchEvent
from tests.simulator.kernel import parse_rfc3339
from tests.simulator.longhorn import names
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.objects import Object, name_of
from tests.stepped.transport import Write

# What is younger than a reading can be unknown to whoever decided by it (P4: the race is accepted).
RACE_SECONDS = 2.0


class Watcher:
    """Sees every change; `ours` is the write of the collection that is being handled."""

    def __init__(self, cluster: Cluster, disks: Disks) -> None:
        self._cluster = cluster
        self._disks = disks
        self._field = cluster.profile.map_field
        self.ours: Write | None = None
        self.recovering = False
        self.wrong: list[str] = []
        self.log: list[str] = []
        cluster.store.subscribe(self._see)

    def at_write(self, write: Write, when: str) -> None:
        """Around each request of ours that writes."""
        self.ours = write if when == "before" else None
        if when == "before" and not write.renewal:
            self.say(f"ours {write}")

    def say(self, text: str) -> None:
        """Into the log of the history."""
        self.log.append(f"{self._cluster.kernel.now() % 100000:9.2f}  {text}")

    def complain(self, text: str) -> None:
        """A rule is broken."""
        self.say(f"WRONG {text}")
        if text not in self.wrong:
            self.wrong.append(text)

    def _see(self, event: WatchEvent) -> None:
        if self.ours is None:
            if event.res in (names.REPLICAS, names.IMAGES):
                self._tell(event)
            return
        if event.res == names.REPLICAS:
            self._replica(event)
        elif event.res == names.IMAGES and event.type != DELETED and event.old is not None:
            self._image(event.obj, event.old)

    def _tell(self, event: WatchEvent) -> None:
        """What others do to replicas and maps."""
        if event.res == names.REPLICAS and event.type != "MODIFIED":
            spec = event.obj["spec"]
            self.say(f"{event.type} {name_of(event.obj)} on {spec.get('nodeID')}")
        elif event.res == names.IMAGES and event.old is not None:
            keys, before = self._keys(event.obj), self._keys(event.old)
            if keys != before:
                self.say(f"map of {name_of(event.obj)}: +{keys - before} -{before - keys}")

    def _keys(self, image: Object) -> set[str]:
        return set(image["spec"].get(self._field) or {})

    def _image(self, image: Object, old: Object) -> None:
        name = name_of(image)
        keys, gone = self._keys(image), self._keys(old) - self._keys(image)
        before = old["spec"].get(self._field) or {}
        for uuid, entry in (image["spec"].get(self._field) or {}).items():
            bare = not isinstance(entry, dict) or not entry.get("dataEngine")
            if bare and entry != before.get(uuid) and self._needs_engine():
                self.complain(f"entry {entry!r} written into the map of {name}")
        if not gone or image["metadata"].get("deletionTimestamp"):
            return
        self.say(f"we take {gone} from {name}")
        self._last_file(old, keys, gone)
        for replica in self._cluster.store.list(names.REPLICAS):
            spec = replica["spec"]
            if spec.get("backingImage") != name or spec.get("diskID") not in gone:
                continue
            if self._age(replica) > RACE_SECONDS and not self.recovering:
                self.complain(f"key of {name} removed by us under {name_of(replica)}")

    def _needs_engine(self) -> bool:
        entry: Any = self._cluster.profile.new_entry()
        return isinstance(entry, dict) and "dataEngine" in entry

    def _age(self, obj: Object) -> float:
        created = parse_rfc3339(obj["metadata"]["creationTimestamp"])
        return float(self._cluster.kernel.now() - created)

    def _last_file(self, image: Object, keys: set[str], gone: set[str]) -> None:
        files = self._disks.files(image)
        left = [uuid for uuid, (_node, works) in files.items() if works and uuid in keys]
        lost = [uuid for uuid, (_node, works) in files.items() if uuid in gone]
        if self.recovering:
            lost = [uuid for uuid in lost if files[uuid][1]]
        if lost and not left:
            self.complain(f"{name_of(image)} lost its last complete file (on {lost}) by our write")

    def _replica(self, event: WatchEvent) -> None:
        old = event.old or {}
        marked = event.obj["metadata"].get("deletionTimestamp")
        fresh = event.type == DELETED or (marked and not old["metadata"].get("deletionTimestamp"))
        if not fresh:
            return
        replica, volume = event.obj, str(event.obj["spec"].get("volumeName"))
        found = self._cluster.store.find(names.VOLUMES, names.NAMESPACE, volume)
        if found is None:
            return
        others = [r for r in self._disks.replicas(volume) if name_of(r) != name_of(replica)]
        wanted = int(found["spec"]["numberOfReplicas"])
        healthy = replica["spec"].get("healthyAt") and not replica["spec"].get("failedAt")
        self.say(f"we delete {name_of(replica)}: {len(others)} others of {wanted}")
        if len(others) < (wanted if healthy else 1):
            self.complain(
                f"{volume}: replica {name_of(replica)} deleted by us beside {len(others)} healthy "
                f"ones of {wanted}"
            )

    # -- at the end of a play -------------------------------------------------------------------
    def check_safe(self, node: str, said: list[str], disk: str = "") -> None:
        """A node that was called safe holds nothing that is nowhere else."""
        if not said:
            return
        scope = {disk} if disk else None
        for image in self._cluster.store.list(names.IMAGES):
            files = self._disks.files(image)
            here = [u for u, (n, _w) in files.items() if (u in scope if scope else n == node)]
            elsewhere = [u for u, (_n, works) in files.items() if works and u not in here]
            mapped = [uuid for uuid in elsewhere if uuid in self._keys(image)]
            if here and not mapped and self._keys(image) & set(here):
                self.complain(f"safe to {said} was said, {name_of(image)} is only on {here}")
        for volume in self._cluster.store.list(names.VOLUMES):
            whole = self._disks.replicas(name_of(volume))
            off = [
                r
                for r in whole
                if (r["spec"]["diskID"] not in scope if scope else r["spec"]["nodeID"] != node)
            ]
            if whole and not off:
                self.complain(f"safe to {said} was said, {name_of(volume)} is only on it")
