# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recordings of real Longhorn as clusters of the model, for tests.

Tests that need them skip, saying so, where they are absent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import parse
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import Schema, detect
from tests.material import shared

KINDS = [
    "lhnodes",
    "k8snodes",
    "backingimages",
    "backingimagedatasources",
    "backingimagemanagers",
    "volumes",
    "replicas",
    "engines",
    "volumeattachments",
    "instancemanagers",
    "pods",
    "pdbs",
]


def scenario(name: str) -> Path:
    """One recording, for example v1.12.1/w2-leave-own, or skip."""
    return shared(f"recordings/{name}")


def events(folder: Path) -> list[tuple[str, str, str, dict[str, Any]]]:
    """(time, kind, type, object) of every watch event, in time order."""
    found: list[tuple[str, str, str, dict[str, Any]]] = []
    for kind in KINDS:
        path = folder / f"{kind}.jsonl"
        if not path.is_file():
            continue
        with path.open(encoding="utf-8") as lines:
            for line in filter(str.strip, lines):
                event = json.loads(line)
                found.append((event["t"], kind, event["type"], event["object"]))
    found.sort(key=lambda event: event[0])
    return found


def schema_of(folder: Path) -> Schema:
    """By the version that the parent folder names (v1.12.1)."""
    return detect(folder.resolve().parent.name, [])


def states(folder: Path, step: int = 1) -> Iterator[tuple[str, Cluster]]:
    """(time, cluster) after each `step`-th event of a recording; the first one after all INITIAL
    lines.
    """
    schema = schema_of(folder)
    held: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
    for count, (time, kind, what, raw) in enumerate(events(folder)):
        data = raw["metadata"]
        key = f"{data.get('namespace', '')}/{data['name']}"
        if what == "DELETED":
            held[kind].pop(key, None)
        else:
            held[kind][key] = raw
        if what != "INITIAL" and count % step == 0:
            yield time, assemble(schema, held)
    yield "end", assemble(schema, held)


def assemble(schema: Schema, held: Mapping[str, Mapping[str, Any]]) -> Cluster:
    """A cluster from raw objects by kind (values of each mapping)."""

    def of(kind: str) -> list[Any]:
        return list(held.get(kind, {}).values())

    return Cluster(
        schema=schema,
        settings={"current-longhorn-version": f"v{schema.version}"},
        nodes={item.name: item for item in map(parse.node, of("lhnodes"))},
        kube_nodes={item.name: item for item in map(parse.kube_node, of("k8snodes"))},
        images={
            item.name: item for item in (parse.image(raw, schema) for raw in of("backingimages"))
        },
        data_sources={
            item.name: item for item in map(parse.data_source, of("backingimagedatasources"))
        },
        managers={item.name: item for item in map(parse.manager, of("backingimagemanagers"))},
        volumes={item.name: item for item in map(parse.volume, of("volumes"))},
        replicas={item.name: item for item in map(parse.replica, of("replicas"))},
        engines={item.name: item for item in map(parse.engine, of("engines"))},
        attachments={item.name: item for item in map(parse.attachment, of("volumeattachments"))},
        instance_managers={
            item.name: item for item in map(parse.instance_manager, of("instancemanagers"))
        },
        pods=tuple(map(parse.pod, of("pods"))),
        budgets=tuple(map(parse.budget, of("pdbs"))),
    )
