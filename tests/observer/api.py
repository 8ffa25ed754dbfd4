# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A minimal client of the Kubernetes API: a kubeconfig, plain HTTPS, dictionaries."""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import yaml

NAMESPACE = "longhorn-system"
LONGHORN = f"/apis/longhorn.io/v1beta2/namespaces/{NAMESPACE}"
TIMEOUT_SECONDS = 20


class Refused(Exception):
    """The API answered with an error; ``status`` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Api:
    """Requests as the user of a kubeconfig's current context (token or client certificate)."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        context = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"]
        self._server = cluster["server"].rstrip("/")
        self._tls = ssl.create_default_context(
            cafile=cluster.get("certificate-authority"), cadata=_decoded(cluster)
        )
        if "client-certificate-data" in user:
            self._use_certificate(user)
        self._token = user.get("token", "")

    def _use_certificate(self, user: dict[str, str]) -> None:
        with tempfile.NamedTemporaryFile() as pair:
            for key in ("client-certificate-data", "client-key-data"):
                pair.write(base64.b64decode(user[key]))
            pair.flush()
            self._tls.load_cert_chain(pair.name)

    def send(
        self, method: str, path: str, body: Any = None, kind: str = "application/json"
    ) -> dict[str, Any]:
        """One request; returns the answer's object. Raises Refused for statuses from 400."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._server + path, data, method=method)
        request.add_header("Content-Type", kind)
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(
                request, timeout=TIMEOUT_SECONDS, context=self._tls
            ) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            raise Refused(error.code, _message(error.read())) from error

    def get(self, path: str) -> dict[str, Any]:
        """One object. Raises Refused, with status 404 where it is absent."""
        return self.send("GET", path)

    def items(self, path: str) -> list[dict[str, Any]]:
        """All objects of a collection, by name."""
        found: list[dict[str, Any]] = self.get(path)["items"]
        return sorted(found, key=lambda item: str(item["metadata"]["name"]))

    def longhorn(self, plural: str) -> list[dict[str, Any]]:
        """All objects of one of Longhorn's kinds, by name."""
        return self.items(f"{LONGHORN}/{plural}")


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _decoded(cluster: dict[str, str]) -> str | None:
    data = cluster.get("certificate-authority-data")
    return base64.b64decode(data).decode() if data else None


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body).get("message", ""))
    except ValueError:
        return body.decode(errors="replace")[:256]
