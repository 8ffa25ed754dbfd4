# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be read into the types of a kind, with the words of Go's JSON decoder.

A real server decodes metadata of every kind, and built-in kinds altogether, into structs. Known
here are the types of metadata and of the fields that clients of the simulator write. Texts:
encoding/json, apimachinery pkg/apis/meta/v1 (MicroTime) and pkg/runtime/converter.go, as
kube-apiserver 1.36 answers.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tests.simulator.objects import Object
from tests.simulator.resources import Resource
from tests.simulator.schema import Schema

_STRINGS = "map[string]string"
_OWNERS = "[]v1.OwnerReference"
_METADATA = {
    "name": "string",
    "generateName": "string",
    "namespace": "string",
    "uid": "types.UID",
    "resourceVersion": "string",
    "labels": _STRINGS,
    "annotations": _STRINGS,
    "ownerReferences": _OWNERS,
    "finalizers": "[]string",
}
_LEASE = {
    "holderIdentity": "string",
    "leaseDurationSeconds": "int32",
    "acquireTime": "micro time",
    "renewTime": "micro time",
    "leaseTransitions": "int32",
    "strategy": "string",
    "preferredHolder": "string",
}
_NODE = {"unschedulable": "bool", "providerID": "string", "podCIDR": "string"}
_POD = {
    "nodeName": "string",
    "terminationGracePeriodSeconds": "int64",
    "hostNetwork": "bool",
    "priorityClassName": "string",
}
_SPECS = {
    "leases.coordination.k8s.io": _LEASE,
    "nodes": _NODE,
    "pods": _POD,
    "deployments.apps": {"replicas": "int32"},
    "statefulsets.apps": {"replicas": "int32"},
    "replicasets.apps": {"replicas": "int32"},
}
_BODIES = {"configmaps": {"data": _STRINGS}, "secrets": {"stringData": _STRINGS}}

_ANY: Schema = {"x-kubernetes-preserve-unknown-fields": True}
_POD_FIELDS = (
    "activeDeadlineSeconds affinity automountServiceAccountToken containers dnsConfig dnsPolicy "
    "enableServiceLinks ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers "
    "hostname hostnameOverride imagePullSecrets initContainers nodeName nodeSelector os overhead "
    "preemptionPolicy priority priorityClassName readinessGates resourceClaims resources "
    "restartPolicy runtimeClassName schedulerName schedulingGates securityContext serviceAccount "
    "serviceAccountName setHostnameAsFQDN shareProcessNamespace subdomain "
    "terminationGracePeriodSeconds tolerations topologySpreadConstraints volumes workloadRef "
    "schedulingGroup"
)
_NODE_FIELDS = "configSource externalID podCIDR podCIDRs providerID taints unschedulable"


def _known(body: str = "status", spec: str = "") -> Schema:
    """Return a schema that knows names alone: those of the body, and those of its spec if given."""
    properties: Schema = {name: _ANY for name in body.split()}
    if spec:
        properties["spec"] = {"properties": {name: _ANY for name in spec.split()}}
    return {"properties": properties}


FIELDS: dict[str, Schema] = {
    "pods": _known(spec=_POD_FIELDS),
    "nodes": _known(spec=_NODE_FIELDS),
    "leases.coordination.k8s.io": _known("", " ".join(_LEASE)),
    "configmaps": _known("data binaryData immutable"),
    "secrets": _known("data stringData immutable type"),
    "namespaces": _known("spec status"),
    "daemonsets.apps": _known("spec status"),
    "deployments.apps": _known("spec status"),
    "poddisruptionbudgets.policy": _known(
        spec="maxUnavailable minAvailable selector unhealthyPodEvictionPolicy"
    ),
}

_MICRO = "2006-01-02T15:04:05.000000Z07:00"
_MICRO_PARTS = (
    (r"\d{4}", "2006"),
    ("-", "-"),
    (r"\d\d", "01"),
    ("-", "-"),
    (r"\d\d", "02"),
    ("T", "T"),
    (r"\d\d", "15"),
    (":", ":"),
    (r"\d\d", "04"),
    (":", ":"),
    (r"\d\d", "05"),
    (r"\.\d{6}", ".000000"),
    (r"Z|[+-]\d\d:\d\d", "Z07:00"),
)


