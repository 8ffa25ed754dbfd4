# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server under examination: Longhorn's kinds of v1.12, Kubernetes' controllers, no Longhorn."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

from tests.simulator.builtins import builtin_registry
from tests.simulator.clock import make_clock
from tests.simulator.conformance.client import Client
from tests.simulator.kernel import Kernel
from tests.simulator.kube.components import Kubernetes, ensure_namespace
from tests.simulator.longhorn.profiles import profile_for
from tests.simulator.longhorn.schemas import resources_of
from tests.simulator.server import ApiServer
from tests.simulator.store import Store

NAMESPACE = "longhorn-system"
IMAGES = "backingimages.longhorn.io"
_LISTED = 5


def _listed_image(number: int) -> dict[str, Any]:
    """Return one of the objects that the file's lists show, but that none of its requests makes."""
    return {
        "apiVersion": "longhorn.io/v1beta2",
        "kind": "BackingImage",
        "metadata": {
            "name": f"list-{number}",
            "namespace": NAMESPACE,
            "labels": {"set": "list", "n": str(number)},
        },
        "spec": {
            "diskFileSpecMap": {"disk-1": {"dataEngine": "v1", "evictionRequested": False}},
            "minNumberOfCopies": 2,
            "sourceParameters": {"url": "http://127.0.0.1/parrot.raw"},
            "sourceType": "download",
        },
    }


class Bench:
    """A fresh server with what the recorded one had; a context manager."""

    def __init__(self, folder: Path) -> None:
        registry = builtin_registry()
        for resource in resources_of(profile_for("1.12.1")):
            registry.register(resource)
        self._store = Store(Kernel(make_clock("real")), registry)
        Kubernetes(self._store.kernel, self._store).start()
        ensure_namespace(self._store, NAMESPACE)
        for number in range(_LISTED):
            self._store.create(IMAGES, _listed_image(number))
        self._server = ApiServer(self._store, folder)
        self._folder = folder

    def __enter__(self) -> Bench:
        url = self._server.start()
        tokens = self._server.tokens
        self.client = Client(url, self._folder / "ca.crt", tokens.admin)
        limited = tokens.for_service_account(NAMESPACE, "limited")
        self.account_tokens = {f"{NAMESPACE}/limited": limited}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()
        self._server.stop()
