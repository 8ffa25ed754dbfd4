# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An API server over TLS with one small custom kind, and clients of ours for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.connect import connect
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import Kind
from tests.simulator.builtins import builtin_registry
from tests.simulator.clock import RunningClock
from tests.simulator.kernel import Kernel
from tests.simulator.server import ApiServer
from tests.simulator.store import Store
from tests.unit.simulator.example import IMAGES

NS = "longhorn-system"
EXAMPLE = Kind("longhorn.io", "v1beta2", "images", "Image")


@dataclasses.dataclass
class World:
    """A running server and what tests need of it."""

    server: ApiServer
    folder: Path

    def client(self, seconds: float = 20.0, token: str | None = None) -> Client:
        """A client of ours, for the administrator or for another token."""
        path = self.server.kubeconfig
        if token is not None:
            path = self.server.kubeconfig_for(token, self.folder / f"kubeconfig-{len(token)}")
        return connect({"kubeconfig": str(path), "namespace": NS}, Deadline(seconds))

    def add(self, name: str, **spec: object) -> None:
        """Create one example object behind the clients' backs."""
        body = {
            "apiVersion": "longhorn.io/v1beta2",
            "kind": "Image",
            "metadata": {"name": name, "namespace": NS},
            "spec": {"copies": 1, **spec},
        }
        self.server.call(self.server.store.create, "images.longhorn.io", body)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A server that runs in real time."""
    registry = builtin_registry()
    registry.register(IMAGES)
    store = Store(Kernel(RunningClock()), registry)
    for name in ("default", NS):
        store.create("namespaces", {"metadata": {"name": name}})
    server = ApiServer(store, tmp_path)
    server.start()
    try:
        yield World(server, tmp_path)
    finally:
        server.stop()
