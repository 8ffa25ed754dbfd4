# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about ``metadata`` that hold for every kind.

Rules and texts: k8s.io/apimachinery pkg/api/validation/objectmeta.go, apiserver pkg/registry/rest.
"""

from __future__ import annotations

import json
import re

from tests.simulator.errors import Cause
from tests.simulator.objects import Object
from tests.simulator.resources import Resource

_SUBDOMAIN_PATTERN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_SUBDOMAIN = re.compile(_SUBDOMAIN_PATTERN)
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    f"'{_SUBDOMAIN_PATTERN}')"
)
_LABEL_VALUE_PATTERN = r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_LABEL_VALUE = re.compile(_LABEL_VALUE_PATTERN)
_LABEL_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used "
    "for validation is "
    f"'{_LABEL_VALUE_PATTERN}')"
)
_KEY_PATTERN = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_KEY = re.compile(_KEY_PATTERN)
_KEY_TEXT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    f"validation is '{_KEY_PATTERN}')"
)
_STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")
_FINALIZER_HINT = (
    "prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts "
    "with other "
    "finalizer writers"
)


def validate_metadata(resource: Resource, obj: Object) -> list[Cause]:
    """Return what is wrong with the metadata of a new object."""
    metadata = obj["metadata"]
    name = metadata.get("name") or ""
    causes: list[Cause] = []
    prefix = metadata.get("generateName") or ""
    if prefix and not _SUBDOMAIN.fullmatch(prefix.rstrip("-") + "a" * prefix.endswith("-")):
        causes.append(_invalid("metadata.generateName", prefix, _SUBDOMAIN_TEXT))
    if not name:
        text = "Required value: name or generateName is required"
        return [Cause("metadata.name", "FieldValueRequired", text)]
    if len(name) > 253:
        text = f"Invalid value: {json.dumps(name)}: must be no more than 253 characters"
        causes.append(Cause("metadata.name", "FieldValueInvalid", text))
    if not _SUBDOMAIN.fullmatch(name):
        text = f"Invalid value: {json.dumps(name)}: {_SUBDOMAIN_TEXT}"
        causes.append(Cause("metadata.name", "FieldValueInvalid", text))
    return causes + validate_labels(obj) + _validate_finalizers(resource, obj)


def validate_labels(obj: Object) -> list[Cause]:
    """Return what is wrong with the names and values of the labels, the names of the annotations
    and the owners.
    """
    metadata = obj["metadata"]
    causes: list[Cause] = []
    for key, value in (metadata.get("labels") or {}).items():
        field = "metadata.labels"
        causes += _qualified(field, key, key)
        if len(value) > 63:
            causes.append(_invalid(field, value, "must be no more than 63 bytes"))
        elif not _LABEL_VALUE.fullmatch(value):
            causes.append(_invalid(field, value, _LABEL_VALUE_TEXT))
    for key in metadata.get("annotations") or {}:
        causes += _qualified("metadata.annotations", key, key.lower())
    return causes + _validate_owners(metadata.get("ownerReferences") or [])


def _validate_owners(owners: list[Object]) -> list[Cause]:
    causes = []
    for owner in owners:
        for name in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(name):
                what = "version must not be empty" if name == "apiVersion" else "must not be empty"
                causes.append(_invalid(f"metadata.ownerReferences.{name}", "", what))
    return causes


def _qualified(field: str, shown: str, name: str) -> list[Cause]:
    """Return what is wrong with a qualified name (apimachinery pkg/util/validation)."""
    prefix, slash, rest = name.partition("/")
    problems = []
    if "/" in rest:
        text = f"a valid label key {_KEY_TEXT} with an optional DNS subdomain prefix and '/' (e.g. "
        return [_invalid(field, shown, text + "'example.com/MyName')")]
    if slash and not prefix:
        problems.append("prefix part must be non-empty")
    elif slash and not _SUBDOMAIN.fullmatch(prefix):
        problems.append(f"prefix part {_SUBDOMAIN_TEXT}")
    part = rest if slash else prefix
    if not part:
        problems.append("name part must be non-empty")
    elif len(part) > 63:
        problems.append("name part must be no more than 63 bytes")
    if not _KEY.fullmatch(part):
        problems.append(f"name part {_KEY_TEXT}")
    return [_invalid(field, shown, text) for text in problems]


def _invalid(field: str, value: str, text: str) -> Cause:
    shown = json.dumps(value, ensure_ascii=False)
    return Cause(field, "FieldValueInvalid", f"Invalid value: {shown}: {text}")


def _validate_finalizers(resource: Resource, obj: Object) -> list[Cause]:
    """Return what is wrong with the names of the finalizers; those of most built-in kinds have a
    path.
    """
    causes: list[Cause] = []
    for index, name in enumerate(obj["metadata"].get("finalizers") or []):
        causes += _qualified("metadata.finalizers", name, name)
        free = not resource.builtin or resource.group == "coordination.k8s.io"
        if not free and "/" not in name and name not in _STANDARD_FINALIZERS:
            text = "name is neither a standard finalizer name nor is it fully qualified"
            causes.append(_invalid(f"metadata.finalizers[{index}]", name, text))
    return causes


def _full_checks(resource: Resource) -> int:
    """Return how often an update checks metadata as a create does, beyond the two checks that
    every update makes (counted in the answers of kube-apiserver 1.36).
    """
    if not resource.builtin:
        return 1
    return {"": 2, "policy": 0}.get(resource.group, 1)


def validate_metadata_update(
    resource: Resource, new: Object, old: Object, sent: Object
) -> list[Cause]:
    """Return what is wrong with the metadata of a changed object: immutable fields, new finalizers
    while it goes, names.

    ``sent`` is the metadata before the server's own fields were put back. Every mistake is
    returned as often as a real server finds it.
    """
    once = _validate_immutable(old, sent)
    if old["metadata"].get("deletionTimestamp"):
        before = old["metadata"].get("finalizers") or []
        extra = sorted(set(new["metadata"].get("finalizers") or []) - set(before))
        if extra:
            listed = ", ".join(json.dumps(f) for f in extra)
            text = (
                "Forbidden: no new finalizers can be added if the object is being deleted, "
                f"found new finalizers []string{{{listed}}}"
            )
            once.append(Cause("metadata.finalizers", "FieldValueForbidden", text))
    names = validate_labels(new)
    full = names + _validate_finalizers(resource, new)
    return (once + names) * 2 + full * _full_checks(resource)


def _validate_immutable(old: Object, sent: Object) -> list[Cause]:
    return [
        _invalid(f"metadata.{name}", sent[name], "field is immutable")
        for name in ("uid", "deletionTimestamp")
        if sent.get(name) and sent[name] != old["metadata"].get(name)
    ]


def finalizer_warnings(new: Object, old: Object | None) -> list[str]:
    """Return the warnings of a custom resource about finalizers without a path, new ones only."""
    before = (old["metadata"].get("finalizers") or []) if old else []
    return [
        f"metadata.finalizers: {json.dumps(name)}: {_FINALIZER_HINT}"
        for name in new["metadata"].get("finalizers") or []
        if "/" not in name and name not in before
    ]


def keep_system_fields(new: Object, old: Object) -> None:
    """Carry over what a client cannot change in an update, in place."""
    target, source = new["metadata"], old["metadata"]
    for name in ("uid", "creationTimestamp", "generation"):
        if name in source:
            target[name] = source[name]
        else:
            target.pop(name, None)
    for name in ("deletionTimestamp", "deletionGracePeriodSeconds"):
        target.pop(name, None)
        if name in source:
            target[name] = source[name]
    for name in ("generateName",):
        if name in source:
            target.setdefault(name, source[name])
    target.pop("managedFields", None)
    target.pop("selfLink", None)


def drop_empty(obj: Object) -> None:
    """Remove empty labels, annotations, finalizers and owners, which are never stored, in place."""
    metadata = obj["metadata"]
    for name in ("labels", "annotations", "finalizers", "ownerReferences"):
        if name in metadata and not metadata[name]:
            del metadata[name]
    for name in ("generateName", "namespace"):
        if metadata.get(name) == "":
            del metadata[name]
