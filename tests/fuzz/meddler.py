# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can get in the way of a maintenance, each with what undoes it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request as Drain,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.restore_plan import (
    Request as Return,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from tests.fuzz.disks import Disks
from tests.fuzz.plays import Plays
from tests.fuzz.watcher import Watcher
from tests.integration.drain.scene import SPACE, ticket
from tests.simulator.errors import ApiError
from tests.simulator.longhorn import names
from tests.simulator.objects import Object, name_of

SETTINGS = {
    "replica-soft-anti-affinity": ("true", "false"),
    "node-drain-policy": ("block-if-contains-last-replica", "allow-if-replica-is-stopped"),
    "replica-replenishment-wait-interval": ("0", "600"),
    "replica-auto-balance": ("best-effort", "disabled"),
    "concurrent-replica-rebuild-per-node-limit": ("0", "5"),
}
STATUSES = (409, 429, 500, 503)


class Meddler:
    """Interferes with one play. `undo` is what is to be done that the play can succeed."""

    def __init__(self, plays: Plays, watcher: Watcher, disks: Disks, node: str, seed: str) -> None:
        self.plays, self.watcher, self.disks, self.node = plays, watcher, disks, node
        self.cluster = plays.cluster
        self.store = plays.cluster.store
        self.chance = random.Random(seed)
        self.undo: list[tuple[str, Callable[[], Any]]] = []
        self.touched: set[str] = set()
        self.kinds: dict[str, Callable[[], str]] = {
            "power": self._power,
            "manager": self._manager,
            "image manager": self._image_manager,
            "disk out": self._disk_out,
            "disk full": self._disk_full,
            "cordon": self._cordon,
            "uncordon": self._uncordon,
            "detach": self._detach,
            "attach": self._attach,
            "delete image": self._delete_image,
            "replicas": self._replicas,
            "minimum": self._minimum,
            "setting": self._setting,
            "add key": self._add_key,
            "remove key": self._remove_key,
            "server": self._server,
            "conflicts": self._conflicts,
            "replica dies": self._replica_dies,
            "clock": self._clock,
            "second drain": self._second_drain,
            "lock broken": self._lock_broken,
        }
        self._busy = False

    def interfere(self, kind: str) -> None:
        """Do it now, whatever comes of it."""
        try:
            told = self.kinds[kind]()
        except (ApiError, KeyError, OSError, IndexError) as error:
            told = f"- {error}"
        self.watcher.say(f"~~ {kind}: {told}")

    def end(self) -> None:
        """Everything that stands in the way goes."""
        self.plays.app.faults.clear()
        self.plays.clock_error = 0.0
        for what, undo in reversed(self.undo):
            try:
                undo()
                self.watcher.say(f"~~ undone: {what}")
            except (ApiError, KeyError, OSError) as error:
                self.watcher.say(f"~~ not undone: {what}: {error}")
        self.undo.clear()

    # -- what is at hand ------------------------------------------------------------------------
    def _any(self, resource: str) -> Object:
        found = sorted(self.store.list(resource), key=name_of)
        if not found:
            raise KeyError(f"no {resource}")
        return self.chance.choice(found)

    def _edit(
        self, resource: str, name: str, change: Callable[[Object], Any], ns: str = SPACE
    ) -> None:
        def edit(obj: Object) -> None:
            change(obj)

        self.store.mutate(resource, ns, name, edit)

    def _cancel(self, request: Return) -> None:
        for _number in range(3):
            try:
                self.plays.restore(request)
                return
            except Failure as failure:
                self.watcher.say(f"~~ cancel of {request.node} failed: {failure}")
                self.cluster.kernel.run_for(120.0)
        self.watcher.complain(f"{request.node} could not be given back after the second drain")

    # -- machines -------------------------------------------------------------------------------
    def _power(self) -> str:
        node = self.chance.choice(self.cluster.nodes)
        if node in self.disks.down:
            self._on(node)
            return f"{node} on"
        self.cluster.power_off(node)
        self.disks.down[node] = self.cluster.kernel.now()
        self.undo.append((f"{node} on", lambda: self._on(node)))
        if self.chance.random() < 0.4:
            after = self.chance.choice([5.0, 30.0, 90.0])
            self.cluster.kernel.call_later(after, lambda: self._on(node))
        return f"{node} off"

    def _on(self, node: str) -> None:
        if self.disks.down.pop(node, None) is not None:
            self.watcher.say(f"~~ {node} on")
            self.cluster.power_on(node)

    def _manager(self) -> str:
        node = self.chance.choice(self.cluster.nodes)
        self.cluster.crash_manager_pod(node)
        return node

    def _image_manager(self) -> str:
        pods = [p for p in self.cluster.manager_pods() if p["status"].get("phase") == "Running"]
        pod = name_of(self.chance.choice(pods))
        self.cluster.kill_pod(pod)
        return pod

    def _replica_dies(self) -> str:
        spec = self._any(names.REPLICAS)["spec"]
        self.cluster.kill_replica(spec["nodeID"], spec["volumeName"])
        return f"{spec['volumeName']} on {spec['nodeID']}"

    def _disk_out(self) -> str:
        node = self.chance.choice(self.cluster.nodes)
        worker = self.cluster.workers[node]
        path = self.chance.choice(sorted(worker.disks))
        config = worker.disks[path].config()
        if config is None:
            raise KeyError("no disk")
        disk = worker.lose_disk(path)
        self.disks.out[config.uuid] = (node, path, disk, self.cluster.kernel.now())

        def back() -> None:
            self.disks.out.pop(config.uuid)
            worker.give_disk(path, disk)
            # A manager that has started without its disk does not look again.
            for pod in self.cluster.manager_pods():
                if pod["spec"].get("nodeName") == node:
                    self.cluster.kill_pod(name_of(pod))

        self.undo.append((f"{path} of {node} back", back))
        return f"{path} of {node} ({config.uuid})"

    def _disk_full(self) -> str:
        node = self.chance.choice(self.cluster.nodes)
        disks = self.cluster.workers[node].disks
        disk = disks[self.chance.choice(sorted(disks))]
        before, disk.capacity = disk.capacity, disk.used() + 1

        def empty() -> None:
            disk.capacity = before

        self.undo.append((f"disk of {node} empty", empty))
        return node

    # -- the operator ---------------------------------------------------------------------------
    def _cordon(self) -> str:
        others = [node for node in self.cluster.nodes if node != self.node]
        node = self.chance.choice(others)
        self.touched.add(f"cordon {node}")
        self._edit("nodes", node, lambda o: o["spec"].update(unschedulable=True), "")
        self.undo.append((f"{node} uncordoned", lambda: self._edit("nodes", node, _open, "")))
        return node

    def _uncordon(self) -> str:
        self.touched.add(f"cordon {self.node}")
        self._edit("nodes", self.node, _open, "")
        return self.node

    def _detach(self) -> str:
        name = name_of(self._any(names.VOLUMES))
        self.touched.add(f"tickets {name}")
        before = self.store.get(names.ATTACHMENTS, SPACE, name)["spec"].get("attachmentTickets")
        self._edit(names.ATTACHMENTS, name, lambda o: o["spec"].update(attachmentTickets={}))
        ours = (before or {}).get("csi-of-a-pod")
        if ours is not None:
            self.undo.append((f"{name} attached", lambda: self._ticket(name, ours["nodeID"])))
        return name

    def _attach(self) -> str:
        name, node = name_of(self._any(names.VOLUMES)), self.chance.choice(self.cluster.nodes)
        found = self.store.get(names.ATTACHMENTS, SPACE, name)["spec"].get("attachmentTickets")
        if found:
            raise KeyError(f"{name} has tickets {sorted(found)}")
        self.touched.add(f"tickets {name}")
        self._ticket(name, node)
        # Nobody uses it, so nobody else would let it go.
        self.undo.append((f"{name} let go", lambda: self._let_go(name)))
        return f"{name} on {node}"

    def _let_go(self, name: str) -> None:
        def take(obj: Object) -> None:
            (obj["spec"].get("attachmentTickets") or {}).pop("csi-of-a-pod", None)

        self._edit(names.ATTACHMENTS, name, take)

    def _ticket(self, name: str, node: str) -> None:
        ticket(self.cluster, name, "csi-of-a-pod", node, "csi-attacher")

    def _delete_image(self) -> str:
        image = self._any(names.IMAGES)
        self.touched.add(f"image {name_of(image)}")
        self.store.delete(names.IMAGES, SPACE, name_of(image))
        return name_of(image)

    def _replicas(self) -> str:
        volume = self._any(names.VOLUMES)
        name, now = name_of(volume), int(volume["spec"]["numberOfReplicas"])
        number = self.chance.choice([n for n in (1, 2, 3) if n != now])
        self.touched.add(f"volume {name}")
        self._edit(names.VOLUMES, name, lambda o: o["spec"].update(numberOfReplicas=number))

        def back(obj: Object) -> None:
            if obj["spec"]["numberOfReplicas"] == number and not obj["metadata"].get("annotations"):
                obj["spec"]["numberOfReplicas"] = now

        # More than there are nodes for is in the way of any drain.
        self.undo.append((f"{name} {now}", lambda: self._edit(names.VOLUMES, name, back)))
        return f"{name} {now} -> {number}"

    def _minimum(self) -> str:
        if not self.cluster.profile.has("file_spec_map"):
            raise KeyError("no minNumberOfCopies")
        name, number = name_of(self._any(names.IMAGES)), self.chance.choice([1, 2, 3])
        self.touched.add(f"image {name}")
        self._edit(names.IMAGES, name, lambda o: o["spec"].update(minNumberOfCopies=number))
        return f"{name} {number}"

    def _setting(self) -> str:
        name = self.chance.choice(sorted(SETTINGS))
        value, usual = SETTINGS[name]
        self._set(name, value)
        self.undo.append((f"{name} {usual}", lambda: self._set(name, usual)))
        return f"{name} {value}"

    def _set(self, name: str, value: str) -> None:
        self._edit(names.SETTINGS, name, lambda o: o.update(value=value))

    def _add_key(self) -> str:
        name = name_of(self._any(names.IMAGES))
        uuid = self.chance.choice(self.cluster.disk_uuids())
        profile = self.cluster.profile
        self.touched.add(f"image {name}")

        def add(obj: Object) -> None:
            (obj["spec"].setdefault(profile.map_field, {})).setdefault(uuid, profile.new_entry())

        self._edit(names.IMAGES, name, add)
        return f"{name} {uuid}"

    def _remove_key(self) -> str:
        image = self._any(names.IMAGES)
        field = self.cluster.profile.map_field
        keys = sorted(image["spec"].get(field) or {})
        if len(keys) < 2:
            raise KeyError("it would be the last key")
        uuid = self.chance.choice(keys)
        self.touched.add(f"image {name_of(image)}")
        self._edit(names.IMAGES, name_of(image), lambda o: o["spec"][field].pop(uuid, None))
        return f"{name_of(image)} {uuid}"

    # -- the API server, other clients, our own machine -----------------------------------------
    def _server(self) -> str:
        status, times = self.chance.choice(STATUSES), self.chance.choice([1, 3, 10])
        verb = self.chance.choice(["", "write"])
        status = 500 if status == 409 and not verb else status
        self.plays.app.faults.add(action="error", status=status, times=times, verb=verb)
        return f"{verb or 'any'} {status}, {times} times"

    def _conflicts(self) -> str:
        """Another controller writes the same objects all the time, for a while."""
        resource = self.chance.choice([names.IMAGES, names.VOLUMES, names.NODES])
        end = self.cluster.kernel.now() + self.chance.choice([2.0, 10.0, 30.0])

        def write() -> None:
            for obj in self.store.list(resource):
                number = str(self.cluster.kernel.now())

                def change(found: Object, number: str = number) -> None:
                    found["metadata"].setdefault("annotations", {})["example.org/at"] = number

                try:
                    self.store.mutate(resource, SPACE, name_of(obj), change)
                except ApiError:
                    continue
            if self.cluster.kernel.now() < end:
                self.cluster.kernel.call_later(0.25, write)

        write()
        return f"{resource} until {end % 100000:.0f}"

    def _second_drain(self) -> str:
        """Another person drains another node. The first run stands still meanwhile, as one on a
        machine that is asleep does: its lock may expire.
        """
        node = self.chance.choice([name for name in self.cluster.nodes if name != self.node])
        intent = self.chance.choice([Intent.REBOOT, Intent.REMOVE])
        if self._busy:
            raise KeyError("one is enough")
        self._busy = True
        self.undo.insert(
            0, (f"drain of {node} cancelled", lambda: self._cancel(Return(node, cancel=True)))
        )
        self.watcher.say(f"~~ second drain begins: {node} {intent.value}")
        try:
            self.plays.drain_node(Drain(node, intent))
            told = "done"
        except Failure as failure:
            told = f"failed: {failure}"
        finally:
            self._busy = False
        return f"{node} {intent.value} {told}"

    def _lock_broken(self) -> str:
        name = "nodecare-longhorn-maintenance"
        self.store.delete("leases.coordination.k8s.io", SPACE, name)
        return name

    def _clock(self) -> str:
        self.plays.clock_error += self.chance.choice([-86400.0, -300.0, 300.0, 86400.0])
        return f"{self.plays.clock_error:+.0f} s"


def _open(node: Object) -> None:
    node["spec"].pop("unschedulable", None)
