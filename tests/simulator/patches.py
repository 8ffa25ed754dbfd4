# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three kinds of patch: JSON patch, JSON merge patch, strategic merge patch.

JSON patch follows the library that kube-apiserver uses (evanphx/json-patch v4), which differs from
RFC 6902 in one point that matters: ``replace`` of a missing member of an existing object adds it
(kube-api-conformance.json).
"""

from __future__ import annotations

from typing import Any

from tests.simulator.errors import bad_request, rejected_patch
from tests.simulator.objects import Object, clone

_UNSET = object()

# How lists merge in a strategic merge patch: the key that identifies an entry (k8s.io/api struct
# tags). Lists that are not named here are replaced as a whole.
_MERGE_KEYS = {
    "conditions": "type",
    "addresses": "type",
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "imagePullSecrets": "name",
    "ownerReferences": "uid",
    "hostAliases": "ip",
    "ports": "port",
    "secrets": "name",
}
_CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")
_PRIMITIVE_MERGES = ("finalizers",)


def _pointer(path: Any) -> list[str]:
    if not isinstance(path, str) or (path and not path.startswith("/")):
        raise rejected_patch()
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _index(token: str, length: int, adding: bool) -> int:
    if token == "-" and adding:
        return length
    try:
        index = int(token)
    except ValueError:
        raise rejected_patch() from None
    if index < 0:
        index += length
    if not 0 <= index < length + (1 if adding else 0):
        raise rejected_patch()
    return index


def _container(document: Any, parts: list[str]) -> Any:
    for part in parts:
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list):
            document = document[_index(part, len(document), adding=False)]
        else:
            raise rejected_patch()
    if not isinstance(document, (dict, list)):
        raise rejected_patch()
    return document


def _read(document: Any, parts: list[str]) -> Any:
    if not parts:
        return document
    container = _container(document, parts[:-1])
    if isinstance(container, dict):
        return container.get(parts[-1], _UNSET)
    return container[_index(parts[-1], len(container), adding=False)]


def _write(document: Any, parts: list[str], value: Any, insert: bool) -> None:
    if not parts:
        raise rejected_patch()
    container = _container(document, parts[:-1])
    if isinstance(container, dict):
        container[parts[-1]] = value
    elif insert:
        container.insert(_index(parts[-1], len(container), adding=True), value)
    else:
        container[_index(parts[-1], len(container), adding=False)] = value


def _remove(document: Any, parts: list[str]) -> Any:
    if not parts:
        raise rejected_patch()
    container = _container(document, parts[:-1])
    if isinstance(container, dict):
        if parts[-1] not in container:
            raise rejected_patch()
        return container.pop(parts[-1])
    return container.pop(_index(parts[-1], len(container), adding=False))


def _operation(document: Any, operation: Any) -> None:
    if not isinstance(operation, dict):
        raise rejected_patch()
    kind, parts = operation.get("op"), _pointer(operation.get("path"))
    if kind in ("add", "replace"):
        if "value" not in operation:
            raise rejected_patch()
        _write(document, parts, clone(operation["value"]), insert=kind == "add")
    elif kind == "remove":
        _remove(document, parts)
    elif kind == "test":
        found, wanted = _read(document, parts), operation.get("value")
        if found is _UNSET:
            found = None
        if not equal(found, wanted):
            raise rejected_patch()
    elif kind in ("move", "copy"):
        source = _pointer(operation.get("from"))
        value = _read(document, source)
        if value is _UNSET:
            raise rejected_patch()
        if kind == "move":
            value = _remove(document, source)
        _write(document, parts, clone(value), insert=True)
    else:
        raise rejected_patch()


def equal(a: Any, b: Any) -> bool:
    """Compare JSON values; unlike Python, true is not 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


def json_patch(document: Object, operations: Any) -> Object:
    """Return the document after a JSON patch. Raises ApiError 400 or 422, both as bare as the real
    ones.
    """
    if not isinstance(operations, list):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type "
            "jsonpatch.Patch"
        )
    result: Object = clone(document)
    for operation in operations:
        _operation(result, operation)
    return result


def merge_patch(document: Any, patch: Any) -> Any:
    """Return the document after a JSON merge patch (RFC 7386): null removes, an empty object
    changes nothing.
    """
    if not isinstance(patch, dict):
        return clone(patch)
    result = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = merge_patch(result.get(key), value)
        else:
            result[key] = clone(value)
    return result


def strategic_merge(document: Any, patch: Any, within: str = "") -> Any:
    """Return the document after a strategic merge patch; ``within`` names the field that holds
    it."""
    if not isinstance(patch, dict):
        return clone(patch)
    directive = patch.get("$patch")
    if directive == "replace":
        return {k: clone(v) for k, v in patch.items() if k != "$patch"}
    result = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if key.startswith("$setElementOrder/") or key in ("$patch", "$retainKeys"):
            continue
        if key.startswith("$deleteFromPrimitiveList/"):
            name = key.partition("/")[2]
            result[name] = [v for v in result.get(name) or [] if v not in value]
        elif value is None:
            result.pop(key, None)
        elif isinstance(value, list):
            result[key] = _merge_list(result.get(key), value, key, within)
        elif isinstance(value, dict):
            if value.get("$patch") == "delete":
                result.pop(key, None)
            else:
                result[key] = strategic_merge(result.get(key), value, key)
        else:
            result[key] = value
    kept = patch.get("$retainKeys")
    return result if kept is None else {k: v for k, v in result.items() if k in kept}


def _merge_list(old: Any, new: list[Any], field: str, within: str) -> list[Any]:
    existing = list(old) if isinstance(old, list) else []
    if field in _PRIMITIVE_MERGES:
        return existing + [v for v in new if v not in existing]
    key = _MERGE_KEYS.get(field)
    if field == "ports" and within in _CONTAINER_LISTS:
        key = "containerPort"
    if key is None or not all(isinstance(v, dict) for v in new):
        return [clone(v) for v in new]
    if any(v.get("$patch") == "replace" for v in new):
        return [clone(v) for v in new if "$patch" not in v]
    for entry in new:
        at = next((i for i, e in enumerate(existing) if e.get(key) == entry.get(key)), None)
        if entry.get("$patch") == "delete":
            if at is not None:
                existing.pop(at)
        elif at is None:
            existing.append(clone(entry))
        else:
            existing[at] = strategic_merge(existing[at], entry, field)
    return existing
