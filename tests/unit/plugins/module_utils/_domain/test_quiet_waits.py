# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy that does not come although no object says why."""

from __future__ import annotations

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import quiet_waits
from tests.unit.plugins.module_utils._domain import build


@pytest.mark.parametrize(
    ("version", "state", "copy", "told"),
    [
        ("1.12.1", "stopped", "", "is stopped; Longhorn starts it again within 120 s"),
        ("1.10.2", "error", "unknown", "is error; Longhorn starts it again within 120 s"),
        ("1.9.3", "error", "unknown", "its manager is error"),
        ("1.12.1", "starting", "pending", "its manager is starting"),
        ("1.12.1", "unknown", "unknown", "cannot be reached"),
        ("1.12.1", None, "", "has not made its manager yet"),
    ],
)
def test_the_state_of_its_manager_explains_it(
    version: str, state: str | None, copy: str, told: str
) -> None:
    things = [build.manager("n2", [], state=state)] if state else []
    cluster = build.cluster(version, build.node("n2"), *things)
    said = quiet_waits.held_back(cluster, build.copy("n2.0", copy))
    assert told in said
    assert ("shows nowhere" in said) == ("120" in told)


@pytest.mark.parametrize("copy", ["ready", "in-progress", "failed"])
def test_a_copy_that_speaks_for_itself_needs_no_words(copy: str) -> None:
    cluster = build.cluster("1.12.1", build.node("n2"), build.manager("n2", [], state="error"))
    assert quiet_waits.held_back(cluster, build.copy("n2.0", copy)) == ""


def test_a_running_manager_is_not_held_back() -> None:
    cluster = build.cluster("1.12.1", build.node("n2"), build.manager("n2", []))
    assert quiet_waits.held_back(cluster, build.copy("n2.0", "")) == ""
