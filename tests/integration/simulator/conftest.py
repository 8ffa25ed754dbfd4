# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A served API server with a small custom kind, three nodes, and a client."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from tests.simulator.builtins import builtin_registry
from tests.simulator.clock import make_clock
from tests.simulator.kernel import Kernel
from tests.simulator.kube.components import Kubernetes, ensure_namespace
from tests.simulator.server import ApiServer
from tests.simulator.store import Store
from tests.unit.simulator.example import IMAGES, NS

BASE = f"/apis/longhorn.io/v1beta2/namespaces/{NS}/images"


@dataclass
class Reply:
    """An answer: status, headers, body (text where it is no JSON)."""

    status: int
    headers: http.client.HTTPMessage
    body: Any


class Served:
    """A running server and how to speak to it."""

    def __init__(self, folder: Path, scale: float) -> None:
        registry = builtin_registry()
        registry.register(IMAGES)
        self.store = Store(Kernel(make_clock(scale)), registry)
        self.kubernetes = Kubernetes(self.store.kernel, self.store)
        self.kubernetes.start()
        ensure_namespace(self.store, NS)
        for name in ("n1", "n2", "n3"):
            self.kubernetes.machines.add(name)
        self.folder = folder
        self.server = ApiServer(self.store, folder)
        self.server.start()
        self.token = self.server.tokens.admin

    def connect(self) -> http.client.HTTPSConnection:
        """Return a new connection that trusts the server's authority."""
        parts = urlsplit(self.server.url)
        context = ssl.create_default_context(cafile=str(self.folder / "ca.crt"))
        return http.client.HTTPSConnection(
            parts.hostname or "", parts.port, context=context, timeout=10
        )

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        **query: Any,
    ) -> Reply:
        """Send one request on its own connection. Raises OSError or HTTPException when it
        breaks.
        """
        connection = self.connect()
        sent = {"Authorization": f"Bearer {self.token if token is None else token}"}
        sent |= {"Content-Type": "application/json", **(headers or {})}
        if token == "":
            del sent["Authorization"]
        url = path + ("?" + urlencode(query) if query else "")
        try:
            connection.request(method, url, None if body is None else json.dumps(body), sent)
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        try:
            parsed = json.loads(data)
        except ValueError:
            parsed = data.decode()
        return Reply(response.status, response.headers, parsed)

    def merge(self, name: str, **spec: Any) -> Reply:
        """Merge-patch the spec of an object of the example kind."""
        kind = {"Content-Type": "application/merge-patch+json"}
        return self.send("PATCH", f"{BASE}/{name}", {"spec": spec}, headers=kind)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A fresh server whose time runs 20 times as fast."""
    running = Served(tmp_path / "state", 20.0)
    yield running
    running.server.stop()
    assert running.server.failure is None
