# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attaches the CSI volumes of pods to their nodes and detaches them when no pod uses them there.

One VolumeAttachment of storage.k8s.io for each pair of volume and node; the CSI driver's attacher
does the rest. A pod that is still ending keeps its volume: its file systems are unmounted before
its object goes. A volume that may be on one node only is attached to the next one when it has left
the first. Sources: kubernetes pkg/controller/volume/attachdetach, pkg/volume/csi/csi_attacher.go
(name of the object).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from typing import ClassVar

from tests.simulator.controller import Controller, Key
from tests.simulator.errors import ApiError
from tests.simulator.history import WatchEvent
from tests.simulator.kernel import Kernel
from tests.simulator.objects import Object, is_terminating, lookup, name_of, namespace_of
from tests.simulator.store import Store

ATTACHMENTS = "volumeattachments.storage.k8s.io"
#: Seconds between a pod's end and the wish to detach: the reconciler looks every 100 ms.
DETACH_SECONDS = 0.3
_SHARED = frozenset({"ReadWriteMany", "ReadOnlyMany"})


def claims_of(pod: Object) -> list[str]:
    """Names of the claims that a pod uses, generic ephemeral volumes included."""
    found = []
    for volume in (pod.get("spec") or {}).get("volumes") or []:
        if "persistentVolumeClaim" in volume:
            found.append(str(volume["persistentVolumeClaim"].get("claimName")))
        elif "ephemeral" in volume:
            found.append(f"{name_of(pod)}-{volume['name']}")
    return found


def csi_volumes(store: Store, pod: Object) -> Iterator[Object]:
    """The PersistentVolumes with a CSI driver that a pod uses, those that are bound already."""
    for claim in claims_of(pod):
        found = store.find("persistentvolumeclaims", namespace_of(pod), claim)
        volume = store.find("persistentvolumes", "", str(lookup(found, "spec.volumeName") or ""))
        if volume is not None and lookup(volume, "spec.csi"):
            yield volume


def attachment_name(volume: Object, node: str) -> str:
    """Name of the VolumeAttachment of a volume on a node."""
    csi = volume["spec"]["csi"]
    text = f"{csi['volumeHandle']}{csi['driver']}{node}"
    return f"csi-{hashlib.sha256(text.encode()).hexdigest()}"


def mountable(store: Store, pod: Object) -> bool:
    """Whether everything that a pod mounts is there: claims bound, CSI volumes attached."""
    claims = claims_of(pod)
    if not claims:
        return True
    for claim in claims:
        found = store.find("persistentvolumeclaims", namespace_of(pod), claim)
        if found is None or not lookup(found, "spec.volumeName"):
            return False
    node = str(pod["spec"].get("nodeName") or "")
    attached = (
        store.find(ATTACHMENTS, "", attachment_name(volume, node))
        for volume in csi_volumes(store, pod)
    )
    return all(found is not None and lookup(found, "status.attached") for found in attached)


class AttachDetach(Controller):
    """Keys are names of PersistentVolumes; nothing is drawn from the seed for pods without one."""

    resync: ClassVar[float] = 0.0
    latency: ClassVar[tuple[float, float]] = (0.01, 0.1)

    def __init__(self, kernel: Kernel, store: Store) -> None:
        super().__init__(kernel, store)
        self.watch("pods", self._of_pod)
        self.watch(ATTACHMENTS, lambda event: [("", _volume_of(event.obj))])

    def _of_pod(self, event: WatchEvent) -> list[Key]:
        return [("", name_of(volume)) for volume in csi_volumes(self.store, event.obj)]

    def reconcile(self, key: Key) -> float | None:
        """Attach one volume where it is wanted, detach it where it is not."""
        volume = self.store.find("persistentvolumes", *key)
        present = {a["spec"]["nodeName"]: a for a in self._attachments(key[1])}
        wanted = self._nodes_of(volume) if volume is not None else set()
        left = sorted(set(present) - wanted)
        for node in left:
            if not is_terminating(present[node]):
                self.kernel.call_later(DETACH_SECONDS, partial(self._detach_unused, key, node))
        if volume is None:
            return None
        shared = bool(_SHARED & set(volume["spec"].get("accessModes") or []))
        for node in sorted(wanted - set(present)):
            if shared or not present:
                self._attach(volume, node)
                present[node] = volume
        return None

    def _attachments(self, volume: str) -> list[Object]:
        return [a for a in self.store.list(ATTACHMENTS) if _volume_of(a) == volume]

    def _nodes_of(self, volume: Object) -> set[str]:
        """Nodes with a pod that uses the volume and has not ended."""
        claim = volume["spec"].get("claimRef") or {}
        return {
            str(pod["spec"]["nodeName"])
            for pod in self.store.list("pods", str(claim.get("namespace") or ""))
            if pod["spec"].get("nodeName")
            and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")
            and claim.get("name") in claims_of(pod)
        }

    def _detach_unused(self, key: Key, node: str) -> None:
        volume = self.store.find("persistentvolumes", *key)
        if volume is not None and node in self._nodes_of(volume):
            return
        for found in self._attachments(key[1]):
            if found["spec"]["nodeName"] == node and not is_terminating(found):
                self.store.delete(ATTACHMENTS, "", name_of(found))

    def _attach(self, volume: Object, node: str) -> None:
        spec = {
            "attacher": volume["spec"]["csi"]["driver"],
            "nodeName": node,
            "source": {"persistentVolumeName": name_of(volume)},
        }
        metadata = {"name": attachment_name(volume, node)}
        try:
            self.store.create(ATTACHMENTS, {"metadata": metadata, "spec": spec})
        except ApiError as error:
            if error.status != 409:
                raise


def _volume_of(attachment: Object) -> str:
    return str(lookup(attachment, "spec.source.persistentVolumeName") or "")
