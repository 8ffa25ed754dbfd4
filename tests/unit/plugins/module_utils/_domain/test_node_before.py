# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the note on a node to the writes that make it so again."""

from __future__ import annotations

from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import node_before
from tests.unit.plugins.module_utils._domain import build

ENTRY = {
    "path": "/data/",
    "diskType": "filesystem",
    "allowScheduling": True,
    "evictionRequested": False,
    "storageReserved": 5,
    "tags": ["ssd"],
}
NOTE: dict[str, Any] = {
    "allowScheduling": True,
    "evictionRequested": False,
    "tags": ["fast"],
    "unschedulable": False,
    "intent": "reinstall",
    "disks": {"nvme0": {**ENTRY, "uuid": "old"}},
}


def disk(**fields: Any) -> Any:
    values = {"name": "nvme0", "uuid": "old", "path": "/data", "tags": ("ssd",)}
    return build.disk("n1", **{**values, **fields})


def opening(*disks: Any, same_names: bool = False, **fields: Any) -> dict[str, str]:
    node = build.node("n1", disks, before=NOTE, **{"tags": ("fast",), **fields})
    before = node_before.of(node)
    assert before is not None
    changes = node_before.opening(node, before, same_names=same_names)
    return {change.what: f"{change.now} -> {change.then}" for change in changes}


def test_a_node_as_noted_needs_nothing() -> None:
    assert opening(disk()) == {}


def test_flags_and_tags_go_back() -> None:
    changed = opening(disk(allow_scheduling=False, tags=()), allow_scheduling=False, tags=("x",))
    assert changed == {
        "schedulable": "false -> true",
        "tags": "x -> fast",
        "disk nvme0 schedulable": "false -> true",
        "disk nvme0 tags": "none -> ssd",
    }


def test_a_disk_that_was_taken_out_gets_a_new_name_or_its_old_one() -> None:
    assert opening() == {"disk nvme0-r2": "not in Longhorn -> at /data/"}
    assert opening(same_names=True) == {"disk nvme0": "not in Longhorn -> at /data/"}


def test_a_disk_that_went_in_again_under_a_new_name_is_known_by_its_path() -> None:
    assert opening(disk(name="nvme0-r2", uuid="new")) == {}


def test_the_new_entry_is_the_noted_one() -> None:
    node = build.node("n1", (), before=NOTE)
    before = node_before.of(node)
    assert before is not None
    (change,) = node_before.missing(node, before, same_names=False)
    assert change.ops == ({"op": "add", "path": "/spec/disks/nvme0-r2", "value": ENTRY},)


def test_new_names_count_on() -> None:
    assert node_before.new_name("d", {"d"}) == "d-r2"
    assert node_before.new_name("d-r2", {"d-r2"}) == "d-r3"
    assert node_before.new_name("disk-1", {"disk-1", "disk-1-r2"}) == "disk-1-r3"


def test_eviction_flags_go_in_a_write_of_their_own() -> None:
    node = build.node("n1", [disk(eviction_requested=True)], before=NOTE, eviction_requested=True)
    before = node_before.of(node)
    assert before is not None
    paths = [op["path"] for c in node_before.eviction_off(node, before) for op in c.ops]
    assert paths == ["/spec/evictionRequested", "/spec/disks/nvme0/evictionRequested"]
    later = node_before.opening(node, before, same_names=False)
    assert not any("eviction" in change.what for change in later)


def test_a_node_without_a_note() -> None:
    assert node_before.of(build.node("n1")) is None
