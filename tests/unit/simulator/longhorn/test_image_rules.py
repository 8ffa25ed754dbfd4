# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Longhorn concludes from the state of an image, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.longhorn import manager_rules
from tests.simulator.longhorn.backoff import Backoff
from tests.simulator.longhorn.image_rules import (
    FileInfo,
    all_unavailable,
    cleanable,
    evictable,
    take_in,
    wants_one_more,
)

STAMP = "2026-01-05T08:00:00Z"
THEN = 1767600000.0


def entry(state: str, at: str = STAMP) -> dict[str, Any]:
    return {"state": state, "lastStateTransitionTime": at}


def info(state: str = "ready", checksum: str = "aa", size: int = 512) -> FileInfo:
    return FileInfo(state, 100, "", checksum, size, size, 0, first_file=False)


def test_an_image_without_keys_and_entries_is_unavailable_at_once() -> None:
    assert all_unavailable([], {}, 300, THEN)


@pytest.mark.parametrize(
    ("entries", "after", "lost"),
    [
        ({"a": entry("failed")}, 301, True),
        ({"a": entry("failed")}, 299, False),
        ({"a": entry("failed"), "b": entry("unknown")}, 999, False),
        ({}, 999, False),
    ],
)
def test_all_copies_have_to_be_failed_for_the_recovery_wait(
    entries: dict[str, Any], after: float, lost: bool
) -> None:
    assert all_unavailable(["a"], entries, 300, THEN + after) is lost


@pytest.mark.parametrize(
    ("keys", "states", "minimum", "wanted"),
    [
        ({"a": {}}, {"a": "ready"}, 2, True),
        ({"a": {}, "b": {}}, {"a": "ready"}, 2, False),
        ({"a": {}, "b": {}}, {"a": "ready", "b": "unknown"}, 2, True),
        ({"a": {}}, {"a": "failed"}, 2, False),
        ({"a": {"evictionRequested": True}, "b": {}}, {"a": "ready", "b": "ready"}, 2, True),
    ],
)
def test_replenishment(
    keys: dict[str, Any], states: dict[str, str], minimum: int, wanted: bool
) -> None:
    entries = {uuid: entry(state) for uuid, state in states.items()}
    assert wants_one_more(keys, entries, minimum) is wanted


@pytest.mark.parametrize(
    ("evicting", "states", "used", "leaving", "kept"),
    [
        ("a", {"a": "ready", "b": "ready"}, [], ["a"], None),
        ("a", {"a": "ready", "b": "starting"}, [], [], "a"),
        ("ab", {"a": "ready", "b": "failed"}, [], ["b"], "a"),
        ("a", {"a": "ready", "b": "ready"}, ["a"], [], None),
        ("a", {"a": "failed", "b": "failed"}, [], [], None),
    ],
)
def test_eviction_of_copies(
    evicting: str, states: dict[str, str], used: list[str], leaving: list[str], kept: str | None
) -> None:
    keys = {uuid: {"evictionRequested": uuid in evicting} for uuid in states}
    entries = {uuid: entry(state) for uuid, state in states.items()}
    assert evictable(keys, entries, used) == (leaving, kept)


def test_cleanup_keeps_the_minimum() -> None:
    entries = {"a": entry("ready"), "b": entry("ready"), "c": entry("failed")}
    assert cleanable("a", entries, entries, 1)
    assert not cleanable("a", entries, entries, 2)
    assert cleanable("c", entries, entries, 2)
    assert not cleanable("c", entries, entries, 3)


def test_the_first_checksum_stays_for_good() -> None:
    status: dict[str, Any] = {}
    take_in(status, "a", info(checksum="aa"), STAMP)
    take_in(status, "b", info(checksum="bb"), STAMP)
    assert status["checksum"] == "aa"
    assert status["diskFileStatusMap"]["b"]["state"] == "failed"
    assert "doesn't match the file checksum bb" in status["diskFileStatusMap"]["b"]["message"]


def test_an_entry_failed_by_its_checksum_moves_its_time_at_each_look() -> None:
    status: dict[str, Any] = {"checksum": "aa"}
    take_in(status, "a", info(checksum="bb"), STAMP)
    take_in(status, "a", info(checksum="bb"), "2026-01-05T08:00:30Z")
    assert status["diskFileStatusMap"]["a"]["lastStateTransitionTime"] == "2026-01-05T08:00:30Z"


def test_the_time_of_a_state_stands_while_the_state_does() -> None:
    status: dict[str, Any] = {}
    take_in(status, "a", info(), STAMP)
    take_in(status, "a", info(), "2026-01-05T08:00:30Z")
    assert status["diskFileStatusMap"]["a"]["lastStateTransitionTime"] == STAMP


@pytest.mark.parametrize(
    ("current", "present", "phase", "ready", "terminating", "state"),
    [
        ("", False, "", False, False, "stopped"),
        ("running", False, "", False, False, "error"),
        ("starting", True, "Pending", False, False, "starting"),
        ("starting", True, "Running", False, False, "starting"),
        ("starting", True, "Running", True, False, "running"),
        ("running", True, "Running", False, False, "error"),
        ("running", True, "Running", True, True, "error"),
        ("running", True, "Failed", False, False, "error"),
    ],
)
def test_a_manager_follows_its_pod(
    current: str, present: bool, phase: str, ready: bool, terminating: bool, state: str
) -> None:
    assert manager_rules.pod_state(current, present, phase, ready, terminating) == state


def test_a_failed_file_is_deleted_only_while_another_copy_is_not_failed() -> None:
    failed = {"state": "failed", "uuid": "u"}
    alone = {"status": {"uuid": "u", "diskFileStatusMap": {"d": entry("failed")}}}
    both = {"d": entry("failed"), "e": entry("unknown")}
    beside = {"status": {"uuid": "u", "diskFileStatusMap": both}}
    assert not manager_rules.invalid("i", failed, "u", alone, "d")
    assert manager_rules.invalid("i", failed, "u", beside, "d")
    assert manager_rules.invalid("i", failed, None, alone, "d")
    assert manager_rules.invalid("i", failed, "u", None, "d")


def test_windows_double_up_to_the_longest_and_start_anew_after_a_rest() -> None:
    backoff, now, ends = Backoff(60, 300), 0.0, []
    for _unused in range(5):
        backoff.open("x", now)
        end = backoff.closed_at("x", now)
        assert end is not None
        ends.append(end - now)
        now = end
        assert backoff.closed_at("x", now) is None
    assert ends == [60, 120, 240, 300, 300]
    backoff.open("x", now + 601)
    assert backoff.closed_at("x", now + 601) == now + 661


def test_a_forgotten_window_is_the_first_one_again() -> None:
    backoff = Backoff(60, 300)
    backoff.open("x", 0)
    backoff.open("x", 60)
    backoff.forget("x")
    assert backoff.closed_at("x", 61) is None
    backoff.open("x", 61)
    assert backoff.closed_at("x", 61) == 121
