# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Raw API objects to the model. Fields that a version does not have read as the value that means
"absent".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import base, model, pods
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import (
    OLD_MAP,
    Schema,
)

ANNOTATION_PREFIX = "longhorn.nodecare.dev/"
MIRROR = "kubernetes.io/config.mirror"

Raw = Mapping[str, Any]


def _map(raw: Raw, *path: str) -> Raw:
    value: Any = raw
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _list(raw: Raw, name: str) -> list[Any]:
    value = raw.get(name)
    return value if isinstance(value, list) else []


def _text(raw: Raw, name: str) -> str:
    value = raw.get(name)
    return "" if value is None else str(value)


def _int(raw: Raw, name: str) -> int:
    value = raw.get(name)
    return int(value) if value not in (None, "") else 0


def _texts(raw: Raw, name: str) -> tuple[str, ...]:
    return tuple(str(item) for item in _list(raw, name))


def _strings(raw: Raw) -> dict[str, str]:
    return {key: "" if value is None else str(value) for key, value in raw.items()}


def meta(raw: Raw) -> base.Meta:
    """Identity; of the annotations only ours and the mirror mark are kept."""
    data = _map(raw, "metadata")
    annotations = _map(data, "annotations")
    kept = {
        k: str(v) for k, v in annotations.items() if k.startswith(ANNOTATION_PREFIX) or k == MIRROR
    }
    return base.Meta(
        name=_text(data, "name"),
        namespace=_text(data, "namespace"),
        uid=_text(data, "uid"),
        version=_text(data, "resourceVersion"),
        created=_text(data, "creationTimestamp"),
        deleting=bool(data.get("deletionTimestamp")),
        labels=_strings(_map(data, "labels")),
        annotations=kept,
        annotated=bool(annotations),
    )


def conditions(raw: Raw) -> tuple[base.Condition, ...]:
    return tuple(
        base.Condition(
            type=_text(item, "type"),
            status=_text(item, "status"),
            reason=_text(item, "reason"),
            message=_text(item, "message"),
            since=_text(item, "lastTransitionTime"),
        )
        for item in _list(raw, "conditions")
    )


def disk(name: str, node: str, spec: Raw | None, status: Raw | None) -> model.Disk:
    """One disk from its two halves; either may be missing for some seconds after a change."""
    wanted, seen = spec or {}, status or {}
    return model.Disk(
        name=name,
        node=node,
        uuid=_text(seen, "diskUUID"),
        path=_text(wanted, "path") or _text(seen, "diskPath"),
        kind=_text(wanted, "diskType") or _text(seen, "diskType") or "filesystem",
        allow_scheduling=bool(wanted.get("allowScheduling")),
        eviction_requested=bool(wanted.get("evictionRequested")),
        tags=_texts(wanted, "tags"),
        in_spec=spec is not None,
        in_status=status is not None,
        storage_reserved=_int(wanted, "storageReserved"),
        storage_maximum=_int(seen, "storageMaximum"),
        storage_available=_int(seen, "storageAvailable"),
        storage_scheduled=_int(seen, "storageScheduled"),
        scheduled_images=tuple(_map(seen, "scheduledBackingImage")),
        conditions=conditions(seen),
    )


def node(raw: Raw) -> model.Node:
    spec, status = _map(raw, "spec"), _map(raw, "status")
    wanted, seen = _map(spec, "disks"), _map(status, "diskStatus")
    identity = meta(raw)
    return model.Node(
        meta=identity,
        allow_scheduling=bool(spec.get("allowScheduling")),
        eviction_requested=bool(spec.get("evictionRequested")),
        auto_evicting=bool(status.get("autoEvicting")),
        tags=_texts(spec, "tags"),
        region=_text(status, "region"),
        zone=_text(status, "zone"),
        disks=tuple(
            disk(name, identity.name, wanted.get(name), seen.get(name))
            for name in sorted(set(wanted) | set(seen))
        ),
        conditions=conditions(status),
    )


