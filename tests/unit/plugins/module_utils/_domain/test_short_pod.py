# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What short pods have in common: why one does not start, and whose may be removed."""

from __future__ import annotations

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import short_pod


def test_why_a_pod_does_not_start() -> None:
    waiting = {
        "status": {"containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull"}}}]}
    }
    assert short_pod.why_hopeless(waiting) == "ErrImagePull"
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    unplaced = {"status": {"phase": "Pending", "conditions": [condition]}}
    assert (short_pod.why_hopeless(unplaced), short_pod.why_waiting(unplaced)) == (
        "",
        "Unschedulable",
    )
    creating = {"containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]}
    assert short_pod.why_hopeless({"status": creating}) == ""
    assert short_pod.why_waiting({"status": creating}) == "ContainerCreating"


@pytest.mark.parametrize(
    ("maker", "until", "left"),
    [
        ("alive@there:7-00000000", "2026-11-21T10:00:00Z", False),
        ("alive@there:7-00000000", "2026-11-21T08:59:59Z", True),
        ("dead@here:7-00000000", "2026-11-21T10:00:00Z", True),
        ("me", "2026-11-21T10:00:00Z", True),
        ("alive@there:7-00000000", "tomorrow", True),
    ],
)
def test_whose_pod_may_be_removed(maker: str, until: str, left: bool) -> None:
    raw = {"metadata": {"annotations": {short_pod.WHO: maker, short_pod.UNTIL: until}}}
    now = 1795251600.0  # 2026-11-21T09:00:00Z

    def is_dead(who: str) -> bool:
        return who.startswith("dead@")

    assert short_pod.left_over(raw, "me", is_dead, now) is left
