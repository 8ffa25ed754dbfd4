# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first rule: no engine process may be left on the node, whatever the policy.

Longhorn looks at what the node's instance managers list, not at engine objects; which lists count
differs by release (longhorn-manager controller/instance_manager_controller.go
areAllVolumesDetachedFromNode, v1.6.4 and v1.12.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    InstanceManager,
)


@dataclass(frozen=True, slots=True)
class Listed:
    """One process that an instance manager lists; volume is "" where none is found for it."""

    name: str
    volume: str


def on_node(cluster: Cluster, node: str) -> tuple[Listed, ...]:
    """Engines (1.12: frontends too) that hold the budgets of the node, by name."""
    names = {
        name
        for manager in cluster.instance_managers.values()
        if manager.node == node and manager.type != "replica"
        for name in _lists(cluster, manager)
    }
    return tuple(Listed(name, _volume(cluster, name)) for name in sorted(names))


def _lists(cluster: Cluster, manager: InstanceManager) -> tuple[str, ...]:
    found = manager.engines
    if cluster.schema.old_instances_count:
        found += manager.instances
    if cluster.schema.frontends_count:
        found += manager.frontends
    return found


def _volume(cluster: Cluster, name: str) -> str:
    engine = cluster.engines.get(name)
    if engine is not None:
        return engine.volume
    return _longest_prefix(cluster.volumes, name)


def _longest_prefix(volumes: Mapping[str, object], name: str) -> str:
    """Processes are named after their volume: <volume>-e-0, <volume>-ef-0."""
    parts = name.split("-")
    for length in range(len(parts) - 1, 0, -1):
        candidate = "-".join(parts[:length])
        if candidate in volumes:
            return candidate
    return ""
