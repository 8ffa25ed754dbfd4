# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Schemas of the kinds that hold backing images, and of settings."""

from __future__ import annotations

from tests.simulator.longhorn.schema_terms import (
    changed,
    enum,
    fields,
    flag,
    int64,
    many,
    mapping,
    number,
    since,
    text,
    whole,
)

_ENGINE = since("1.8", enum("v1", "v2"))
_OLD_SOURCES = ("download", "upload", "export-from-volume")
_SOURCE = changed(
    ("1.5", enum(*_OLD_SOURCES)),
    ("1.6", enum(*_OLD_SOURCES, "restore")),
    ("1.7", enum(*_OLD_SOURCES, "restore", "clone")),
)

BACKING_IMAGE = whole(
    fields(
        {
            "checksum": text(),
            "dataEngine": since("1.8", {**enum("v1", "v2"), "default": "v1"}),
            "diskFileSpecMap": since(
                "1.7", mapping(fields({"dataEngine": _ENGINE, "evictionRequested": flag()}))
            ),
            "diskSelector": since("1.7", many(text())),
            "disks": mapping(text()),
            "minNumberOfCopies": since("1.7", number()),
            "nodeSelector": since("1.7", many(text())),
            "secret": since("1.7", text()),
            "secretNamespace": since("1.7", text()),
            "sourceParameters": mapping(text()),
            "sourceType": _SOURCE,
        }
    ),
    fields(
        {
            "checksum": text(),
            "diskFileStatusMap": mapping(
                fields(
                    {
                        "dataEngine": _ENGINE,
                        "lastStateTransitionTime": text(),
                        "message": text(),
                        "progress": number(),
                        "state": text(),
                    }
                ),
                nullable=True,
            ),
            "diskLastRefAtMap": mapping(text(), nullable=True),
            "ownerID": text(),
            "realSize": since("1.8", int64()),
            "size": int64(),
            "uuid": text(),
            "v2FirstCopyDisk": since("1.8", text()),
            "v2FirstCopyStatus": since("1.8", text()),
            "virtualSize": int64(),
        }
    ),
)

DATA_SOURCE = whole(
    fields(
        {
            "checksum": text(),
            "diskPath": text(),
            "diskUUID": text(),
            "fileTransferred": flag(),
            "nodeID": text(),
            "parameters": mapping(text()),
            "sourceType": _SOURCE,
            "uuid": text(),
        }
    ),
    fields(
        {
            "checksum": text(),
            "currentState": text(),
            "ip": text(),
            "message": text(),
            "ownerID": text(),
            "progress": number(),
            "runningParameters": mapping(text(), nullable=True),
            "size": int64(),
            "storageIP": text(),
        }
    ),
)

MANAGER = whole(
    fields(
        {
            "backingImages": mapping(text()),
            "diskPath": text(),
            "diskUUID": text(),
            "image": text(),
            "nodeID": text(),
        }
    ),
    fields(
        {
            "apiMinVersion": number(),
            "apiVersion": number(),
            "backingImageFileMap": mapping(
                fields(
                    {
                        "currentChecksum": text(),
                        "message": text(),
                        "name": text(),
                        "progress": number(),
                        "realSize": since("1.8", int64()),
                        "senderManagerAddress": text(),
                        "sendingReference": number(),
                        "size": int64(),
                        "state": text(),
                        "uuid": text(),
                        "virtualSize": int64(),
                    }
                ),
                nullable=True,
            ),
            "currentState": text(),
            "ip": text(),
            "ownerID": text(),
            "storageIP": text(),
        }
    ),
)

SETTING = fields(
    {
        "apiVersion": text(),
        "kind": text(),
        "metadata": {"type": "object"},
        "status": since("1.7", fields({"applied": flag()}, required=["applied"])),
        "value": text(),
    },
    required=["value"],
)
