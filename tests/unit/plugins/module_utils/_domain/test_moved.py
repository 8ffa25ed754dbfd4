# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What had left a node by the time it was given back."""

from __future__ import annotations

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    moved,
    restore_text,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.restore_plan import Request
from tests.unit.plugins.module_utils._domain import build


def report(finish: dict[str, list[str]], copies: list[dict[str, str]]) -> list[str]:
    steps = {"finish": finish, "images": {"moved": copies}}
    told = restore_text.report(Request("worker-3", cancel=True), steps, [], None)
    return [line for line in told if line.startswith("  moved")]


def test_volumes_and_images_that_left_are_named() -> None:
    finish = {"volumes_moved": ["db", "web"], "images_moved": ["ubuntu"]}
    assert report(finish, []) == [
        "  moved     image ubuntu: its copy is no longer on worker-3",
        "  moved     volume db, web: their replicas are on another node now",
    ]


def test_an_image_is_told_once() -> None:
    told = report({"images_moved": ["ubuntu"]}, [{"image": "ubuntu", "disk": "worker-3/nvme0"}])
    assert told == [
        "  moved     image ubuntu: its copy on worker-3/nvme0 is no longer there",
    ]


def test_nothing_has_moved() -> None:
    assert report({}, []) == []


def test_a_copy_that_longhorn_has_made_again_meanwhile_is_not_told() -> None:
    ubuntu = build.image("ubuntu", [build.copy("n1.0")])
    found = build.cluster("1.12.1", build.node("n1"), build.node("n2"), ubuntu)
    told = [{"image": "ubuntu", "disk": f"{node}/disk-0"} for node in ("n1", "n2")]
    assert moved.still_gone(found, told) == [{"image": "ubuntu", "disk": "n2/disk-0"}]
    assert moved.still_gone(found, [{"image": "deleted", "disk": "n1/disk-0"}])
