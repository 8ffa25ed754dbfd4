# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs of pods."""

from __future__ import annotations

import pytest

from tests.simulator.clock import VirtualClock
from tests.simulator.errors import ApiError
from tests.simulator.kernel import Kernel
from tests.simulator.podlogs import PodLogs


def pod(uid: str, *containers: str) -> dict[str, object]:
    listed = [{"name": c} for c in containers]
    return {"metadata": {"name": "p", "uid": uid}, "spec": {"containers": listed}}


def test_lines_tail_since_and_times() -> None:
    kernel = Kernel(VirtualClock(1767600000.0))
    logs, one = PodLogs(kernel), pod("u1", "c")
    for text in ("first", "second", "third"):
        logs.write(one, text)
        kernel.run_for(10)
    assert logs.read(one, {}) == "first\nsecond\nthird\n"
    assert logs.read(one, {"tailLines": "1"}) == "third\n"
    assert logs.read(one, {"tailLines": "0"}) == ""
    assert logs.read(one, {"sinceSeconds": "20"}) == "second\nthird\n"
    stamped = logs.read(one, {"timestamps": "true", "tailLines": "1"})
    assert stamped == "2026-01-05T08:00:20.000000Z third\n"
    assert logs.read(pod("u2", "c"), {}) == ""


def test_containers_are_told_apart() -> None:
    logs, two = PodLogs(Kernel()), pod("u", "a", "b")
    logs.write(two, "from b", container="b")
    assert logs.read(two, {"container": "b"}) == "from b\n"
    with pytest.raises(ApiError, match=r"must be specified for pod p, choose one of: \[a b\]"):
        logs.read(two, {})
    with pytest.raises(ApiError, match="container c is not valid for pod p"):
        logs.read(two, {"container": "c"})


def test_old_lines_go() -> None:
    logs, one = PodLogs(Kernel(), limit=2), pod("u", "c")
    for number in range(4):
        logs.write(one, str(number))
    assert logs.read(one, {}) == "2\n3\n"
