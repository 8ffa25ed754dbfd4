# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds that the API server knows, and what is special about each."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulator.errors import ApiError, Cause
from tests.simulator.objects import Object

if TYPE_CHECKING:
    from tests.simulator.store import Store

Cell = Callable[[Object, float], Any]


@dataclass(frozen=True)
class Column:
    """A column of a Table: a name, a JSON path such as ``.status.uuid``, or a function of the
    object and the time.
    """

    name: str
    path: str = ""
    type: str = "string"
    description: str = ""
    format: str = ""
    priority: int = 0
    cell: Cell | None = None


@dataclass(frozen=True)
class Resource:
    """A kind as it is served.

    ``schema`` is the openAPIV3Schema of a custom resource (None: not checked, nothing pruned).
    ``default`` fills in what a built-in kind gets on every write, ``prepare`` what it gets on
    create; both edit the object in place. ``check`` returns what is wrong with an object (and the
    one it replaces, None for a new one) beyond its types. ``create_on_update`` kinds are created by
    an update that finds none; an update of ``needs_version`` kinds, as of custom ones, has to say
    which version it replaces. ``builtin`` kinds differ from custom ones as in a real
    server: typed lists, strategic merge patches, unconditional updates. ``plural`` and ``group``
    together are the name used in calls of the store.
    """

    group: str
    version: str
    plural: str
    kind: str
    singular: str = ""
    short_names: tuple[str, ...] = ()
    namespaced: bool = True
    status_subresource: bool = True
    schema: dict[str, Any] | None = None
    printer_columns: tuple[Column, ...] = ()
    selectable_fields: tuple[str, ...] = ()
    builtin: bool = False
    generation: bool = True
    returns_deleted: bool = False
    created_with_status: bool = False
    categories: tuple[str, ...] = ()
    subresources: tuple[tuple[str, str], ...] = ()
    verbs: tuple[str, ...] = ()
    create_on_update: bool = False
    needs_version: bool = False
    default: Callable[[Object], None] | None = None
    check: Callable[[Object, Object | None], list[Cause]] | None = None
    prepare: Callable[[Store, Object], None] | None = None
    key: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "key", f"{self.plural}.{self.group}" if self.group else self.plural
        )
        if not self.singular:
            object.__setattr__(self, "singular", self.kind.lower())

    @property
    def api_version(self) -> str:
        """``group/version``, or the version alone for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def list_kind(self) -> str:
        """The kind of a list of these."""
        return f"{self.kind}List"

    @property
    def qualified_kind(self) -> str:
        """``Kind.group`` as error texts show it."""
        return self.qualified(self.kind)

    def qualified(self, kind: str) -> str:
        """``kind.group`` as error texts show it."""
        return f"{kind}.{self.group}" if self.group else kind

    @property
    def storage_version_hash(self) -> str:
        """The hash shown in discovery (apiserver pkg/endpoints/discovery/storageversionhash.go)."""
        text = f"{self.group}/{self.version}/{self.kind}"
        return base64.b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()

    def all_verbs(self) -> tuple[str, ...]:
        """The verbs shown in discovery."""
        if self.verbs:
            return self.verbs
        if self.builtin:
            listed = "create delete deletecollection get list patch update watch"
        else:
            listed = "delete deletecollection get list patch create update watch"
        return tuple(listed.split())


class Registry:
    """All kinds of one API server, in the order in which they were registered."""

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._by_key: dict[str, Resource] = {}
        self._by_path: dict[tuple[str, str, str], Resource] = {}
        self._by_kind: dict[tuple[str, str], Resource] = {}
        for resource in resources:
            self.register(resource)

    def register(self, resource: Resource) -> Resource:
        """Serve one more kind (a kind that is there already is replaced), and return it."""
        self._by_key[resource.key] = resource
        self._by_path[(resource.group, resource.version, resource.plural)] = resource
        self._by_kind[(resource.group, resource.kind)] = resource
        return resource

    def get(self, name: str) -> Resource:
        """Return the resource called ``plural`` or ``plural.group``. Raises KeyError for a name
        nobody registered.
        """
        return self._by_key[name]

    def by_path(self, group: str, version: str, plural: str) -> Resource | None:
        """Return the resource of a URL path, None if it is not served."""
        return self._by_path.get((group, version, plural))

    def by_kind(self, api_version: str, kind: str) -> Resource | None:
        """Return the resource of an object's apiVersion and kind (the version itself is not
        compared).
        """
        group = api_version.rpartition("/")[0]
        return self._by_kind.get((group, kind))

    def groups(self) -> dict[str, list[str]]:
        """Return the versions of every group, the core group (an empty name) included."""
        groups: dict[str, list[str]] = {}
        for resource in self._by_key.values():
            versions = groups.setdefault(resource.group, [])
            if resource.version not in versions:
                versions.append(resource.version)
        return groups

    def in_version(self, group: str, version: str) -> list[Resource]:
        """Return the resources of one group and version."""
        return [r for r in self._by_key.values() if (r.group, r.version) == (group, version)]

    def __iter__(self) -> Iterator[Resource]:
        return iter(list(self._by_key.values()))

    def __contains__(self, name: str) -> bool:
        return name in self._by_key


def unknown_resource() -> ApiError:
    """404 with the text that a real server gives for a resource it does not serve."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})
