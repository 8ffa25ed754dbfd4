# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Longhorn's side of a pod's volume: the CSI attacher's ticket, and what the volume says of pods.

A VolumeAttachment of storage.k8s.io becomes a ticket of type csi-attacher with the same id on
Longhorn's own VolumeAttachment; it reads attached when the ticket is satisfied, and its finalizer
keeps it until the volume has left the node. Volumes of several nodes (share managers) are not
simulated. Sources: kubernetes-csi/external-attacher; longhorn-manager csi/controller_server.go and
controller/kubernetes_pv_controller.go.
"""

from __future__ import annotations

from typing import Any, ClassVar

from tests.simulator.controller import Controller, Key
from tests.simulator.history import WatchEvent
from tests.simulator.kube.attachdetach import ATTACHMENTS, claims_of, csi_volumes
from tests.simulator.longhorn import names
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, is_terminating, lookup, name_of

DRIVER = "driver.longhorn.io"
FINALIZER = "external-attacher/driver-longhorn-io"
TICKET = "csi-attacher"


class CsiAttacher(Controller):
    """Keys are names of VolumeAttachments of storage.k8s.io."""

    resync: ClassVar[float] = 0.0
    latency: ClassVar[tuple[float, float]] = (0.02, 0.2)

    def __init__(self, world: World) -> None:
        super().__init__(world.kernel, world.store)
        self.world = world
        self.watch(ATTACHMENTS, self._of_attachment)
        self.watch(names.ATTACHMENTS, self._of_tickets)
        self.watch(names.VOLUMES, self._of_volume)

    def _of_attachment(self, event: WatchEvent) -> list[Key]:
        return [("", name_of(event.obj))] if event.obj["spec"].get("attacher") == DRIVER else []

    def _of_tickets(self, event: WatchEvent) -> list[Key]:
        tickets = event.obj["spec"].get("attachmentTickets") or {}
        return [("", t) for t, held in tickets.items() if held.get("type") == TICKET]

    def _of_volume(self, event: WatchEvent) -> list[Key]:
        return [
            ("", name_of(found))
            for found in self.store.list(ATTACHMENTS)
            if self._handle(found) == name_of(event.obj)
        ]

    def _handle(self, attachment: Object) -> str:
        volume = str(lookup(attachment, "spec.source.persistentVolumeName") or "")
        return str(
            lookup(self.store.find("persistentvolumes", "", volume), "spec.csi.volumeHandle") or ""
        )

    def reconcile(self, key: Key) -> float | None:
        """One pass over an attachment."""
        found = self.store.find(ATTACHMENTS, *key)
        if found is None:
            return None
        handle = self._handle(found)
        if is_terminating(found):
            self._let_go(found, handle)
        else:
            self._hold(found, handle)
        return None

    def _hold(self, found: Object, handle: str) -> None:
        name, node = name_of(found), str(found["spec"]["nodeName"])
        if FINALIZER not in (found["metadata"].get("finalizers") or []):
            self.store.mutate(ATTACHMENTS, "", name, _finalize)
        tickets = self._tickets(handle)
        if tickets is None:
            return
        if name not in tickets:
            ticket = {
                "id": name,
                "type": TICKET,
                "nodeID": node,
                "parameters": {"disableFrontend": "false", "lastAttachedBy": ""},
                "generation": 0,
            }
            self._write_ticket(handle, name, ticket)
            return
        held = self.store.get(names.ATTACHMENTS, names.NAMESPACE, handle)
        status = (lookup(held, "status.attachmentTicketStatuses") or {}).get(name) or {}
        if bool(status.get("satisfied")) != bool(lookup(found, "status.attached")):
            attached = bool(status.get("satisfied"))
            self.store.mutate(
                ATTACHMENTS,
                "",
                name,
                lambda obj: obj.setdefault("status", {}).update(attached=attached),
                subresource="status",
            )

    def _let_go(self, found: Object, handle: str) -> None:
        name, node = name_of(found), str(found["spec"]["nodeName"])
        tickets = self._tickets(handle) or {}
        if name in tickets:
            self._write_ticket(handle, name, None)
            return
        volume = self.store.find(names.VOLUMES, names.NAMESPACE, handle)
        status = (volume or {}).get("status") or {}
        here = node in (status.get("currentNodeID"), lookup(volume, "spec.nodeID"))
        others = any(ticket.get("nodeID") == node for ticket in tickets.values())
        if here and not others and status.get("state") != "detached":
            return
        if FINALIZER in (found["metadata"].get("finalizers") or []):
            self.store.mutate(ATTACHMENTS, "", name, _unfinalize)

    def _tickets(self, volume: str) -> dict[str, Any] | None:
        found = self.store.find(names.ATTACHMENTS, names.NAMESPACE, volume)
        return None if found is None else dict(found["spec"].get("attachmentTickets") or {})

    def _write_ticket(self, volume: str, name: str, ticket: Object | None) -> None:
        def edit(obj: Object) -> None:
            tickets = dict(obj["spec"].get("attachmentTickets") or {})
            tickets.pop(name, None)
            if ticket is not None:
                tickets[name] = ticket
            obj["spec"]["attachmentTickets"] = tickets

        self.store.mutate(names.ATTACHMENTS, names.NAMESPACE, volume, edit)


class KubernetesStatus(Controller):
    """Writes claim and pods into the volume's status; keys are names of PersistentVolumes."""

    resync: ClassVar[float] = 0.0
    latency: ClassVar[tuple[float, float]] = (0.02, 0.2)

    def __init__(self, world: World) -> None:
        super().__init__(world.kernel, world.store)
        self.watch("pods", self._of_pod)

    def _of_pod(self, event: WatchEvent) -> list[Key]:
        return [("", name_of(volume)) for volume in csi_volumes(self.store, event.obj)]

    def reconcile(self, key: Key) -> float | None:
        """One pass over a volume of Kubernetes."""
        volume = self.store.find("persistentvolumes", *key)
        if volume is None or lookup(volume, "spec.csi.driver") != DRIVER:
            return None
        handle = str(volume["spec"]["csi"]["volumeHandle"])
        if self.store.find(names.VOLUMES, names.NAMESPACE, handle) is None:
            return None
        claim = volume["spec"].get("claimRef") or {}
        pods = [
            pod
            for pod in self.store.list("pods", str(claim.get("namespace") or ""))
            if claim.get("name") in claims_of(pod)
        ]
        told: Object = {
            "namespace": claim.get("namespace", ""),
            "pvName": key[1],
            "pvStatus": (volume.get("status") or {}).get("phase") or "Bound",
            "pvcName": claim.get("name", ""),
            "lastPVCRefAt": "",
            "lastPodRefAt": "" if pods else self.kernel.timestamp(),
            "workloadsStatus": [_workload(pod) for pod in pods],
        }
        self.store.mutate(
            names.VOLUMES,
            names.NAMESPACE,
            handle,
            lambda obj: _tell(obj, told),
            subresource="status",
        )
        return None


def _tell(obj: Object, told: Object) -> None:
    known = obj.setdefault("status", {}).get("kubernetesStatus") or {}
    if not told["workloadsStatus"] and known.get("lastPodRefAt"):
        # Nobody uses it any more: the last users stay listed, as history.
        return
    if not told["workloadsStatus"]:
        told = {**told, "workloadsStatus": known.get("workloadsStatus") or []}
    obj["status"]["kubernetesStatus"] = told


def _workload(pod: Object) -> Object:
    references = pod["metadata"].get("ownerReferences") or [{}]
    return {
        "podName": name_of(pod),
        "podStatus": (pod.get("status") or {}).get("phase", ""),
        "workloadName": references[0].get("name", ""),
        "workloadType": references[0].get("kind", ""),
    }


def _finalize(obj: Object) -> None:
    kept = obj["metadata"].get("finalizers") or []
    obj["metadata"]["finalizers"] = [*kept, FINALIZER]


def _unfinalize(obj: Object) -> None:
    kept = obj["metadata"].get("finalizers") or []
    obj["metadata"]["finalizers"] = [name for name in kept if name != FINALIZER]
