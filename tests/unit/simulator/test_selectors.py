# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Selectors, with the server's own words for what it cannot read."""

from __future__ import annotations

import pytest

from tests.simulator.errors import ApiError
from tests.simulator.selectors import match_label_selector, object_match, parse_labels

LABELS = {"a": "1", "b": "two"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1", True),
        ("a==1,b", True),
        ("a!=1", False),
        ("c!=1", True),
        ("!c", True),
        ("!a", False),
        ("a in (1,2), b notin (x, y)", True),
        ("b in ()", False),
        ("c", False),
        ("a=", False),
        ("example.com/x-y_z", False),
    ],
)
def test_label_selectors(text: str, expected: bool) -> None:
    match = parse_labels(text)
    assert match is not None
    assert match(LABELS) is expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("==", "found '==', expected: !, identifier, or 'end of string'"),
        ("a,,b", "found ',', expected: identifier after ','"),
        ("a in 1", "unable to parse requirement: found '1' expected: '('"),
        (
            "a>b",
            "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' "
            "operators, the value must be an integer",
        ),
        ("a in (1", "unable to parse requirement: found '', expected: ',', or ')'"),
        (
            "a b",
            "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
        ),
    ],
)
def test_broken_label_selectors(text: str, message: str) -> None:
    with pytest.raises(ApiError) as error:
        parse_labels(text)
    assert (error.value.status, error.value.message) == (400, message)


def test_nothing_to_select_by() -> None:
    assert parse_labels("") is None
    assert object_match(None, "", ()) is None


def test_label_selector_objects() -> None:
    expressions = [
        {"key": "a", "operator": "In", "values": ["1"]},
        {"key": "c", "operator": "DoesNotExist"},
    ]
    selector = {"matchLabels": {"b": "two"}, "matchExpressions": expressions}
    assert match_label_selector(selector, LABELS)
    assert not match_label_selector({"matchLabels": {"b": "three"}}, LABELS)
    assert match_label_selector({}, LABELS)
    assert not match_label_selector(None, LABELS)


def test_field_selectors() -> None:
    pod = {"metadata": {"name": "p", "namespace": "n"}, "spec": {"nodeName": "w"}, "status": {}}
    selectable = ("spec.nodeName", "status.phase")
    match = object_match(None, "spec.nodeName=w,status.phase!=Running", selectable)
    assert match is not None and match(pod)
    by_name = object_match(None, "metadata.name==q", selectable)
    assert by_name is not None and not by_name(pod)
    with pytest.raises(ApiError, match="field label not supported: spec.other"):
        object_match(None, "spec.other=1", selectable)
    with pytest.raises(ApiError, match="invalid selector: 'what'; can't understand 'what'"):
        object_match(None, "what", selectable)


def test_numbers_are_compared() -> None:
    more, less = parse_labels("n>1"), parse_labels("n<3,n")
    assert more is not None and less is not None
    assert [more({"n": n}) for n in ("1", "2", "x")] == [False, True, False]
    assert [less({"n": "2"}), less({"n": "3"}), less({})] == [True, False, False]
