# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request asks for, read from its path and query as kube-apiserver does.

Source: apiserver pkg/endpoints/request/requestinfo.go.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import yaml

from tests.simulator.errors import Cause, bad_request, invalid_options, unsupported_media_type
from tests.simulator.http.gojson import decode_json, decode_json_patch, decode_merge_patch
from tests.simulator.rbac import Access
from tests.simulator.resources import Resource
from tests.simulator.writing import JSON_PATCH, STRATEGIC_MERGE_PATCH, WriteOptions

_TRUE = ("true", "1", "t", "True", "TRUE")
_OPTIONS = {"PUT": "UpdateOptions", "PATCH": "PatchOptions", "DELETE": "DeleteOptions"}
_BODY_TYPES = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")


@dataclass(frozen=True)
class Target:
    """The group, version, resource and object that a path names."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def parse_path(path: str) -> Target | None:
    """Return what a path names, None when it names no resource (discovery, health, unknown)."""
    parts = [unquote(part) for part in path.split("/") if part]
    if len(parts) >= 3 and parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif len(parts) >= 4 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) >= 3 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    if len(rest) > 3:
        return None
    rest += [""] * (3 - len(rest))
    return Target(group, version, rest[0], namespace, rest[1], rest[2])


def check_dry_run(kind: str, asked: Any) -> None:
    """Refuse stages of a dry run that do not exist. Raises ApiError 422."""
    if asked != ["All"]:
        text = f'Unsupported value: {json.dumps(asked)}: supported values: "All"'
        raise invalid_options(kind, Cause("dryRun", "FieldValueNotSupported", text))


@dataclass
class Request:
    """One request to an object or a collection, with everything that was sent along.

    ``warnings`` collects what is to be said with the answer, be it a refusal.
    """

    method: str
    target: Target
    resource: Resource
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    user: str
    warnings: list[str] = field(default_factory=list)

    @property
    def is_watch(self) -> bool:
        """Tell whether the client wants a stream of events."""
        return self.method == "GET" and not self.target.name and self.flag("watch")

    def flag(self, name: str) -> bool:
        """Return a query parameter that is yes or no."""
        return self.query.get(name, "") in _TRUE

    def number(self, name: str) -> int | None:
        """Return a query parameter that is a number. Raises ApiError 400."""
        text = self.query.get(name, "")
        if not text:
            return None
        try:
            return int(text)
        except ValueError:
            raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None

    def write_options(self) -> WriteOptions:
        """Return how a write is to be done. Raises ApiError 422 for parameters that make no
        sense.
        """
        kind = _OPTIONS.get(self.method, "CreateOptions")
        dry, validation = self.query.get("dryRun", ""), self.query.get("fieldValidation", "")
        if dry:
            check_dry_run(kind, [dry])
        if validation not in ("", "Ignore", "Strict", "Warn"):
            text = (
                f'Unsupported value: "{validation}": supported values: "", "Ignore", "Strict", '
                '"Warn"'
            )
            raise invalid_options(kind, Cause("fieldValidation", "FieldValueNotSupported", text))
        return WriteOptions(self.user, bool(dry), validation or "Warn", self.warnings)

    def content_type(self) -> str:
        """Return the type of the body, without parameters."""
        return self.headers.get("Content-Type", "application/json").partition(";")[0].strip()

    def decode(self) -> Any:
        """Return the body of a create or an update. Raises ApiError 400 or 415 with the
        real texts.
        """
        kind = self.content_type()
        if kind == "application/yaml":
            return decode_yaml(self.body)
        if kind != "application/json":
            raise unsupported_media_type(_BODY_TYPES)
        return decode_json(self.body, self.resource.kind)

    def decode_patch(self) -> Any:
        """Return the body of a patch: a list for a JSON patch, else an object. Raises
        ApiError 400.
        """
        if self.content_type() == JSON_PATCH:
            return decode_json_patch(self.body)
        return decode_merge_patch(self.body, self.content_type() == STRATEGIC_MERGE_PATCH)


def decode_yaml(body: bytes) -> Any:
    """Return YAML data. Raises ApiError 400."""
    try:
        return yaml.safe_load(body)
    except yaml.YAMLError as error:
        raise bad_request(f"error decoding YAML: {error}") from None


def verb_of(method: str, target: Target, query: Mapping[str, str]) -> str:
    """Return the verb that RBAC knows a request by."""
    if method in ("GET", "HEAD"):
        if target.name:
            return "get"
        return "watch" if query.get("watch", "") in _TRUE else "list"
    if method == "DELETE":
        return "delete" if target.name else "deletecollection"
    return {"POST": "create", "PUT": "update", "PATCH": "patch"}.get(method, method.lower())


def access_of(method: str, target: Target, query: Mapping[str, str]) -> Access:
    """Return what RBAC is asked for a request to a resource."""
    return Access(
        verb_of(method, target, query),
        target.group,
        target.plural,
        target.subresource,
        target.name if (target.group, target.plural) == ("", "namespaces") else target.namespace,
        target.name,
    )
