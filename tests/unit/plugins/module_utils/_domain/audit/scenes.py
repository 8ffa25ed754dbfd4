# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small clusters for audits: three nodes in two zones, unless a test says otherwise."""

from __future__ import annotations

from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit import audit
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.audit import (
    Audit,
    Question,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.impact import Impact
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Node,
)
from tests.unit.plugins.module_utils._domain.build import cluster, node

ZONES = {"a": "east", "b": "east", "c": "west"}


def three(version: str = "1.12.1", *things: Any, **fields: Any) -> Cluster:
    """Nodes a and b in zone east, c in zone west; a node among the things replaces its like."""
    given = {thing.name for thing in things if isinstance(thing, Node)}
    nodes = [node(name, zone=zone) for name, zone in ZONES.items() if name not in given]
    return cluster(version, *nodes, *things, **fields)


def ask(held: Cluster, **question: Any) -> Audit:
    """The audit of a cluster."""
    return audit.make(held, Question(**question))


def impact(found: Audit, kind: str, name: str) -> Impact:
    """What one failure costs."""
    return next(unit for unit in found.impacts[kind] if unit.name == name)


def rules(found: Audit) -> set[tuple[str, str]]:
    """(rule, name) of every finding but those on checksums."""
    return {(f.rule, f.name) for f in found.findings if f.rule != "no_checksum"}