def kube_node(raw: Raw) -> model.KubeNode:
    return model.KubeNode(
        meta=meta(raw),
        unschedulable=bool(_map(raw, "spec").get("unschedulable")),
        conditions=conditions(_map(raw, "status")),
    )


def _copy(uuid: str, in_map: bool, spec: Any, status: Raw | None, schema: Schema) -> model.Copy:
    wanted: Raw = spec if isinstance(spec, Mapping) else {}
    seen = status or {}
    return model.Copy(
        disk=uuid,
        in_map=in_map,
        reported=status is not None,
        complete=not in_map or not schema.entries_need_engine or bool(wanted.get("dataEngine")),
        eviction_requested=bool(wanted.get("evictionRequested")),
        data_engine=_text(wanted, "dataEngine") or _text(seen, "dataEngine"),
        state=_text(seen, "state"),
        progress=_int(seen, "progress"),
        message=_text(seen, "message"),
        since=_text(seen, "lastStateTransitionTime"),
    )


def image(raw: Raw, schema: Schema) -> model.Image:
    """A BackingImage; `copies` joins the live map and the status entries by disk UUID."""
    spec, status = _map(raw, "spec"), _map(raw, "status")
    wanted, seen = _map(spec, schema.map_field), _map(status, "diskFileStatusMap")
    copies = {
        uuid: _copy(uuid, uuid in wanted, wanted.get(uuid), seen.get(uuid), schema)
        for uuid in sorted(set(wanted) | set(seen))
    }
    return model.Image(
        meta=meta(raw),
        uuid=_text(status, "uuid"),
        source_type=_text(spec, "sourceType"),
        source_parameters=_strings(_map(spec, "sourceParameters")),
        wanted_checksum=_text(spec, "checksum"),
        min_copies=max(1, _int(spec, "minNumberOfCopies")) if schema.replenishes else 1,
        node_selector=_texts(spec, "nodeSelector"),
        disk_selector=_texts(spec, "diskSelector"),
        data_engine=_text(spec, "dataEngine") or "v1",
        checksum=_text(status, "checksum"),
        size=_int(status, "size"),
        virtual_size=_int(status, "virtualSize"),
        real_size=_int(status, "realSize"),
        map_present=isinstance(spec.get(schema.map_field), Mapping),
        unread_keys=tuple(sorted(_map(spec, OLD_MAP))) if schema.map_field != OLD_MAP else (),
        copies=copies,
    )


def data_source(raw: Raw) -> model.DataSource:
    spec, status = _map(raw, "spec"), _map(raw, "status")
    return model.DataSource(
        meta=meta(raw),
        uuid=_text(spec, "uuid"),
        node=_text(spec, "nodeID"),
        disk=_text(spec, "diskUUID"),
        disk_path=_text(spec, "diskPath"),
        source_type=_text(spec, "sourceType"),
        parameters=_strings(_map(spec, "parameters")),
        file_transferred=bool(spec.get("fileTransferred")),
        state=_text(status, "currentState"),
        size=_int(status, "size"),
        progress=_int(status, "progress"),
        message=_text(status, "message"),
    )


def _manager_file(name: str, raw: Raw) -> model.ManagerFile:
    return model.ManagerFile(
        image=name,
        uuid=_text(raw, "uuid"),
        state=_text(raw, "state"),
        progress=_int(raw, "progress"),
        message=_text(raw, "message"),
        size=_int(raw, "size"),
        checksum=_text(raw, "currentChecksum"),
        sending=_int(raw, "sendingReference"),
    )


def manager(raw: Raw) -> model.Manager:
    spec, status = _map(raw, "spec"), _map(raw, "status")
    files = _map(status, "backingImageFileMap")
    return model.Manager(
        meta=meta(raw),
        node=_text(spec, "nodeID"),
        disk=_text(spec, "diskUUID"),
        disk_path=_text(spec, "diskPath"),
        images=_strings(_map(spec, "backingImages")),
        state=_text(status, "currentState"),
        files={name: _manager_file(name, _map(files, name)) for name in files},
    )


