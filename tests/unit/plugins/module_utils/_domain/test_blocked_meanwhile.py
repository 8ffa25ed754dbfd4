# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What blocked meanwhile: which, since when, how long, and how it ended."""

from __future__ import annotations

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import drain_report
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import Blocker
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker_history import (
    History,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_proof import prove
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import Request
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from tests.unit.plugins.module_utils._domain import build

LAST = Blocker("last_replica", "replica", "r1", "is the only healthy one", "make another")
BUDGET = Blocker("pod_budget", "pod", "default/web-0", "is held by its budget", "scale up")
BEGAN = 1_767_600_000.0


def test_every_time_is_kept_with_its_end() -> None:
    history = History()
    for now, found in ((0.0, [LAST]), (10.0, [LAST, BUDGET]), (130.0, [BUDGET]), (140.0, [LAST])):
        history.see(now, found)
    told = history.blocked(150.0, BEGAN)
    assert [(t["rule"], t["since"], t["seconds"], t["ended"]) for t in told] == [
        ("last_replica", "2026-01-05T08:00:00Z", 130.0, "cleared"),
        ("pod_budget", "2026-01-05T08:00:10Z", 130.0, "cleared"),
        ("last_replica", "2026-01-05T08:02:20Z", 10.0, "still blocks"),
    ]


def test_the_report_tells_the_longest_and_counts_the_rest() -> None:
    history = History()
    many = [Blocker("pod_budget", "pod", f"default/p{n}", "is held", "wait") for n in range(5)]
    history.see(0.0, [LAST, *many])
    history.see(8.0, [LAST, BUDGET])
    history.see(10.0, [LAST])
    history.see(72.0, [])
    steps = {"pods": {"blocked": history.blocked(80.0, BEGAN)}, "release": {"skipped": True}}
    request = Request("n1", Intent.REBOOT)
    cluster = build.cluster("1.12.1", build.node("n1"), cordoned=["n1"])
    lines = drain_report.report(prove(cluster, request), request, steps, None)
    blocked = [line for line in lines if line.startswith("  blocked")]
    assert blocked[0] == (
        "  blocked   replica r1 (last_replica) for 1 min 12 s since 2026-01-05T08:00:00Z, cleared"
    )
    assert len(blocked) == 6 and blocked[-1] == "  blocked   and 1 more (in the result: blocked)"
    assert len(drain_report.blocked(steps)) == 7, "the short one is in the data"
