# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Label selectors as kubectl takes them: `app=web,tier!=cache,env in (a, b),!canary`.

As in Kubernetes, `!=` and `notin` also choose what lacks the label (k8s.io/apimachinery
pkg/labels/selector.go).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

Test = Callable[[Mapping[str, str]], bool]

_KEY = r"(?P<key>[A-Za-z0-9./_-]+)"
_SET = re.compile(rf"{_KEY}\s+(?P<word>in|notin)\s*\((?P<values>[^()]*)\)")
_EQUALS = re.compile(rf"{_KEY}\s*(?P<sign>==|=|!=)\s*(?P<value>[A-Za-z0-9._-]*)")
_EXISTS = re.compile(rf"(?P<not>!?)\s*{_KEY}")
_COMMA = re.compile(r",(?![^(]*\))")


class BadSelector(ValueError):
    """Not a label selector; the text says which part is not understood."""


def matches(text: str, labels: Mapping[str, str]) -> bool:
    """Whether the labels satisfy every term. Raises BadSelector."""
    return all(test(labels) for test in terms(text))


@lru_cache(maxsize=64)
def terms(text: str) -> tuple[Test, ...]:
    """The terms of a selector; an empty one has none and chooses everything. Raises BadSelector."""
    parts = [part.strip() for part in _COMMA.split(text)] if text.strip() else []
    return tuple(_term(part, text) for part in parts)


def _term(part: str, whole: str) -> Test:
    if found := _SET.fullmatch(part):
        values = {value.strip() for value in found["values"].split(",")}
        return _among(found["key"], frozenset(values), found["word"] == "in")
    if found := _EQUALS.fullmatch(part):
        return _among(found["key"], frozenset({found["value"]}), found["sign"] != "!=")
    if found := _EXISTS.fullmatch(part):
        key, absent = found["key"], bool(found["not"])
        return lambda labels: (key in labels) != absent
    raise BadSelector(f"{part!r} in {whole!r} is not a term of a label selector, such as app=web")


def _among(key: str, values: frozenset[str], wanted: bool) -> Test:
    return lambda labels: (labels.get(key) in values) == wanted
