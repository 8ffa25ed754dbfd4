# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server has: versions, groups, resources, and enough OpenAPI for kubectl."""

from __future__ import annotations

from typing import Any

from tests.simulator.objects import Object
from tests.simulator.resources import Registry, Resource

# The recorded server's own words (kube-api-conformance.json).
VERSION: Object = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.0",
    "gitCommit": "rig",
    "gitTreeState": "clean",
    "buildDate": "2026-05-01T00:00:00Z",
    "goVersion": "go1.26.6",
    "compiler": "gc",
    "platform": "linux/amd64",
}
_QUERY = {"in": "query", "schema": {"type": "string", "uniqueItems": True}}


def discover(registry: Registry, path: str, address: str) -> Object | None:
    """Return the document at a discovery path, None when the path is not one."""
    parts = [part for part in path.split("/") if part]
    if path == "/version":
        return VERSION
    if parts == ["api"]:
        client = {"clientCIDR": "0.0.0.0/0", "serverAddress": address}
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [client]}
    if parts == ["apis"]:
        groups = [_group(name, versions) for name, versions in registry.groups().items() if name]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    if len(parts) == 2 and parts[0] == "apis" and parts[1] in registry.groups():
        group = _group(parts[1], registry.groups()[parts[1]])
        return {"kind": "APIGroup", "apiVersion": "v1", **group}
    if len(parts) == 2 and parts[0] == "api":
        return _resources(registry, "", parts[1])
    if len(parts) == 3 and parts[0] == "apis":
        return _resources(registry, parts[1], parts[2])
    if parts[:1] == ["openapi"]:
        return _openapi(registry, parts)
    return None


def _group(name: str, versions: list[str]) -> Object:
    listed = [{"groupVersion": f"{name}/{v}", "version": v} for v in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _resources(registry: Registry, group: str, version: str) -> Object | None:
    found = registry.in_version(group, version)
    if not found:
        return None
    entries: list[Object] = []
    for resource in found:
        entries += _entries(resource)
    name = f"{group}/{version}" if group else version
    listed: Object = {"kind": "APIResourceList", "groupVersion": name, "resources": entries}
    if group:
        listed["apiVersion"] = "v1"
    return listed


def _entries(resource: Resource) -> list[Object]:
    main: Object = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.all_verbs()),
    }
    if resource.short_names:
        main["shortNames"] = list(resource.short_names)
    if resource.categories:
        main["categories"] = list(resource.categories)
    if not resource.verbs:
        main["storageVersionHash"] = resource.storage_version_hash
    entries = [main]
    subresources = list(resource.subresources)
    if resource.status_subresource:
        subresources.append(("status", resource.kind))
    for name, kind in subresources:
        entry: Object = {
            "name": f"{resource.plural}/{name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": kind,
            "verbs": ["get", "patch", "update"] if name == "status" else ["create"],
        }
        if name == "log":
            entry["verbs"] = ["get"]
        if name == "scale":
            entry |= {"group": "autoscaling", "version": "v1", "verbs": ["get", "patch", "update"]}
        if name == "eviction":
            entry |= {"group": "policy", "version": "v1"}
        entries.append(entry)
    return entries


def _openapi(registry: Registry, parts: list[str]) -> Object | None:
    if parts == ["openapi", "v2"]:
        return {
            "swagger": "2.0",
            "info": {"title": "Kubernetes", "version": "v1.36.0"},
            "paths": {},
            "definitions": {},
        }
    if parts[1:2] != ["v3"]:
        return None
    if len(parts) == 2:
        names = ["api/v1"]
        for group, versions in registry.groups().items():
            names += [f"apis/{group}/{version}" for version in versions if group]
        paths = {n: {"serverRelativeURL": f"/openapi/v3/{n}?hash=simulator"} for n in names}
        return {"paths": paths}
    rest = parts[2:]
    if rest == ["api", "v1"]:
        return _group_schema(registry, "", "v1")
    if len(rest) == 3 and rest[0] == "apis":
        return _group_schema(registry, rest[1], rest[2])
    return None


def _group_schema(registry: Registry, group: str, version: str) -> Object | None:
    found = registry.in_version(group, version)
    if not found:
        return None
    paths: Object = {}
    schemas: Object = {}
    for resource in found:
        kind = {"group": group, "version": version, "kind": resource.kind}
        prefix = f"/apis/{group}/{version}" if group else f"/api/{version}"
        space = "/namespaces/{namespace}" if resource.namespaced else ""
        parameters = [{"name": n, **_QUERY} for n in ("dryRun", "fieldManager", "fieldValidation")]
        operation: Any = {
            "parameters": parameters,
            "responses": {"200": {"description": "OK"}},
            "x-kubernetes-group-version-kind": kind,
        }
        paths[f"{prefix}{space}/{resource.plural}"] = {
            "post": {**operation, "x-kubernetes-action": "post"}
        }
        paths[f"{prefix}{space}/{resource.plural}/{{name}}"] = {
            "patch": {**operation, "x-kubernetes-action": "patch"}
        }
        name = ".".join([*reversed(group.split(".")), version, resource.kind]).lstrip(".")
        schemas[name] = {
            **(resource.schema or {"type": "object"}),
            "x-kubernetes-group-version-kind": [kind],
        }
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.36.0"},
        "paths": paths,
        "components": {"schemas": schemas},
    }
