# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Schemas of Longhorn's nodes, instance managers and engine images."""

from __future__ import annotations

from tests.simulator.longhorn.schema_terms import (
    Schema,
    changed,
    conditions,
    enum,
    fields,
    flag,
    int32,
    int64,
    many,
    mapping,
    number,
    since,
    text,
    until,
    whole,
)

_DISK_SPEC = fields(
    {
        "allowScheduling": flag(),
        "diskDriver": changed(
            ("1.7", enum("", "auto", "aio")), ("1.10", enum("", "auto", "aio", "nvme"))
        ),
        "diskType": enum("filesystem", "block"),
        "evictionRequested": flag(),
        "path": text(),
        "storageReserved": int64(),
        "tags": many(text()),
    }
)

_HEALTH = fields(
    {
        "capacity": int64(),
        "diskName": text(),
        "diskType": text(),
        "healthStatus": enum("FAILED", "PASSED", "UNKNOWN", "WARNING"),
        "modelName": text(),
        "serialNumber": text(),
        "source": enum("SMART", "SPDK"),
        "temperature": number(),
    }
)

_DISK_STATUS = fields(
    {
        "conditions": conditions(),
        "diskDriver": since("1.7", text()),
        "diskName": since("1.7", text()),
        "diskPath": since("1.7", text()),
        "diskType": text(),
        "diskUUID": text(),
        "filesystemType": text(),
        "healthData": since("1.11", mapping(_HEALTH)),
        "healthDataLastCollectedAt": since("1.11", text(format="date-time")),
        "instanceManagerName": since("1.7", text()),
        "scheduledBackingImage": since("1.8", mapping(int64(), nullable=True)),
        "scheduledReplica": mapping(int64(), nullable=True),
        "storageAvailable": int64(),
        "storageMaximum": int64(),
        "storageScheduled": int64(),
    }
)

NODE = whole(
    fields(
        {
            "allowScheduling": flag(),
            "disks": mapping(_DISK_SPEC),
            "evictionRequested": flag(),
            "instanceManagerCPURequest": number(),
            "name": text(),
            "tags": many(text()),
        }
    ),
    fields(
        {
            "autoEvicting": flag(),
            "conditions": conditions(),
            "cpuPolicy": since("1.12", text()),
            "diskStatus": mapping(_DISK_STATUS, nullable=True),
            "region": text(),
            "snapshotCheckStatus": fields({"lastPeriodicCheckedAt": text(format="date-time")}),
            "zone": text(),
        }
    ),
)


def _process() -> Schema:
    """One instance as an instance manager reports it."""
    return fields(
        {
            "spec": fields(
                {
                    "backendStoreDriver": until("1.9", text()),
                    "dataEngine": since("1.6", text()),
                    "name": text(),
                }
            ),
            "status": fields(
                {
                    "conditions": mapping(flag(), nullable=True),
                    "endpoint": text(),
                    "errorMsg": text(),
                    "listen": text(),
                    "portEnd": int32(),
                    "portStart": int32(),
                    "resourceVersion": int64(),
                    "state": text(),
                    "type": text(),
                    "uuid": since("1.9", text()),
                }
            ),
        }
    )


INSTANCE_MANAGER = whole(
    fields(
        {
            "dataEngine": since("1.6", text()),
            "image": text(),
            "nodeID": text(),
            "type": enum("aio", "engine", "replica"),
        }
    ),
    fields(
        {
            "apiMinVersion": number(),
            "apiVersion": number(),
            "conditions": since("1.11", conditions()),
            "currentState": text(),
            "instanceEngineFrontends": since("1.12", mapping(_process(), nullable=True)),
            "instanceEngines": mapping(_process(), nullable=True),
            "instanceReplicas": mapping(_process(), nullable=True),
            "instanceShards": since("1.12", mapping(_process(), nullable=True)),
            "instances": until("1.11", mapping(_process(), nullable=True)),
            "ip": text(),
            "ownerID": text(),
            "proxyApiMinVersion": number(),
            "proxyApiVersion": number(),
        }
    ),
)

ENGINE_IMAGE = whole(
    fields({"image": text(minLength=1)}, required=["image"]),
    fields(
        {
            "buildDate": text(),
            "cliAPIMinVersion": number(),
            "cliAPIVersion": number(),
            "conditions": conditions(),
            "controllerAPIMinVersion": number(),
            "controllerAPIVersion": number(),
            "dataFormatMinVersion": number(),
            "dataFormatVersion": number(),
            "gitCommit": text(),
            "incompatible": since("1.6", flag()),
            "noRefSince": text(),
            "nodeDeploymentMap": mapping(flag(), nullable=True),
            "ownerID": text(),
            "refCount": number(),
            "state": text(),
            "version": text(),
        }
    ),
)