def replica(raw: Raw) -> model.Replica:
    spec, status = _map(raw, "spec"), _map(raw, "status")
    return model.Replica(
        meta=meta(raw),
        volume=_text(spec, "volumeName"),
        node=_text(spec, "nodeID"),
        disk=_text(spec, "diskID"),
        image=_text(spec, "backingImage"),
        engine=_text(spec, "engineName"),
        desire=_text(spec, "desireState"),
        state=_text(status, "currentState"),
        failed_at=_text(spec, "failedAt"),
        healthy_at=_text(spec, "healthyAt"),
        eviction_requested=bool(spec.get("evictionRequested")),
        size=_int(spec, "volumeSize"),
        instance_manager=_text(status, "instanceManagerName"),
        conditions=conditions(status),
    )


def _workloads(status: Raw) -> tuple[model.Workload, ...]:
    """Pods that use the volume now: with lastPodRefAt set the list is history."""
    known = _map(status, "kubernetesStatus")
    namespace = _text(known, "namespace")
    if _text(known, "lastPodRefAt"):
        return ()
    return tuple(
        model.Workload(
            namespace,
            _text(item, "podName"),
            _text(item, "workloadType"),
            _text(item, "workloadName"),
            _text(item, "podStatus"),
        )
        for item in _list(known, "workloadsStatus")
    )


def volume(raw: Raw) -> model.Volume:
    spec, status = _map(raw, "spec"), _map(raw, "status")
    known = _map(status, "kubernetesStatus")
    return model.Volume(
        meta=meta(raw),
        size=_int(spec, "size"),
        replicas_wanted=_int(spec, "numberOfReplicas"),
        image=_text(spec, "backingImage"),
        node=_text(spec, "nodeID"),
        migrates_to=_text(spec, "migrationNodeID") or _text(status, "currentMigrationNodeID"),
        state=_text(status, "state"),
        robustness=_text(status, "robustness"),
        access_mode=_text(spec, "accessMode"),
        data_engine=_text(spec, "dataEngine") or "v1",
        data_locality=_text(spec, "dataLocality"),
        clone_mode=_text(spec, "cloneMode"),
        node_selector=_texts(spec, "nodeSelector"),
        disk_selector=_texts(spec, "diskSelector"),
        soft_anti_affinity=_text(spec, "replicaSoftAntiAffinity"),
        zone_soft_anti_affinity=_text(spec, "replicaZoneSoftAntiAffinity"),
        claim=_text(known, "pvcName"),
        claim_namespace=_text(known, "namespace"),
        workloads=_workloads(status),
        conditions=conditions(status),
    )


def engine(raw: Raw) -> model.Engine:
    spec, status = _map(raw, "spec"), _map(raw, "status")
    rebuilds = _map(status, "rebuildStatus")
    return model.Engine(
        meta=meta(raw),
        volume=_text(spec, "volumeName"),
        node=_text(spec, "nodeID"),
        active=bool(spec.get("active", True)),
        desire=_text(spec, "desireState"),
        state=_text(status, "currentState"),
        modes=_strings(_map(status, "replicaModeMap")),
        rebuilding={
            address: _int(_map(rebuilds, address), "progress")
            for address in rebuilds
            if _map(rebuilds, address).get("isRebuilding")
        },
    )


def instance_manager(raw: Raw) -> model.InstanceManager:
    """What it runs, list by list; which of the lists count is the schema's to say."""
    spec, status = _map(raw, "spec"), _map(raw, "status")
    return model.InstanceManager(
        meta=meta(raw),
        node=_text(spec, "nodeID"),
        type=_text(spec, "type"),
        state=_text(status, "currentState"),
        engines=tuple(sorted(_map(status, "instanceEngines"))),
        replicas=tuple(sorted(_map(status, "instanceReplicas"))),
        frontends=tuple(sorted(_map(status, "instanceEngineFrontends"))),
        instances=tuple(sorted(_map(status, "instances"))),
    )


