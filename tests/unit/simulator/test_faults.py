# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which requests a rule hits, and how often."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.simulator.faults import Fault, Faults, send_signal
from tests.simulator.rbac import Access
from tests.unit.simulator.example import IMAGES, NS, RES

PATCH = Access("patch", "longhorn.io", "images", "", NS, "a")
LIST = Access("list", "longhorn.io", "images", "", NS)


def test_the_nth_and_a_number_of_times() -> None:
    faults = Faults()
    faults.add(action="error", verb="write", resource=RES, nth=2, times=2, status=500)
    hits = [bool(faults.hit_by(PATCH, IMAGES, "")) for _unused in range(5)]
    assert hits == [False, True, True, False, False]
    assert faults.counters["error"] == 2
    assert not faults.hit_by(LIST, IMAGES, "")


def test_for_ever_and_by_name_and_agent() -> None:
    rule = Fault("refuse", name="a", agent="python", times=0)
    assert rule.matches(PATCH, IMAGES, "OpenAPI/python")
    assert not rule.matches(PATCH, IMAGES, "kubectl")
    assert not rule.matches(LIST, IMAGES, "python")
    assert all(rule.take() for _unused in range(50))


def test_errors_are_the_real_ones() -> None:
    conflict = Fault("error", status=409).error(IMAGES, "a")
    assert conflict.reason == "Conflict" and "has been modified" in conflict.message
    slow_down = Fault("error", status=429, retry_after=7).error(IMAGES, "a")
    assert slow_down.details == {"retryAfterSeconds": 7}
    assert Fault("error", status=503).error(None, "").reason == "ServiceUnavailable"
    assert Fault("error", status=500).error(None, "").reason == "InternalError"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"action": "explode"}, "action must be one of"),
        ({"verb": "get"}, "a fault has an action"),
        ({"action": "delay", "colour": "red"}, "colour"),
        ({"action": "kill"}, "pid"),
        ({"action": "delay", "nth": 0}, "nth counts from 1"),
    ],
)
def test_rules_that_make_no_sense(data: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Faults.from_data(data)


def test_a_process_is_stopped_and_one_that_is_gone_is_not_counted() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    faults = Faults()
    rule = faults.stop_client_after_write(child.pid, n=1)
    (hit,) = faults.hit_by(PATCH, IMAGES, "")
    send_signal(hit)
    assert child.wait(10) == -9
    assert rule.injected == 1
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)
    send_signal(hit)
    assert rule.injected == 0
