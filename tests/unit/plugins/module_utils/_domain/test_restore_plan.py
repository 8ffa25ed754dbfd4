# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan of a return leaves as it is because it was so before the drain."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import restore_plan
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.restore_plan import Request
from tests.unit.plugins.module_utils._domain import build

ENTRY: dict[str, Any] = {
    "path": "/data/",
    "diskType": "filesystem",
    "allowScheduling": True,
    "evictionRequested": False,
    "storageReserved": 5,
    "tags": [],
    "uuid": "n1.0",
}
BEFORE: dict[str, Any] = {
    "allowScheduling": True,
    "evictionRequested": False,
    "tags": [],
    "unschedulable": False,
    "intent": "reboot",
    "disks": {"disk-0": ENTRY},
}


def made(before: dict[str, Any]) -> restore_plan.Plan:
    """Node n1 is drained; the copy on it still carries the flag of an eviction."""
    copies = [build.copy("n1.0", eviction_requested=True), build.copy("n2.0")]
    held = build.cluster(
        "1.12.1", build.node("n1", before=before), build.node("n2"), build.image("i", copies)
    )
    return restore_plan.make(held, Request("n1"))


def test_a_stale_eviction_flag_of_a_copy_is_taken_away() -> None:
    assert made(BEFORE).flagged == {"i": ("n1.0",)}


@pytest.mark.parametrize(
    "before",
    [
        {**BEFORE, "evictionRequested": True},
        {**BEFORE, "disks": {"disk-0": {**ENTRY, "evictionRequested": True}}},
    ],
)
def test_a_copy_that_its_operator_evicts_stays_flagged(before: dict[str, Any]) -> None:
    assert made(before).flagged == {}


def test_a_node_that_was_not_drained_has_nothing_to_give_back() -> None:
    held = build.cluster("1.12.1", build.node("n1"), build.node("n2"))
    found = restore_plan.make(held, Request("n1"))
    assert not found.work and "there is nothing to give back" in found.nothing