def attachment(raw: Raw) -> model.Attachment:
    spec = _map(raw, "spec")
    tickets = _map(spec, "attachmentTickets")
    return model.Attachment(
        meta=meta(raw),
        volume=_text(spec, "volume"),
        tickets={
            key: model.Ticket(
                id=key,
                type=_text(ticket, "type"),
                node=_text(ticket, "nodeID"),
                parameters=_strings(_map(ticket, "parameters")),
            )
            for key, ticket in tickets.items()
        },
        map_present=isinstance(spec.get("attachmentTickets"), Mapping),
    )


def pod(raw: Raw) -> pods.Pod:
    spec, data = _map(raw, "spec"), _map(raw, "metadata")
    owner: Raw = next((o for o in _list(data, "ownerReferences") if o.get("controller")), {})
    volumes = _list(spec, "volumes")
    identity = meta(raw)
    claims = (
        f"{identity.name}-{_text(item, 'name')}"
        if "ephemeral" in item
        else _text(_map(item, "persistentVolumeClaim"), "claimName")
        for item in volumes
    )
    grace = data.get("deletionGracePeriodSeconds", spec.get("terminationGracePeriodSeconds", 30))
    return pods.Pod(
        meta=identity,
        node=_text(spec, "nodeName"),
        phase=_text(_map(raw, "status"), "phase"),
        owner_kind=_text(owner, "kind"),
        owner_name=_text(owner, "name"),
        mirror=MIRROR in identity.annotations,
        empty_dirs=tuple(_text(item, "name") for item in volumes if "emptyDir" in item),
        claims=tuple(claim for claim in claims if claim),
        grace=int(grace) if grace is not None else 30,
        finalizers=_texts(data, "finalizers"),
        ready=base.is_true(conditions(_map(raw, "status")), "Ready"),
    )


def budget(raw: Raw) -> pods.Budget:
    spec, status = _map(raw, "spec"), _map(raw, "status")
    selector = spec.get("selector")
    chosen: Raw = selector if isinstance(selector, Mapping) else {}
    return pods.Budget(
        meta=meta(raw),
        labels=_strings(_map(chosen, "matchLabels")),
        expressions=tuple(
            (_text(item, "key"), _text(item, "operator"), _texts(item, "values"))
            for item in _list(chosen, "matchExpressions")
        ),
        has_selector=isinstance(selector, Mapping),
        allowed=_int(status, "disruptionsAllowed"),
        expected=_int(status, "expectedPods"),
        desired=_int(status, "desiredHealthy"),
        healthy=_int(status, "currentHealthy"),
        min_available=_text(spec, "minAvailable"),
        max_unavailable=_text(spec, "maxUnavailable"),
        spares_unready=spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow",
    )


def persistent_volume(raw: Raw) -> pods.PersistentVolume:
    spec = _map(raw, "spec")
    csi, claim = _map(spec, "csi"), _map(spec, "claimRef")
    return pods.PersistentVolume(
        meta=meta(raw),
        driver=_text(csi, "driver"),
        handle=_text(csi, "volumeHandle"),
        claim_namespace=_text(claim, "namespace"),
        claim=_text(claim, "name"),
        local=bool(spec.get("local") or spec.get("hostPath")),
    )


def node_attachment(raw: Raw) -> pods.NodeAttachment:
    spec, status = _map(raw, "spec"), _map(raw, "status")
    failed = _map(status, "detachError") or _map(status, "attachError")
    return pods.NodeAttachment(
        meta=meta(raw),
        attacher=_text(spec, "attacher"),
        node=_text(spec, "nodeName"),
        volume=_text(_map(spec, "source"), "persistentVolumeName"),
        attached=bool(status.get("attached")),
        error=_text(failed, "message"),
    )


def settings(items: Iterable[Raw]) -> dict[str, str]:
    """Setting names to values; the value stays the string that Longhorn stores (JSON per engine
    from 1.10).
    """
    return {_text(_map(item, "metadata"), "name"): _text(item, "value") for item in items}
