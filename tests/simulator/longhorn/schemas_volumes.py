# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Schemas of volumes, engines, replicas and attachments."""

from __future__ import annotations

from tests.simulator.longhorn.schema_terms import (
    Term,
    changed,
    conditions,
    digits,
    enum,
    fields,
    flag,
    int64,
    many,
    mapping,
    number,
    since,
    text,
    until,
    whole,
)

_SWITCH = enum("ignored", "disabled", "enabled")
_SWITCH_LATER = enum("ignored", "enabled", "disabled")
_OLD_DRIVER = changed(("1.5", enum("v1", "v2")), ("1.6", text()), ("1.9", None))
_FRONTEND = changed(
    ("1.5", enum("blockdev", "iscsi", "nvmf", "")),
    ("1.9", enum("blockdev", "iscsi", "nvmf", "ublk", "")),
)
_ENGINE = since("1.6", enum("v1", "v2"))


def _immutable(term: dict[str, object], name: str) -> dict[str, object]:
    rule = {"message": f"{name} is immutable", "rule": "self == oldSelf"}
    return {**term, "x-kubernetes-validations": [rule]}


_VOLUME_SPEC = fields(
    {
        "Standby": flag(),
        "accessMode": changed(("1.5", enum("rwo", "rwx")), ("1.11", enum("rwo", "rwop", "rwx"))),
        "backendStoreDriver": _OLD_DRIVER,
        "backingImage": changed(
            ("1.5", text()), ("1.11", _immutable({"type": "string"}, "BackingImage"))
        ),
        "backupCompressionMethod": enum("none", "lz4", "gzip"),
        "backupTargetName": since("1.8", text()),
        "dataEngine": _ENGINE,
        "dataLocality": enum("disabled", "best-effort", "strict-local"),
        "dataSource": text(),
        "disableFrontend": flag(),
        "diskSelector": many(text()),
        "encrypted": changed(
            ("1.5", flag()), ("1.11", _immutable({"type": "boolean"}, "Encrypted"))
        ),
        "engineImage": until("1.9", text()),
        "engineNodeID": since("1.12", text()),
        "freezeFilesystemForSnapshot": since("1.7", _SWITCH_LATER),
        "fromBackup": text(),
        "frontend": _FRONTEND,
        "image": since("1.6", text()),
        "lastAttachedBy": text(),
        "migratable": flag(),
        "migrationNodeID": text(),
        "nodeID": text(),
        "nodeSelector": many(text()),
        "numberOfReplicas": number(),
        "offlineRebuilding": since("1.9", _SWITCH),
        "offlineReplicaRebuilding": until("1.7", _SWITCH),
        "replicaAutoBalance": enum("ignored", "disabled", "least-effort", "best-effort"),
        "replicaDiskSoftAntiAffinity": since("1.6", _SWITCH_LATER),
        "replicaSoftAntiAffinity": _SWITCH_LATER,
        "replicaZoneSoftAntiAffinity": _SWITCH_LATER,
        "restoreVolumeRecurringJob": _SWITCH_LATER,
        "revisionCounterDisabled": flag(),
        "size": digits(),
        "snapshotDataIntegrity": enum("ignored", "disabled", "enabled", "fast-check"),
        "snapshotMaxCount": since("1.6", number()),
        "snapshotMaxSize": since("1.6", digits()),
        "staleReplicaTimeout": number(),
        "unmapMarkSnapChainRemoved": _SWITCH,
    }
)

_KUBERNETES = fields(
    {
        "lastPVCRefAt": text(),
        "lastPodRefAt": text(),
        "namespace": text(),
        "pvName": text(),
        "pvStatus": text(),
        "pvcName": text(),
        "workloadsStatus": many(
            fields(
                {name: text() for name in ("podName", "podStatus", "workloadName", "workloadType")}
            ),
            nullable=True,
        ),
    }
)

