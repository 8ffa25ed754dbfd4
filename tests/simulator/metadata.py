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
    if not name:
        text = "Required value: name or generateName is required"
        return [Cause("metadata.name", "FieldValueRequired", text)]
    if len(name) > 253:
        text = f"Invalid value: {json.dumps(name)}: must be no more than 253 bytes"
        causes.append(Cause("metadata.name", "FieldValueInvalid", text))
    if not _SUBDOMAIN.fullmatch(name):
        text = f"Invalid value: {json.dumps(name)}: {_SUBDOMAIN_TEXT}"
        causes.append(Cause("metadata.name", "FieldValueInvalid", text))
    return causes + validate_labels(obj)


def validate_labels(obj: Object) -> list[Cause]:
    """Return what is wrong with the values of the labels."""
    causes: list[Cause] = []
    for value in (obj["metadata"].get("labels") or {}).values():
        if len(value) > 63:
            text = f"Invalid value: {json.dumps(value)}: must be no more than 63 bytes"
            causes.append(Cause("metadata.labels", "FieldValueInvalid", text))
        elif not _LABEL_VALUE.fullmatch(value):
            text = f"Invalid value: {json.dumps(value)}: {_LABEL_VALUE_TEXT}"
            causes.append(Cause("metadata.labels", "FieldValueInvalid", text))
    return causes


def validate_metadata_update(new: Object, old: Object) -> list[Cause]:
    """Return what is wrong with the metadata of a changed object: above all, no new finalizers
    while it goes.
    """
    causes = validate_labels(new)
    if old["metadata"].get("deletionTimestamp"):
        before = old["metadata"].get("finalizers") or []
        extra = sorted(set(new["metadata"].get("finalizers") or []) - set(before))
        if extra:
            listed = ", ".join(json.dumps(f) for f in extra)
            text = (
                "Forbidden: no new finalizers can be added if the object is being deleted, "
                f"found new finalizers []string{{{listed}}}"
            )
            causes.append(Cause("metadata.finalizers", "FieldValueForbidden", text))
    return causes


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
