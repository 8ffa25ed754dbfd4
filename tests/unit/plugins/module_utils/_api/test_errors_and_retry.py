# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer becomes, and which failures are tried again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, retry
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    Deadline,
    spell_seconds,
)


def answer(code: int, message: str = "m", causes: list[dict[str, str]] | None = None) -> Any:
    body: dict[str, Any] = {"kind": "Status", "code": code, "message": message, "reason": "R"}
    if causes is not None:
        body["details"] = {"causes": causes}
    return errors.from_answer(code, json.dumps(body).encode(), {}, "patch images x")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, errors.BadRequest),
        (401, errors.Unauthorized),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (410, errors.Gone),
        (422, errors.FailedTest),
        (429, errors.TooManyRequests),
        (500, errors.ServerError),
        (503, errors.ServerError),
    ],
)
def test_a_class_for_each_status(code: int, kind: type[errors.ApiError]) -> None:
    assert answer(code).__class__ is kind


def test_422_with_causes_is_a_refusal_with_its_words() -> None:
    error = answer(422, causes=[{"field": "spec.size", "message": "too small"}])
    assert error.__class__ is errors.Refused
    assert "spec.size: too small" in str(error)


@pytest.mark.parametrize("code", [400, 403, 422, 500])
def test_a_webhooks_word_is_a_refusal_whatever_its_status(code: int) -> None:
    text = 'admission webhook "validator.longhorn.io" denied the request: no'
    assert answer(code, text).__class__ is errors.Refused


def test_a_webhook_that_could_not_be_called_may_answer_later() -> None:
    text = 'Internal error occurred: failed calling webhook "validator.longhorn.io": EOF'
    error = answer(500, text)
    assert error.__class__ is errors.ServerError
    assert retry.worth_retrying(error)


def test_an_answer_that_is_no_status_is_dropped() -> None:
    error = errors.from_answer(502, b"<html>token=abc</html>", {}, "list nodes")
    assert error.__class__ is errors.ServerError
    assert "abc" not in str(error)


@pytest.mark.parametrize("kind", [errors.Unreachable, errors.Untrusted, errors.Unauthorized])
def test_a_failed_connection_names_the_address_without_a_credential(
    kind: type[errors.ApiError],
) -> None:
    error = kind("refused", request="list nodes", host="https://eve:secret@10.0.0.1:6443/k8s")
    assert "at https://10.0.0.1:6443/k8s" in str(error)
    assert "secret" not in str(error)
    assert "list nodes" in str(error)


def test_texts_are_cut_and_on_one_line() -> None:
    error = answer(500, "a\x1b\n" + "x" * 1000)
    assert len(error.message) == 256
    assert "\x1b" not in str(error)
    assert "\n" not in str(error)


class Sleeper:
    """A clock that moves by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def failing(times: int, error: errors.ApiError) -> Any:
    left = [error] * times

    def attempt() -> str:
        if left:
            raise left.pop()
        return "done"

    return attempt


def test_it_backs_off_and_succeeds() -> None:
    clock = Sleeper()
    error = answer(503)
    assert retry.call(failing(6, error), Deadline(60, clock), sleep=clock.sleep) == "done"
    assert len(clock.slept) == 6
    assert clock.slept[-1] > clock.slept[0]
    assert max(clock.slept) <= retry.DELAY_SECONDS_MAX


def test_it_never_sleeps_beyond_the_deadline() -> None:
    clock = Sleeper()
    with pytest.raises(errors.ServerError):
        retry.call(failing(100, answer(503)), Deadline(5, clock), sleep=clock.sleep)
    assert clock.now <= 5


@pytest.mark.parametrize("code", [401, 403, 404, 409, 410, 422, 501])
def test_an_answer_is_not_tried_again(code: int) -> None:
    clock = Sleeper()
    with pytest.raises(errors.ApiError):
        retry.call(failing(1, answer(code)), Deadline(60, clock), sleep=clock.sleep)
    assert clock.slept == []


def test_the_servers_wish_is_obeyed_within_limits() -> None:
    error = answer(429)
    error.retry_after_seconds = 3.0
    assert retry.delay_seconds(0, error, 0.0) == 3.0
    error.retry_after_seconds = 3600.0
    assert retry.delay_seconds(0, error, 0.0) == retry.DELAY_SECONDS_MAX


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (45, "45 s"), (401, "6 min 41 s"), (7500, "2 h 5 min")]
)
def test_durations_in_words(seconds: float, text: str) -> None:
    assert spell_seconds(seconds) == text