VOLUME = whole(
    _VOLUME_SPEC,
    fields(
        {
            "actualSize": int64(),
            "conditions": conditions(),
            "currentEngineNodeID": since("1.12", text()),
            "currentImage": text(),
            "currentMigrationNodeID": text(),
            "currentNodeID": text(),
            "expansionRequired": flag(),
            "frontendDisabled": flag(),
            "isStandby": flag(),
            "kubernetesStatus": _KUBERNETES,
            "lastAutoSalvagedAt": since("1.12", text()),
            "lastBackup": text(),
            "lastBackupAt": text(),
            "lastDegradedAt": text(),
            "ownerID": text(),
            "pendingNodeID": until("1.9", text()),
            "remountRequestedAt": text(),
            "restoreInitiated": flag(),
            "restoreRequired": flag(),
            "robustness": text(),
            "shareEndpoint": text(),
            "shareState": text(),
            "state": text(),
        }
    ),
)

_INSTANCE_SPEC: dict[str, Term] = {
    "active": flag(),
    "backendStoreDriver": _OLD_DRIVER,
    "dataEngine": _ENGINE,
    "desireState": text(),
    "engineImage": until("1.9", text()),
    "image": since("1.6", text()),
    "logRequested": flag(),
    "nodeID": text(),
    "revisionCounterDisabled": flag(),
    "salvageRequested": flag(),
    "snapshotMaxCount": since("1.6", number()),
    "snapshotMaxSize": since("1.6", digits()),
    "volumeName": text(),
    "volumeSize": digits(),
}

_INSTANCE_STATUS: dict[str, Term] = {
    "conditions": conditions(),
    "currentImage": text(),
    "currentState": text(),
    "instanceManagerName": text(),
    "ip": text(),
    "logFetched": flag(),
    "ownerID": text(),
    "port": number(),
    "salvageExecuted": flag(),
    "started": flag(),
    "starting": since("1.9", flag()),
    "storageIP": text(),
    "uuid": since("1.9", text()),
}

REPLICA = whole(
    fields(
        {
            **_INSTANCE_SPEC,
            "backingImage": text(),
            "dataDirectoryName": text(),
            "diskID": text(),
            "diskPath": text(),
            "engineName": text(),
            "evictionRequested": flag(),
            "failedAt": text(),
            "hardNodeAffinity": text(),
            "healthyAt": text(),
            "lastFailedAt": text(),
            "lastHealthyAt": text(),
            "rebuildRetryCount": number(),
            "unmapMarkDiskChainRemovedEnabled": flag(),
        }
    ),
    fields({**_INSTANCE_STATUS, "evictionRequested": until("1.10", flag())}),
)

_REBUILD = fields(
    {
        "error": text(),
        "fromReplicaAddress": text(),
        "isRebuilding": flag(),
        "progress": number(),
        "state": text(),
    }
)

ENGINE = whole(
    fields(
        {
            **_INSTANCE_SPEC,
            "backupVolume": text(),
            "disableFrontend": flag(),
            "frontend": _FRONTEND,
            "replicaAddressMap": mapping(text()),
            "requestedBackupRestore": text(),
            "requestedDataSource": text(),
            "unmapMarkSnapChainRemovedEnabled": flag(),
            "upgradedReplicaAddressMap": mapping(text()),
        }
    ),
    fields(
        {
            **_INSTANCE_STATUS,
            "currentReplicaAddressMap": mapping(text(), nullable=True),
            "currentSize": digits(),
            "endpoint": text(),
            "isExpanding": flag(),
            "rebuildStatus": mapping(_REBUILD, nullable=True),
            "replicaModeMap": mapping(text(), nullable=True),
            "replicaTransitionTimeMap": mapping(text()),
            "snapshotsError": text(),
        }
    ),
)

ATTACHMENT = whole(
    fields(
        {
            "attachmentTickets": mapping(
                fields(
                    {
                        "generation": int64(),
                        "id": text(),
                        "nodeID": text(),
                        "parameters": mapping(text()),
                        "type": text(),
                    }
                )
            ),
            "volume": text(),
        },
        required=["volume"],
    ),
    fields(
        {
            "attachmentTicketStatuses": mapping(
                fields(
                    {
                        "conditions": conditions(),
                        "generation": int64(),
                        "id": text(),
                        "satisfied": flag(),
                    },
                    required=["conditions", "satisfied"],
                )
            ),
        }
    ),
)