class Undecodable(Exception):
    """A body that the types of its kind cannot hold; ``str`` of it is the decoder's text."""


def check_types(resource: Resource, obj: Object, strategic: bool = False) -> None:
    """Raise Undecodable at the first value of a wrong type.

    ``strategic`` tells that a strategic merge patch made the object: those are converted without
    JSON in between, by code with other words.
    """
    metadata = obj.get("metadata")
    within = "metadata." if resource.builtin else ""
    if metadata is not None and not isinstance(metadata, dict):
        place = f"Go struct field {resource.kind}.metadata" if within else "Go value"
        raise Undecodable(_cannot(metadata, place, "v1.ObjectMeta"))
    _check_fields(metadata or {}, _METADATA, f"ObjectMeta.{within}", strategic)
    if resource.key in _BODIES:
        _check_fields(obj, _BODIES[resource.key], f"{resource.kind}.", strategic)
    fields = _SPECS.get(resource.key)
    spec = obj.get("spec")
    if fields is None or spec is None:
        return
    struct = f"{resource.kind}Spec"
    if not isinstance(spec, dict):
        place = f"Go struct field {resource.kind}.spec"
        raise Undecodable(_cannot(spec, place, f"v1.{struct}"))
    _check_fields(spec, fields, f"{struct}.spec.", strategic)


def _check_fields(values: Object, fields: dict[str, str], prefix: str, strategic: bool) -> None:
    for name, kind in fields.items():
        if values.get(name) is not None:
            _check(values[name], kind, f"Go struct field {prefix}{name}", strategic)


def _check(value: Any, kind: str, place: str, strategic: bool) -> None:
    if kind == _STRINGS and isinstance(value, dict):
        for entry in value.values():
            _check(entry, "string", place, strategic)
    elif kind == "[]string" and isinstance(value, list):
        for entry in value:
            _check(entry, "string", place, strategic)
    elif kind == _OWNERS and isinstance(value, list):
        for entry in value:
            if not isinstance(entry, dict):
                raise Undecodable(_cannot(entry, place, "v1.OwnerReference"))
    elif kind == "micro time" and isinstance(value, str):
        _check_time(value)
    elif value is not None and not _fits(value, kind):
        shown = "string" if kind == "micro time" else kind
        raise Undecodable(
            _inconvertible(value, shown) if strategic else _cannot(value, place, shown)
        )


def _fits(value: Any, kind: str) -> bool:
    if kind in ("string", "types.UID"):
        return isinstance(value, str)
    if kind == "bool":
        return isinstance(value, bool)
    return kind.startswith("int") and isinstance(value, int) and not isinstance(value, bool)


def _check_time(text: str) -> None:
    left = text
    for pattern, shown in _MICRO_PARTS:
        match = re.match(pattern, left)
        if match is None:
            raise Undecodable(
                f'parsing time {json.dumps(text)} as "{_MICRO}": cannot parse {json.dumps(left)} '
                f'as "{shown}"'
            )
        left = left[match.end() :]
    if left:
        raise Undecodable(f"parsing time {json.dumps(text)}: extra text: {json.dumps(left)}")


def json_kind(value: Any) -> str:
    """Return the kind of a JSON value as encoding/json calls it."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _cannot(value: Any, place: str, kind: str) -> str:
    whole = not (isinstance(value, float) and kind.startswith("int"))
    shown = json_kind(value) if whole else f"number {value}"
    return f"json: cannot unmarshal {shown} into {place} of type {kind}"


def _inconvertible(value: Any, kind: str) -> str:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if number:
        return f"cannot convert {'int64' if isinstance(value, int) else 'float64'} to {kind}"
    return f"unrecognized type: {kind}"


def show_json(obj: Any) -> str:
    """Return an object as encoding/json writes it, in quotes as Go's %q writes those."""
    text = json.dumps(obj, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return json.dumps(text, ensure_ascii=False)


def show_map(value: Any) -> str:
    """Return a value as Go's %v writes it: ``map[a:1 b:[x y]]``."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{k}:{show_map(v)}' for k, v in sorted(value.items()))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(show_map, value))}]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)
