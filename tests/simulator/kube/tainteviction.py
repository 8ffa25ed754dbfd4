# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deletes pods from nodes whose NoExecute taints they do not tolerate, or no longer.

Source: kubernetes pkg/controller/tainteviction.
"""

from __future__ import annotations

from tests.simulator.history import DELETED, WatchEvent
from tests.simulator.kernel import Kernel, Timer, parse_rfc3339
from tests.simulator.kube.scheduling import tolerates
from tests.simulator.kube.taints import delete_quietly
from tests.simulator.objects import Object, condition, is_terminating, name_of, uid_of
from tests.simulator.store import Store


class TaintEviction:
    """Holds one timer per pod that lives on borrowed time."""

    def __init__(self, kernel: Kernel, store: Store) -> None:
        self._kernel = kernel
        self._store = store
        self._timers: dict[str, Timer] = {}

    def start(self) -> None:
        """Begin to watch nodes and pods."""
        self._store.subscribe(self._on_event)

    def _on_event(self, event: WatchEvent) -> None:
        if event.res == "pods":
            if event.type == DELETED:
                self._cancel(event.obj)
            elif event.old is None or event.old["spec"].get("nodeName") != event.obj["spec"].get(
                "nodeName"
            ):
                node = self._store.find("nodes", "", event.obj["spec"].get("nodeName") or "")
                if node is not None:
                    self._judge(event.obj, _taints(node))
        elif event.res == "nodes" and event.type != DELETED:
            taints = _taints(event.obj)
            if taints == (_taints(event.old) if event.old else []):
                return
            for pod in self._store.list("pods"):
                if pod["spec"].get("nodeName") == name_of(event.obj):
                    self._judge(pod, taints)

    def _judge(self, pod: Object, taints: list[Object]) -> None:
        self._cancel(pod)
        if not taints or is_terminating(pod):
            return
        ends = [self._end(pod, taint) for taint in taints]
        known = [end for end in ends if end is not None]
        if known:
            uid = uid_of(pod)
            timer = self._kernel.call_at(min(known), lambda: self._evict(pod))
            self._timers[uid] = timer

    def _end(self, pod: Object, taint: Object) -> float | None:
        """Return when the pod has to go because of a taint, None for never."""
        matching = [t for t in pod["spec"].get("tolerations") or [] if tolerates(t, taint)]
        if not matching:
            return self._kernel.now()
        seconds = [t["tolerationSeconds"] for t in matching if "tolerationSeconds" in t]
        if len(seconds) < len(matching):
            return None
        added = parse_rfc3339(taint["timeAdded"]) if "timeAdded" in taint else self._kernel.now()
        return max(self._kernel.now(), added) + float(min(seconds))

    def _evict(self, pod: Object) -> None:
        self._timers.pop(uid_of(pod), None)
        present = self._store.find("pods", pod["metadata"]["namespace"], name_of(pod))
        if present is None or uid_of(present) != uid_of(pod) or is_terminating(present):
            return

        def note(obj: Object) -> None:
            if condition(obj, "DisruptionTarget") is None:
                obj["status"].setdefault("conditions", []).append(
                    {
                        "type": "DisruptionTarget",
                        "status": "True",
                        "reason": "DeletionByTaintManager",
                        "message": "Taint manager: deleting due to NoExecute taint",
                        "lastProbeTime": None,
                        "lastTransitionTime": self._kernel.timestamp(),
                    }
                )

        self._store.mutate(
            "pods", pod["metadata"]["namespace"], name_of(pod), note, subresource="status"
        )
        self._kernel.call_later(0.2, lambda: delete_quietly(self._store, pod))

    def _cancel(self, pod: Object) -> None:
        timer = self._timers.pop(uid_of(pod), None)
        if timer is not None:
            timer.cancel()


def _taints(node: Object) -> list[Object]:
    return [t for t in node["spec"].get("taints") or [] if t["effect"] == "NoExecute"]
