# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings of the simulator in the format of the real ones: scenarios that nobody recorded."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from tests.simulator.history import WatchEvent
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.recordings.load import KINDS

SPACE = "longhorn-system"
VOLUMES = "volumes.longhorn.io"
ATTACHMENTS = "volumeattachments.longhorn.io"
BUDGETS = "poddisruptionbudgets.policy"
SETTINGS_PATH = f"/apis/longhorn.io/v1beta2/namespaces/{SPACE}/settings"
_STEMS = {resource: stem for stem, resource in KINDS.items()}


class Recorder:
    """A simulated cluster in virtual time whose every event is written down."""

    def __init__(self, root: Path, version: str = "1.12.1", nodes: int = 3) -> None:
        self.cluster = Cluster(version, nodes=nodes, disks=1, root=root / "disks")
        self.store, self.kernel = self.cluster.store, self.cluster.kernel
        self._folder = root / f"v{version}" / "simulated"
        self._lines: dict[str, list[str]] = {stem: [] for stem in KINDS}
        self._actions: list[dict[str, Any]] = []

    def start(self) -> None:
        """From here on it is the recording; what is there is its first state."""
        for resource, stem in _STEMS.items():
            for obj in self.store.list(resource):
                self._write(stem, "INITIAL", obj)
        self._actions.append({"t": self._stamp(), "note": "scenario start: simulated"})
        self.store.subscribe(self._take)

    def _take(self, event: WatchEvent) -> None:
        stem = _STEMS.get(event.res)
        if stem is not None:
            self._write(stem, event.type, event.obj)

    def _write(self, stem: str, kind: str, obj: Any) -> None:
        line = {"t": self._stamp(), "type": kind, "object": obj}
        self._lines[stem].append(json.dumps(line))

    def forge_release(self, node: str) -> None:
        """Write down that the node's budget went now, which the simulator does not do."""
        managers = self.store.list("instancemanagers.longhorn.io", SPACE)
        names = [m["metadata"]["name"] for m in managers if m["spec"]["nodeID"] == node]
        self._write("pdbs", "DELETED", self.store.get(BUDGETS, SPACE, names[0]))

    def _stamp(self) -> str:
        moment = datetime.datetime.fromtimestamp(self.kernel.now(), datetime.UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.kernel.run_for(seconds)

    def set(self, name: str, value: str) -> None:
        """Write a setting, as an operator's logged request."""
        self.store.mutate("settings.longhorn.io", SPACE, name, lambda obj: obj.update(value=value))
        request = ["PATCH", f"{SETTINGS_PATH}/{name}"]
        body = [{"op": "replace", "path": "/value", "value": value}]
        self._actions.append({"t": self._stamp(), "request": request, "body": body, "http": 200})

    def cordon(self, node: str, closed: bool = True) -> None:
        """Close or open a core node."""
        self.store.mutate("nodes", None, node, lambda obj: obj["spec"].update(unschedulable=closed))

    def volume(self, name: str, replicas: int, attach_to: str) -> None:
        """A healthy volume, attached by hand."""
        spec = {
            "size": str(64 * 2**20),
            "numberOfReplicas": replicas,
            "frontend": "blockdev",
            "dataEngine": "v1",
            "accessMode": "rwo",
        }
        self.store.create(VOLUMES, {"metadata": {"name": name, "namespace": SPACE}, "spec": spec})
        self.wait(name, "state", "detached")
        self.ticket(name, attach_to)
        self.wait(name, "robustness", "healthy")

    def wait(self, volume: str, field: str, value: str) -> None:
        """Until the volume's status says so."""

        def there() -> bool:
            status = self.store.get(VOLUMES, SPACE, volume).get("status") or {}
            return bool(status.get(field) == value)

        assert self.cluster.run_until_true(there), (volume, field, value)

    def ticket(self, volume: str, node: str) -> None:
        """Attach it there by hand; "" takes all tickets away."""
        entry = {"id": "rig", "type": "longhorn-api", "nodeID": node, "generation": 0}
        entry["parameters"] = {"disableFrontend": "false", "lastAttachedBy": ""}
        tickets = {"rig": entry} if node else {}
        self.store.mutate(
            ATTACHMENTS, SPACE, volume, lambda obj: obj["spec"].update(attachmentTickets=tickets)
        )

    def nodes_with_replica(self, volume: str) -> list[str]:
        """Sorted."""
        found = [r["spec"] for r in self.store.list("replicas.longhorn.io", SPACE)]
        return sorted(r["nodeID"] for r in found if r["volumeName"] == volume)

    def budget_of(self, node: str) -> bool:
        """Whether the node's instance manager has its budget."""
        managers = self.store.list("instancemanagers.longhorn.io", SPACE)
        names = [m["metadata"]["name"] for m in managers if m["spec"]["nodeID"] == node]
        return any(self.store.find(BUDGETS, SPACE, name) is not None for name in names)

    def save(self) -> Path:
        """Write the folder; the cluster ends."""
        self._folder.mkdir(parents=True)
        for stem, lines in self._lines.items():
            (self._folder / f"{stem}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        actions = "".join(json.dumps(action) + "\n" for action in self._actions)
        (self._folder / "actions.jsonl").write_text(actions, encoding="utf-8")
        end = f"{self._stamp().rstrip('Z')[:-3]} end of the recording\n"
        (self._folder / "timeline.txt").write_text(end, encoding="utf-8")
        self.cluster.close()
        return self._folder
