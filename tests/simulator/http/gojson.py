# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON as Go reads it: the same data, and the same words when it cannot be read.

Texts: encoding/json, and apimachinery pkg/runtime (couldn't get version/kind).
"""

from __future__ import annotations

import json
from typing import Any

from tests.simulator.decoding import json_kind
from tests.simulator.errors import bad_request

_DECODING = "error decoding patch: "
_TYPE_META = (
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string '
    '"json:\\"kind,omitempty\\"" }'
)


def quote_char(character: str) -> str:
    """Return a character in quotes as encoding/json shows it."""
    if character == "'":
        return "'\\''"
    if character == '"':
        return "'\"'"
    if character.isprintable():
        return f"'{character}'"
    code = ord(character)
    return f"'\\x{code:02x}'" if code < 0x80 else f"'\\u{code:04x}'"


def syntax_error(text: str) -> str:
    """Return what encoding/json says about a text that is not JSON."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        at = error.pos
        while at < len(text) and text[at].isspace():
            at += 1
        if at >= len(text) or error.msg.startswith("Unterminated string"):
            return "unexpected end of JSON input"
        where = "looking for beginning of value"
        if error.msg.startswith("Expecting property name"):
            where = "looking for beginning of object key string"
        elif error.msg.startswith("Expecting ',' delimiter"):
            where = "after object key:value pair"
        elif error.msg.startswith("Expecting ':'"):
            where = "after object key"
        elif error.msg.startswith("Extra data"):
            where = "after top-level value"
        return f"invalid character {quote_char(text[at])} {where}"
    return ""


def summarize(body: bytes, limit: int = 30) -> str:
    """Return the start of a body as error texts show it (apimachinery pkg/runtime
    summarizeData).
    """
    if not body:
        return "<empty>"
    more = " ..." if len(body) > limit else ""
    if body[:1] == b"{":
        return body[:limit].decode(errors="replace") + more
    return body[:limit].hex() + more


def decode_json(body: bytes, kind: str) -> Any:
    """Return the data of a body. Raises ApiError 400 with the server's text."""
    try:
        data = json.loads(body)
    except ValueError:
        problem = syntax_error(body.decode(errors="replace"))
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind}): couldn't get "
            f"version/kind; json parse error: {problem} ({summarize(body)})"
        ) from None
    if data is None:
        return {}
    problem = ""
    if not isinstance(data, dict):
        problem = f"json: cannot unmarshal {json_kind(data)} into Go value of type {_TYPE_META}"
    else:
        for name in ("apiVersion", "kind"):
            if data.get(name) is not None and not isinstance(data[name], str):
                kind_of = json_kind(data[name])
                problem = (
                    f"json: cannot unmarshal {kind_of} into Go struct field .{name} of type string"
                )
    if problem:
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind}): couldn't get "
            f"version/kind; json parse error: {problem} ({summarize(body)})"
        )
    return data


def decode_json_patch(body: bytes) -> Any:
    """Return the operations of a JSON patch. Raises ApiError 400 with the server's text."""
    operations = _decode_patch(body, list, "[]handlers.jsonPatchOp")
    for operation in operations:
        if not isinstance(operation, dict):
            raise bad_request(
                f"error decoding patch: json: cannot unmarshal {json_kind(operation)} into Go "
                "value of type handlers.jsonPatchOp"
            )
    return operations


def decode_merge_patch(body: bytes, strategic: bool = False) -> Any:
    """Return a merge patch. Raises ApiError 400 with the server's text."""
    prefix = "" if strategic else _DECODING
    return _decode_patch(body, dict, "map[string]interface {}", prefix)


def _decode_patch(body: bytes, wanted: type, kind: str, prefix: str = _DECODING) -> Any:
    try:
        data = json.loads(body)
    except ValueError:
        problem = syntax_error(body.decode(errors="replace"))
        raise bad_request(prefix + problem) from None
    if not isinstance(data, wanted):
        raise bad_request(
            f"{prefix}json: cannot unmarshal {json_kind(data)} into Go value of type {kind}"
        )
    return data
