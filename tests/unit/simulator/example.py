# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small custom kind and a store that serves it, for the tests of the simulator's parts."""

from __future__ import annotations

from typing import Any

from tests.simulator.builtins import builtin_registry
from tests.simulator.kernel import Kernel
from tests.simulator.resources import Resource
from tests.simulator.store import Store

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "copies": {"type": "integer", "minimum": 0},
                "engine": {"type": "string", "enum": ["v1", "v2"], "default": "v1"},
                "disks": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "properties": {"evict": {"type": "boolean"}},
                    },
                },
                "tags": {"type": "array", "items": {"type": "string"}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            },
        },
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}
IMAGES = Resource("longhorn.io", "v1beta2", "images", "Image", schema=SCHEMA)
RES = IMAGES.key
NS = "longhorn-system"


def make_store(seed: int = 0) -> Store:
    """Return a store with the built-in kinds, the example kind, and two namespaces."""
    registry = builtin_registry()
    registry.register(IMAGES)
    store = Store(Kernel(seed=seed), registry)
    for name in ("default", NS):
        store.create("namespaces", {"metadata": {"name": name}})
    return store


def image(name: str, **spec: Any) -> dict[str, Any]:
    """Return an object of the example kind."""
    return {
        "apiVersion": "longhorn.io/v1beta2",
        "kind": "Image",
        "metadata": {"name": name, "namespace": NS},
        "spec": {"copies": 1, **spec},
    }
