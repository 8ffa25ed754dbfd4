# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drain that is undone half-way, or after its end: what is ours goes back, what moved is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import Kind
from tests.integration.drain.scene import drain, served
from tests.integration.drain.test_drain import Killed
from tests.integration.restore.scene import furnish, notes, restore, robustness, state


def stop_before(deletes: bool) -> Callable[[Client], None]:
    """Kill the drain right before it deletes its first replica, or, with deletes=False, right
    after it has raised the numbers of the volumes.
    """
    raised = [0]

    def prepare(client: Client) -> None:
        send = client._write

        def write(method: str, what: Kind, *args: Any, **kwargs: Any) -> Any:
            if deletes and method == "DELETE" and what is kinds.REPLICAS:
                raise Killed
            if not deletes and raised[0] == 2:
                raise Killed
            raised[0] += what is kinds.VOLUMES
            return send(method, what, *args, **kwargs)

        vars(client)["_write"] = write

    return prepare


@pytest.mark.parametrize("version", ["1.6.4", "1.12.1"])
@pytest.mark.parametrize("deletes", [False, True])
def test_a_drain_cancelled_before_anything_left_is_undone_exactly(
    version: str, deletes: bool, tmp_path: Path
) -> None:
    with served(version, tmp_path, furnish) as scene:
        before = state(scene)
        with pytest.raises(Killed):
            drain(scene, "node-3", "remove", prepare=stop_before(deletes))
        assert not state(scene)["nodes"]["node-3"]["allowScheduling"]
        results = restore(scene, "node-3", cancel=True)
        assert results["finish"]["report"][0] == "the drain of node-3 is undone"
        after = state(scene)
        for what, value in before.items():
            assert after[what] == value, what
        assert robustness(scene, "sole") == robustness(scene, "pair") == "healthy"
        writes = scene.writes()
        restore(scene, "node-3", cancel=True)
        assert scene.writes() == writes


@pytest.mark.parametrize("version", ["1.6.4", "1.12.1"])
def test_a_finished_drain_is_undone_as_far_as_it_can_be(version: str, tmp_path: Path) -> None:
    """The disks are back under their names and UUIDs; replicas and copies stay where they went."""
    with served(version, tmp_path, furnish) as scene:
        before, disks = state(scene), scene.disks("node-3")
        drain(scene, "node-3", "remove")
        moved = state(scene)
        restore(scene, "node-3", cancel=True)
        after = state(scene)
        assert after["nodes"] == before["nodes"] and after["cordoned"] == before["cordoned"]
        assert scene.disks("node-3") == disks
        assert after["images"] == moved["images"] and after["replicas"] == moved["replicas"]
        assert after["volumes"] == before["volumes"] and after["tickets"] == before["tickets"]
        assert notes(scene) == []


def stop_after_the_flag(client: Client) -> None:
    """Kill the drain once the eviction flag is on."""
    send = client._write

    def write(method: str, what: Kind, *args: Any, **kwargs: Any) -> Any:
        answer = send(method, what, *args, **kwargs)
        if what is kinds.LONGHORN_NODES and (answer.get("spec") or {}).get("evictionRequested"):
            raise Killed
        return answer

    vars(client)["_write"] = write


@pytest.mark.parametrize("version", ["1.6.4", "1.12.1"])
def test_longhorns_own_eviction_is_cancelled_in_two_steps(version: str, tmp_path: Path) -> None:
    """What has begun finishes; nothing is lost, no flag is left, no replica is one too many."""
    with served(version, tmp_path, furnish) as scene:
        before = state(scene)
        with pytest.raises(Killed):
            drain(scene, "node-3", "remove", own_mover=False, prepare=stop_after_the_flag)
        assert state(scene)["nodes"]["node-3"]["evictionRequested"]
        restore(scene, "node-3", cancel=True)
        after = state(scene)
        assert after["nodes"] == before["nodes"]
        assert after["volumes"] == before["volumes"] and after["tickets"] == before["tickets"]
        assert notes(scene) == []
        flagged = [
            r["metadata"]["name"]
            for r in scene.all("replicas.longhorn.io")
            if r["spec"].get("evictionRequested")
        ]
        assert flagged == []
        for image, entries in after["images"].items():
            # A key that Longhorn had flagged before the cancel may go (procedures.md P2.3 step 4).
            assert len(entries) >= min(2, len(before["images"][image])), image
            assert not any(isinstance(e, dict) and e["evictionRequested"] for e in entries.values())
        assert robustness(scene, "sole") == robustness(scene, "pair") == "healthy"
