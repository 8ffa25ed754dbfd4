# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that several modules share, each written once, with its environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ansible.module_utils.basic import env_fallback
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.source import Way


def _env(*names: str) -> tuple[Any, list[str]]:
    return (env_fallback, [f"K8S_AUTH_{name}" for name in names])


CONNECTION_OPTIONS: dict[str, dict[str, Any]] = {
    "kubeconfig": {"type": "raw", "no_log": False, "fallback": _env("KUBECONFIG")},
    "context": {"type": "str", "fallback": _env("CONTEXT")},
    "host": {"type": "str", "fallback": _env("HOST")},
    "api_key": {"type": "str", "no_log": True, "fallback": _env("API_KEY")},
    "username": {"type": "str", "fallback": _env("USERNAME")},
    "password": {"type": "str", "no_log": True, "fallback": _env("PASSWORD")},
    "client_cert": {
        "type": "path",
        "aliases": ["cert_file"],
        "fallback": _env("CLIENT_CERT", "CERT_FILE"),
    },
    "client_key": {
        "type": "path",
        "no_log": False,
        "aliases": ["key_file"],
        "fallback": _env("CLIENT_KEY", "KEY_FILE"),
    },
    "ca_cert": {
        "type": "path",
        "aliases": ["ssl_ca_cert"],
        "fallback": _env("CA_CERT", "SSL_CA_CERT"),
    },
    "validate_certs": {
        "type": "bool",
        "aliases": ["verify_ssl"],
        "fallback": _env("VALIDATE_CERTS", "VERIFY_SSL"),
    },
    "proxy": {"type": "str", "fallback": _env("PROXY")},
    "no_proxy": {"type": "str", "fallback": _env("NO_PROXY")},
    "proxy_headers": {
        "type": "dict",
        "options": {
            "proxy_basic_auth": {
                "type": "str",
                "no_log": True,
                "fallback": _env("PROXY_HEADERS_PROXY_BASIC_AUTH"),
            },
            "basic_auth": {
                "type": "str",
                "no_log": True,
                "fallback": _env("PROXY_HEADERS_BASIC_AUTH"),
            },
            "user_agent": {"type": "str", "fallback": _env("PROXY_HEADERS_USER_AGENT")},
        },
    },
    "impersonate_user": {"type": "str", "fallback": _env("IMPERSONATE_USER")},
    "impersonate_groups": {
        "type": "list",
        "elements": "str",
        "fallback": _env("IMPERSONATE_GROUPS"),
    },
    "namespace": {
        "type": "str",
        "default": "longhorn-system",
        "aliases": ["longhorn_namespace"],
    },
}

WAIT_OPTIONS: dict[str, dict[str, Any]] = {
    "wait_timeout": {"type": "int", "default": 3600},
}

SOURCE_OPTIONS: dict[str, dict[str, Any]] = {
    "source_proxy": {"type": "str", "fallback": (env_fallback, ["LONGHORN_SOURCE_PROXY"])},
    "source_ca_cert": {"type": "path"},
    "source_timeout": {"type": "float", "default": 1800},
}

# Of the modules that write: a module that only reads makes no pod either.
PROBE_OPTIONS: dict[str, dict[str, Any]] = {
    "source_probe": {
        "type": "str",
        "choices": ["auto", "cluster", "controller"],
        "default": "auto",
    },
    "source_probe_image": {"type": "str"},
}

_SECRETS_OF_USERS = ("token", "password", "client-key-data", "id-token", "refresh-token")


def with_fallbacks(given: Mapping[str, Any]) -> dict[str, Any]:
    """The connection options among *given*, those that are not set from their environment variables
    or defaults: what AnsibleModule does for a module, for a plug-in that is none.
    """
    found: dict[str, Any] = {}
    for name, spec in CONNECTION_OPTIONS.items():
        value = given.get(name)
        if value is None and "fallback" in spec:
            variables = spec["fallback"][1]
            value = next((os.environ[v] for v in variables if os.environ.get(v)), None)
            if value is not None and spec["type"] == "bool":
                value = boolean(value)
            if value is not None and spec["type"] == "list":
                value = [part.strip() for part in value.split(",")]
        found[name] = spec.get("default") if value is None else value
    return found


def secrets_in_kubeconfig(kubeconfig: Any) -> set[str]:
    """The secret values inside a kubeconfig given as a dict, for a module's no_log_values."""
    found: set[str] = set()
    if not isinstance(kubeconfig, dict):
        return found
    for entry in kubeconfig.get("users") or ():
        user = entry.get("user") if isinstance(entry, dict) else None
        if not isinstance(user, dict):
            continue
        provider = (user.get("auth-provider") or {}).get("config") or {}
        for source in (user, provider):
            found |= {str(source[key]) for key in _SECRETS_OF_USERS if source.get(key)}
    return found


def source_way(params: dict[str, Any]) -> Way:
    """How the sources are reached, from the options above."""
    return Way(
        proxy=params["source_proxy"] or "",
        ca_cert=params["source_ca_cert"] or "",
        seconds=params["source_timeout"],
    )


def secrets_in_url(url: str) -> set[str]:
    """Password and query (a signed URL carries its signature there), for no_log_values."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return set()
    return {secret for secret in (parts.password, parts.query) if secret}
