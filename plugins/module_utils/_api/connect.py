# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From options and environment to a client: kubeconfig, token, client certificate, in-cluster.

The order is the one users know from `kubernetes.core`: kubeconfig or context given -> that file,
with single options over it; a host without them -> no file; else in-cluster, then the default file.
The `kubernetes` package is imported only when this is called: it costs a quarter of a second.
"""

from __future__ import annotations

import base64
import importlib
import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.errors import cut
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.transport import Transport
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure

CONNECTIONS_MAX = 48


class MissingLibrary(Failure):
    """The one library that a module needs is not there."""


class BadConnection(Failure):
    """The connection options cannot be used as they are."""


def _kubernetes(part: str) -> Any:
    try:
        return importlib.import_module(f"kubernetes.{part}")
    except ImportError as error:
        raise MissingLibrary(
            "This module needs the Python library 'kubernetes' (24.2 or later) for the interpreter "
            "that runs it: pip install kubernetes. "
            f"({cut(str(error))})"
        ) from error


def connect(params: Mapping[str, Any], deadline: Deadline | None = None) -> Client:
    """A client for the options of argspec.CONNECTION_OPTIONS.

    Raises MissingLibrary or BadConnection. No request is sent yet.
    """
    client_module = _kubernetes("client")
    configuration = client_module.Configuration()
    _load_credentials(params, configuration)
    _apply_options(params, configuration)
    if not configuration.host:
        raise BadConnection("No Kubernetes API address: give kubeconfig or host.")
    # A watch holds a connection each, and evictions run beside them.
    configuration.connection_pool_maxsize = CONNECTIONS_MAX
    api_client = client_module.ApiClient(configuration=configuration)
    transport = Transport(api_client, _impersonation(params))
    return Client(transport, params.get("namespace") or "longhorn-system", deadline)


def current_context(params: Mapping[str, Any]) -> str:
    """Name of the kubeconfig's context that these options choose, "" where none is used."""
    if params.get("context"):
        return str(params["context"])
    given = params.get("kubeconfig")
    if isinstance(given, Mapping):
        return str(given.get("current-context") or "")
    if params.get("host") and not given:
        return ""
    config = _kubernetes("config")
    try:
        _contexts, active = config.list_kube_config_contexts(str(given) if given else None)
    except (config.ConfigException, OSError):
        return ""
    return str(active.get("name") or "")


def _load_credentials(params: Mapping[str, Any], configuration: Any) -> None:
    config = _kubernetes("config")
    yaml: Any = importlib.import_module("yaml")
    kubeconfig = params.get("kubeconfig")
    context = params.get("context")
    asked = kubeconfig if isinstance(kubeconfig, str) else ""
    looked_at = asked or os.environ.get("KUBECONFIG", "") or "~/.kube/config"
    try:
        if isinstance(kubeconfig, Mapping):
            config.load_kube_config_from_dict(
                dict(kubeconfig), context=context, client_configuration=configuration
            )
        elif kubeconfig or context:
            config.load_kube_config(
                str(kubeconfig) if kubeconfig else None,
                context=context,
                client_configuration=configuration,
                persist_config=False,
            )
        elif not params.get("host"):
            _load_defaults(config, configuration)
    except config.ConfigException as error:
        raise BadConnection(_unusable(cut(str(error)), looked_at)) from error
    except OSError as error:
        raise BadConnection(_unusable(f"{error.strerror}: {error.filename}", looked_at)) from error
    except yaml.YAMLError as error:
        # Its own text shows the lines of the file, which may hold a secret.
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        raise BadConnection(_unusable(f"it is not valid YAML{where}", looked_at)) from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # What the library makes of a file in which something else stands where it looks.
        why = f"it has not the form of a kubeconfig ({type(error).__name__})"
        raise BadConnection(_unusable(why, looked_at)) from error


def _unusable(why: str, looked_at: str) -> str:
    return (
        f"The kubeconfig cannot be used: {why.rstrip('. ')}. Looked at {looked_at}; name yours "
        "with KUBECONFIG, K8S_AUTH_KUBECONFIG or the option kubeconfig."
    )


def _load_defaults(config: Any, configuration: Any) -> None:
    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException:
        config.load_kube_config(client_configuration=configuration, persist_config=False)


def _apply_options(params: Mapping[str, Any], configuration: Any) -> None:
    """Options win over what the file said."""
    for option, field in (
        ("host", "host"),
        ("username", "username"),
        ("password", "password"),
        ("ca_cert", "ssl_ca_cert"),
        ("client_cert", "cert_file"),
        ("client_key", "key_file"),
        ("proxy", "proxy"),
        ("no_proxy", "no_proxy"),
    ):
        if params.get(option):
            setattr(configuration, field, params[option])
    if params.get("validate_certs") is not None:
        configuration.verify_ssl = bool(params["validate_certs"])
    if params.get("api_key"):
        # A refresh hook of the file would put the file's token back.
        configuration.refresh_api_key_hook = None
        configuration.api_key.pop("BearerToken", None)
        configuration.api_key_prefix.pop("BearerToken", None)
        configuration.api_key["authorization"] = f"Bearer {params['api_key']}"
        configuration.api_key_prefix.pop("authorization", None)
    headers = _proxy_headers(params.get("proxy_headers") or {})
    if headers:
        configuration.proxy_headers = headers


def _proxy_headers(given: Mapping[str, Any]) -> dict[str, str]:
    headers = {}
    for option, header in (
        ("proxy_basic_auth", "proxy-authorization"),
        ("basic_auth", "authorization"),
    ):
        if given.get(option):
            encoded = base64.b64encode(str(given[option]).encode()).decode("ascii")
            headers[header] = f"Basic {encoded}"
    if given.get("user_agent"):
        headers["user-agent"] = str(given["user_agent"])
    return headers


def _impersonation(params: Mapping[str, Any]) -> list[tuple[str, str]]:
    headers = []
    if params.get("impersonate_user"):
        headers.append(("Impersonate-User", str(params["impersonate_user"])))
    headers += [("Impersonate-Group", str(g)) for g in params.get("impersonate_groups") or ()]
    return headers
