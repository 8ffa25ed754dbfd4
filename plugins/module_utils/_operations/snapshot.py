# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One reading of the cluster: one list per kind, each object reduced to the model as it comes
in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client, Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import Kind
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import parse
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import (
    NEW_MAP,
    OLD_MAP,
    Schema,
    UnsupportedLonghorn,
    detect,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure

VERSION_SETTING = "current-longhorn-version"

# Field of Cluster and how an object of that kind is read (images need the schema, see below).
FIELDS: Mapping[Kind, tuple[str, Callable[[Object], Any]]] = {
    kinds.LONGHORN_NODES: ("nodes", parse.node),
    kinds.NODES: ("kube_nodes", parse.kube_node),
    kinds.DATA_SOURCES: ("data_sources", parse.data_source),
    kinds.MANAGERS: ("managers", parse.manager),
    kinds.VOLUMES: ("volumes", parse.volume),
    kinds.REPLICAS: ("replicas", parse.replica),
    kinds.ENGINES: ("engines", parse.engine),
    kinds.ATTACHMENTS: ("attachments", parse.attachment),
    kinds.INSTANCE_MANAGERS: ("instance_managers", parse.instance_manager),
}


class NoLonghorn(Failure):
    """There is no Longhorn where it was looked for."""


def read_settings(client: Client) -> dict[str, str]:
    """All settings of Longhorn. Raises NoLonghorn when there is none in this namespace."""
    try:
        found = parse.settings(client.list(kinds.SETTINGS).items)
    except errors.NotFound:
        found = {}
    if not found.get(VERSION_SETTING):
        raise NoLonghorn(
            f"No Longhorn was found in namespace {client.namespace} (no setting {VERSION_SETTING} "
            "there). If it is installed elsewhere, name it: -e longhorn_namespace=<namespace>. "
            "Nothing was changed."
        )
    return found


def served_fields(client: Client) -> frozenset[str] | None:
    """Names of the spec fields in the served BackingImage schema; None where it may not be read."""
    try:
        crd = client.get(kinds.CRDS, kinds.BACKING_IMAGES.label)
    except (errors.Forbidden, errors.NotFound):
        return None
    for version in crd.get("spec", {}).get("versions", ()):
        if version.get("name") == kinds.BACKING_IMAGES.version and version.get("served"):
            root = version.get("schema", {}).get("openAPIV3Schema", {})
            spec = root.get("properties", {}).get("spec", {})
            return frozenset(spec.get("properties", {}))
    return None


class ImageReader:
    """Reads images with the map that the version names, and checks that the objects agree."""

    def __init__(self, client: Client, version: str) -> None:
        self._client = client
        self._version = version
        self._expected = _checked(version, [], None)
        self._evidence: list[dict[str, Any]] = []

    def reduce(self, raw: Object) -> Any:
        spec = raw.get("spec") or {}
        self._evidence.append({name: bool(spec.get(name)) for name in (OLD_MAP, NEW_MAP)})
        return parse.image(raw, self._expected)

    def schema(self) -> Schema:
        """The schema, confirmed. The served one is asked only where no object tells."""
        told = any(found[self._expected.map_field] for found in self._evidence)
        served = None if told else served_fields(self._client)
        return _checked(self._version, self._evidence, served)


def _checked(version: str, specs: list[dict[str, Any]], served: Collection[str] | None) -> Schema:
    try:
        return detect(version, specs, served)
    except UnsupportedLonghorn as error:
        raise Failure(str(error)) from error


def read_cluster(
    client: Client,
    *,
    leave_out: Collection[Kind] = (),
    pods_of: str | None = None,
) -> Cluster:
    """Everything that a decision may need.

    leave_out: kinds that this decision does not look at; pods_of: node whose pods (and all
    budgets) are read too.
    """
    settings = read_settings(client)
    reader = ImageReader(client, settings[VERSION_SETTING])
    images = client.list(kinds.BACKING_IMAGES, reader.reduce).items
    content: dict[str, Any] = {"images": {item.name: item for item in images}}
    for kind, (field, read) in FIELDS.items():
        if kind not in leave_out:
            content[field] = {item.name: item for item in client.list(kind, read).items}
    if pods_of is not None:
        pods = client.list(
            kinds.PODS, parse.pod, all_namespaces=True, field_selector=f"spec.nodeName={pods_of}"
        )
        content["pods"] = tuple(pods.items)
        content["budgets"] = tuple(
            client.list(kinds.BUDGETS, parse.budget, all_namespaces=True).items
        )
    return Cluster(schema=reader.schema(), namespace=client.namespace, settings=settings, **content)
