# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a cluster into the model: once (one list per kind), or live (then one watch per kind).

This is also where it is found out which Longhorn it is, and said clearly when there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client, Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import Kind
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.watch import LiveView
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import parse
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import (
    Schema,
    UnsupportedLonghorn,
    detect,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure

VERSION_SETTING = "current-longhorn-version"
IMAGES_CRD = "backingimages.longhorn.io"

# Field of Cluster for each kind that becomes a mapping by name.
FIELDS: dict[Kind, str] = {
    kinds.LONGHORN_NODES: "nodes",
    kinds.NODES: "kube_nodes",
    kinds.BACKING_IMAGES: "images",
    kinds.DATA_SOURCES: "data_sources",
    kinds.MANAGERS: "managers",
    kinds.VOLUMES: "volumes",
    kinds.REPLICAS: "replicas",
    kinds.ENGINES: "engines",
    kinds.ATTACHMENTS: "attachments",
    kinds.INSTANCE_MANAGERS: "instance_managers",
    kinds.PERSISTENT_VOLUMES: "persistent_volumes",
    kinds.NODE_ATTACHMENTS: "node_attachments",
}
PARSERS: dict[Kind, Callable[[Mapping[str, Any]], Any]] = {
    kinds.LONGHORN_NODES: parse.node,
    kinds.NODES: parse.kube_node,
    kinds.DATA_SOURCES: parse.data_source,
    kinds.MANAGERS: parse.manager,
    kinds.VOLUMES: parse.volume,
    kinds.REPLICAS: parse.replica,
    kinds.ENGINES: parse.engine,
    kinds.ATTACHMENTS: parse.attachment,
    kinds.INSTANCE_MANAGERS: parse.instance_manager,
    kinds.PODS: parse.pod,
    kinds.BUDGETS: parse.budget,
    kinds.PERSISTENT_VOLUMES: parse.persistent_volume,
    kinds.NODE_ATTACHMENTS: parse.node_attachment,
    kinds.SETTINGS: lambda raw: parse.settings([raw]),
}
IMAGE_KINDS: tuple[Kind, ...] = (
    kinds.BACKING_IMAGES,
    kinds.DATA_SOURCES,
    kinds.MANAGERS,
    kinds.LONGHORN_NODES,
    kinds.NODES,
    kinds.VOLUMES,
    kinds.REPLICAS,
    kinds.ATTACHMENTS,
)


class NoLonghorn(Failure):
    """There is no Longhorn in the namespace."""


class Unsupported(Failure):
    """A Longhorn that this collection must not work on."""


class Longhorn:
    """Which Longhorn lives in the client's namespace: its schema and its settings.

    *served*: properties of a BackingImage's spec that are served, None where not readable.
    """

    def __init__(
        self, schema: Schema, settings: Mapping[str, str], served: frozenset[str] | None = None
    ) -> None:
        self.schema = schema
        self.settings = settings
        self.served = served

    def parser(self, kind: Kind) -> Callable[[Mapping[str, Any]], Any]:
        """What turns a raw object of this kind into the model."""
        if kind is kinds.BACKING_IMAGES:
            return lambda raw: parse.image(raw, self.schema)
        return PARSERS[kind]

    def assemble(
        self,
        namespace: str,
        held: Mapping[Kind, Iterable[Any]],
        unreadable: Iterable[str] = (),
    ) -> Cluster:
        """One picture from the parsed objects of each kind; settings that are not among them are
        those that were read first.
        """
        settings = dict(self.settings)
        for written in held.get(kinds.SETTINGS, ()):
            settings.update(written)
        fields: dict[str, Any] = {
            FIELDS[kind]: {item.name: item for item in items}
            for kind, items in held.items()
            if kind in FIELDS
        }
        return Cluster(
            schema=self.schema,
            namespace=namespace,
            settings=settings,
            pods=tuple(held.get(kinds.PODS, ())),
            budgets=tuple(held.get(kinds.BUDGETS, ())),
            unreadable=frozenset(unreadable),
            **fields,
        )


def find_longhorn(client: Client, *, only_look: bool = False) -> Longhorn:
    """Which Longhorn it is. Raises NoLonghorn or Unsupported, before anything else is read.

    *only_look*: an upgrade over 1.7 that is half done is no error but a hazard of its schema.
    """
    settings = _settings(client)
    if VERSION_SETTING not in settings:
        raise NoLonghorn(_no_longhorn_text(client))
    served = _served_properties(client)
    specs: Iterable[Mapping[str, Any]] = ()
    if served is None:
        specs = client.list(kinds.BACKING_IMAGES, lambda raw: raw.get("spec") or {}).items
    try:
        found = detect(settings[VERSION_SETTING], specs, served, only_look=only_look)
        return Longhorn(found, settings, frozenset(served) if served is not None else None)
    except UnsupportedLonghorn as error:
        raise Unsupported(str(error)) from error


def read_cluster(
    client: Client,
    longhorn: Longhorn,
    wanted: Iterable[Kind],
    everywhere: Iterable[Kind] = (),
    field_selectors: Mapping[Kind, str] | None = None,
    unreadable: Iterable[str] = (),
) -> Cluster:
    """One list per kind; *everywhere* names the kinds that are read in all namespaces.

    *unreadable*: kinds that would have been read too, had the account the right.
    """
    elsewhere = tuple(everywhere)
    chosen = field_selectors or {}
    held = {
        kind: client.list(
            kind,
            longhorn.parser(kind),
            all_namespaces=kind in elsewhere,
            field_selector=chosen.get(kind),
        ).items
        for kind in (*wanted, *elsewhere)
    }
    return longhorn.assemble(client.namespace, held, unreadable)


class LiveCluster(LiveView):
    """The same, kept up to date by watches; a new picture only when something has changed."""

    def __init__(
        self,
        client: Client,
        longhorn: Longhorn,
        wanted: Iterable[Kind],
        everywhere: Iterable[Kind] = (),
        field_selectors: Mapping[Kind, str] | None = None,
        unreadable: Iterable[str] = (),
    ) -> None:
        super().__init__(
            client,
            wanted,
            everywhere=everywhere,
            keep=lambda kind, raw: longhorn.parser(kind)(raw),
            field_selectors=field_selectors,
        )
        self._longhorn = longhorn
        self._namespace = client.namespace
        self._unreadable = tuple(unreadable)
        self._picture: tuple[int, Cluster] | None = None

    def picture(self) -> Cluster:
        """What is known now."""
        if self._picture is None or self._picture[0] != self.version:
            held = {kind: self.all(kind) for kind in self.kinds}
            self._picture = (
                self.version,
                self._longhorn.assemble(self._namespace, held, self._unreadable),
            )
        return self._picture[1]


def _settings(client: Client) -> dict[str, str]:
    try:
        return parse.settings(client.list(kinds.SETTINGS).items)
    except errors.NotFound:
        return {}


def _served_properties(client: Client) -> set[str] | None:
    """Names of the properties of a BackingImage's spec that are served; None if not readable."""
    try:
        crd = client.get(kinds.CRDS, IMAGES_CRD)
    except (errors.Forbidden, errors.NotFound):
        return None
    for version in (crd.get("spec") or {}).get("versions") or ():
        if version.get("name") == kinds.BACKING_IMAGES.version:
            properties = _inner(version, "schema", "openAPIV3Schema", "properties")
            return set(_inner(properties, "spec", "properties")) or None
    return None


def _inner(value: Object, *path: str) -> Object:
    for part in path:
        value = value.get(part) or {}
    return value


def _no_longhorn_text(client: Client) -> str:
    text = f"There is no Longhorn in namespace {client.namespace}"
    try:
        elsewhere = client.list(
            kinds.SETTINGS,
            lambda raw: str(raw["metadata"].get("namespace", "")),
            all_namespaces=True,
            field_selector=f"metadata.name={VERSION_SETTING}",
        ).items
    except errors.NotFound:
        return f"{text}; its resource definitions are not in this cluster. Check the context."
    except errors.ApiError:
        return f"{text}. Give the namespace it is installed in with the option namespace."
    if elsewhere:
        return f"{text}; it is in {', '.join(sorted(elsewhere))}: give that as option namespace."
    return f"{text}, nor in any other. Check the context."
