# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the one message that kubectl insists on sending as protobuf: "may I?" (``kubectl auth
can-i``).

Layout: k8s.io/apimachinery pkg/runtime/generated.proto (Unknown), k8s.io/api
authorization/v1/generated.proto.
"""

from __future__ import annotations

from typing import Any

from tests.simulator.errors import ApiError, unsupported_media_type

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_RAW = 2
_SPEC = 2
_ATTRIBUTES = {
    1: (
        "resourceAttributes",
        ("namespace", "verb", "group", "version", "resource", "subresource", "name"),
    ),
    2: ("nonResourceAttributes", ("path", "verb")),
}


def _fields(data: bytes) -> dict[int, bytes]:
    """Return the length-delimited fields of a message; numbers are passed over."""
    fields: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        if key & 7 == 2:
            size, at = _varint(data, at)
            fields[key >> 3] = data[at : at + size]
            at += size
        elif key & 7 == 0:
            _unused, at = _varint(data, at)
        else:
            raise ValueError(f"unexpected wire type {key & 7}")
    return fields


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def decode_access_review(body: bytes) -> dict[str, Any]:
    """Return a SelfSubjectAccessReview. Raises ApiError 400, or 415 for another kind of message."""
    if not body.startswith(_MAGIC):
        raise unsupported_media_type(("application/json", "application/yaml"))
    try:
        raw = _fields(body[len(_MAGIC) :]).get(_RAW, b"")
        wanted = _fields(_fields(raw).get(_SPEC, b""))
        spec = {}
        for number, (name, attributes) in _ATTRIBUTES.items():
            if number in wanted:
                sent = _fields(wanted[number])
                pairs = ((n, sent.get(i, b"").decode()) for i, n in enumerate(attributes, 1))
                spec[name] = {n: text for n, text in pairs if text}
    except (ValueError, IndexError) as error:
        raise ApiError(400, "BadRequest", f"error decoding protobuf: {error}") from None
    return {"spec": spec}
