# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From options to credentials, by the order that users of kubernetes.core know."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils import argspec
from ansible_collections.nodecare.longhorn.plugins.module_utils._api import connect as module
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.connect import (
    BadConnection,
    MissingLibrary,
    connect,
)

TOKEN = "a-token-that-is-long-enough"


def kubeconfig(token: str = TOKEN) -> dict[str, Any]:
    def context(name: str) -> dict[str, Any]:
        return {"name": name, "context": {"cluster": name, "user": "u"}}

    def cluster(name: str) -> dict[str, Any]:
        return {"name": name, "cluster": {"server": f"https://{name}.example:6443"}}

    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "contexts": [context("one"), context("two")],
        "clusters": [cluster("one"), cluster("two")],
        "users": [{"name": "u", "user": {"token": token}}],
    }


def authorization(client: Any) -> str | None:
    value: str | None = client.transport._headers(None).get("Authorization")
    return value


def test_a_file_and_a_context_of_it(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(json.dumps(kubeconfig()))
    client = connect({"kubeconfig": str(path), "context": "two"})
    assert client.transport.host == "https://two.example:6443"
    assert authorization(client) == f"Bearer {TOKEN}"


def test_the_content_of_a_file() -> None:
    client = connect({"kubeconfig": kubeconfig(), "namespace": "storage"})
    assert client.transport.host == "https://one.example:6443"
    assert client.namespace == "storage"


def test_single_options_win_over_the_file() -> None:
    client = connect({"kubeconfig": kubeconfig(), "host": "https://x.example", "api_key": "other"})
    assert client.transport.host == "https://x.example"
    assert authorization(client) == "Bearer other"


def test_a_host_needs_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    client = connect({"host": "https://x.example", "username": "u", "password": "p"})
    assert authorization(client) == "Basic dTpw"
    assert client.namespace == "longhorn-system"


def test_impersonation() -> None:
    client = connect(
        {"kubeconfig": kubeconfig(), "impersonate_user": "eve", "impersonate_groups": ["a", "b"]}
    )
    headers = client.transport._headers(None)
    assert headers["Impersonate-User"] == "eve"
    assert headers.getlist("Impersonate-Group") == ["a", "b"]


@pytest.mark.parametrize(
    "params", [{"kubeconfig": "/nowhere/config"}, {"kubeconfig": {"kind": "Config"}}]
)
def test_a_file_that_cannot_be_used_is_said(params: dict[str, Any]) -> None:
    with pytest.raises(BadConnection, match="kubeconfig"):
        connect(params)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clusters: [unfinished\n", r"it is not valid YAML \(line 2\)\. Looked at"),
        ("hello", r"it has not the form of a kubeconfig \(TypeError\)\. Looked at"),
        ("clusters: 5", "it has not the form of a kubeconfig"),
        ("", r"file is empty\. Looked at"),
    ],
)
def test_a_file_that_is_no_kubeconfig_is_said_like_one_that_is_not_there(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(BadConnection, match=f"cannot be used: .*{said}"):
        connect({"kubeconfig": str(path)})


def test_where_it_looked_and_how_to_name_another_file_is_said() -> None:
    with pytest.raises(BadConnection, match="Looked at /nowhere/config; name yours with KUBECON"):
        connect({"kubeconfig": "/nowhere/config"})


def test_the_missing_library_is_named_with_its_installation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(name: str) -> Any:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(MissingLibrary, match="pip install kubernetes"):
        module.connect({})


def test_every_option_has_its_environment_variable() -> None:
    for name, spec in argspec.CONNECTION_OPTIONS.items():
        if name in ("namespace", "proxy_headers"):
            continue
        names = spec["fallback"][1]
        assert f"K8S_AUTH_{name.upper()}" in names
    older = {
        "validate_certs": "K8S_AUTH_VERIFY_SSL",
        "ca_cert": "K8S_AUTH_SSL_CA_CERT",
        "client_cert": "K8S_AUTH_CERT_FILE",
        "client_key": "K8S_AUTH_KEY_FILE",
    }
    for name, variable in older.items():
        assert variable in argspec.CONNECTION_OPTIONS[name]["fallback"][1]


def test_secrets_of_a_kubeconfig_are_known_to_be_hidden() -> None:
    config = kubeconfig()
    config["users"].append(
        {"name": "p", "user": {"password": "hidden-word", "client-key-data": "k"}}
    )
    assert argspec.secrets_in_kubeconfig(config) == {TOKEN, "hidden-word", "k"}
    assert argspec.secrets_in_kubeconfig("/a/path") == set()
