# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Label and field selectors, parsed and refused as the API server does.

Grammar and texts: k8s.io/apimachinery pkg/labels/selector.go and pkg/fields/selector.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.simulator.errors import ApiError, bad_request
from tests.simulator.objects import Object, labels_of, lookup

Labels = Mapping[str, str]
LabelMatch = Callable[[Labels], bool]
ObjectMatch = Callable[[Object], bool]

_TOKEN = re.compile(r"\s*(==|!=|=|,|\(|\)|!|<|>|[^\s=!,()<>]+)")
_NUMBER = re.compile(r"[+-]?\d+")
_SYMBOLS = {"==", "!=", "=", ",", "(", ")", "!", "<", ">"}
_ALWAYS_SELECTABLE = ("metadata.name", "metadata.namespace")


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise bad_request(f"unable to parse requirement: {text[position:]}")
        tokens.append(match.group(1))
        position = match.end()
    return tokens


class _Parser:
    """Reads one label selector from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0

    def parse(self) -> list[LabelMatch]:
        """Return one test per requirement. Raises ApiError 400."""
        requirements: list[LabelMatch] = []
        while self._at < len(self._tokens):
            token = self._peek()
            if token in _SYMBOLS and token != "!":
                raise bad_request(f"found '{token}', expected: !, identifier, or 'end of string'")
            try:
                requirements.append(self._requirement())
            except ApiError as error:
                raise bad_request(f"unable to parse requirement: {error.message}") from None
            if self._at == len(self._tokens):
                break
            if self._peek() != ",":
                raise bad_request(f"found '{self._peek()}', expected: ',' or 'end of string'")
            self._at += 1
            after = self._peek()
            if after == "" or (after in _SYMBOLS and after != "!"):
                raise bad_request(f"found '{after}', expected: identifier after ','")
        return requirements

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _requirement(self) -> LabelMatch:
        if self._peek() == "!":
            self._at += 1
            missing = self._identifier()
            return lambda labels: missing not in labels
        key = self._identifier()
        if self._peek() in ("", ","):
            return lambda labels: key in labels
        operator = self._next()
        if operator in ("=", "=="):
            value = self._value()
            return lambda labels: labels.get(key) == value
        if operator == "!=":
            value = self._value()
            return lambda labels: labels.get(key) != value
        if operator in ("in", "notin"):
            values = self._values()
            if operator == "in":
                return lambda labels: labels.get(key) in values
            return lambda labels: labels.get(key) not in values
        if operator in ("<", ">"):
            return self._compared(key, operator)
        expected = "in, notin, =, ==, !=, gt, lt"
        raise bad_request(f"found '{operator}', expected: {expected}")

    def _compared(self, key: str, operator: str) -> LabelMatch:
        value = self._value()
        if not _NUMBER.fullmatch(value):
            raise bad_request(
                f"values[0]: Invalid value: \"{value}\": for 'Gt', 'Lt' operators, the value must "
                "be an integer"
            )
        limit = int(value)

        def matches(labels: Labels) -> bool:
            text = labels.get(key, "")
            if not _NUMBER.fullmatch(text):
                return False
            return int(text) > limit if operator == ">" else int(text) < limit

        return matches

    def _identifier(self) -> str:
        token = self._next()
        if token == "" or token in _SYMBOLS:
            raise bad_request(f"found '{token}', expected: identifier")
        return token

    def _value(self) -> str:
        if self._peek() in ("", ","):
            return ""
        return self._identifier()

    def _values(self) -> frozenset[str]:
        opening = self._next()
        if opening != "(":
            raise bad_request(f"found '{opening}' expected: '('")
        values: set[str] = set()
        while True:
            token = self._next()
            if token == ")":
                return frozenset(values)
            if token == "":
                raise bad_request("found '', expected: ',', or ')'")
            if token != ",":
                values.add(token)


def parse_labels(text: str | None) -> LabelMatch | None:
    """Return a test of labels for a selector such as ``a=b,c in (d,e),!f``; None when everything
    matches.

    Raises ApiError 400 with the server's text.
    """
    if not text or not text.strip():
        return None
    requirements = _Parser(text).parse()
    if len(requirements) == 1:
        return requirements[0]
    return lambda labels: all(match(labels) for match in requirements)


def match_label_selector(selector: Object | None, labels: Labels) -> bool:
    """Tell whether labels match a LabelSelector object; an empty one matches all, None nothing."""
    if selector is None:
        return False
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    return all(_expression(e, labels) for e in selector.get("matchExpressions") or [])


def _expression(expression: Object, labels: Labels) -> bool:
    key, operator = expression["key"], expression["operator"]
    values = expression.get("values") or []
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    if operator == "Exists":
        return key in labels
    return key not in labels


def parse_fields(text: str | None, selectable: tuple[str, ...]) -> ObjectMatch | None:
    """Return a test of objects for a field selector such as ``spec.nodeName=n1``; None when
    everything matches.

    ``selectable`` are the fields of this kind beside name and namespace. Raises ApiError 400 with
    the server's text.
    """
    if not text:
        return None
    tests: list[tuple[str, str, bool]] = []
    for term in text.split(","):
        if not term:
            continue
        for operator in ("!=", "==", "="):
            name, found, value = term.partition(operator)
            if found:
                break
        else:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        if name not in _ALWAYS_SELECTABLE and name not in selectable:
            raise bad_request(f"field label not supported: {name}")
        tests.append((name, value, operator != "!="))
    return lambda obj: all((_field(obj, name) == value) is wanted for name, value, wanted in tests)


def _field(obj: Object, name: str) -> str:
    value: Any = lookup(obj, name)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def object_match(
    label_selector: str | None, field_selector: str | None, selectable: tuple[str, ...]
) -> ObjectMatch | None:
    """Return one test for both selectors; None when everything matches. Raises ApiError 400."""
    labels = parse_labels(label_selector)
    fields = parse_fields(field_selector, selectable)
    if labels is None:
        return fields
    if fields is None:
        return lambda obj: labels(labels_of(obj))
    return lambda obj: labels(labels_of(obj)) and fields(obj)
