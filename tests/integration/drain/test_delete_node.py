# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drained node deleted over HTTP: only when it is empty and its machine is off.

Longhorn 1.6 would let a node go at any time, with everything on it (rec: v1.6.4/w2-drain-remove);
from 1.10 its webhook asks, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import lease
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    delete_node,
    plan_drain,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import (
    Stopped,
    Work,
)
from tests.integration.drain.scene import Scene, drain, plan, served
from tests.integration.drain.test_drain import Killed, furnish, killed_after, whole
from tests.integration.restore.scene import ready, wait

REMOVE = Request("node-3", Intent.REMOVE, delete_node=True)


def delete(scene: Scene, *, writes: int = 1000, check: bool = False) -> dict[str, Any]:
    """The step as its module runs it, killed after so many writes."""
    work = scene.work()
    work.check_mode = check
    prepare, _sent = killed_after(writes)
    prepare(work.client)

    @contextmanager
    def locked() -> Iterator[Work]:
        work.lease = lease.Lease(work.client, "test", duration_seconds=600)
        work.lease.acquire(5.0)
        yield work

    return delete_node.delete_node(work, REMOVE, {}, locked)


def switch_off(scene: Scene) -> None:
    scene.server.call(scene.cluster.power_off, "node-3")
    wait(scene, lambda: not ready(scene, "node-3"))


def there(scene: Scene) -> tuple[bool, ...]:
    """Whether the Kubernetes node and Longhorn's are there."""
    return tuple(
        "node-3" in {item["metadata"]["name"] for item in scene.all(kind)}
        for kind in ("nodes", "nodes.longhorn.io")
    )


@pytest.mark.parametrize("version", ["1.6.4", "1.12.1"])
def test_a_node_is_deleted_when_it_is_empty_and_off(version: str, tmp_path: Path) -> None:
    with served(version, tmp_path, furnish) as scene:
        with pytest.raises(Stopped) as stopped:
            delete(scene)
        assert "node-3 was not deleted: node-3 is not cordoned" in str(stopped.value)
        drain(scene, "node-3", "remove", delete_node=True)
        before = scene.writes()
        running = delete(scene)
        assert running["stage"] == "running" and not running["changed"]
        assert "Power it off" in running["report"][0]
        assert scene.writes() == before and there(scene) == (True, True)

        switch_off(scene)
        told = drain(scene, "node-3", "remove", delete_node=True)
        assert list(told) == ["proof"], "nothing is left to drain"
        assert "is deleted now" in told["proof"]["report"][-1]
        assert delete(scene, check=True)["changed"] and there(scene) == (True, True)
        with pytest.raises(Killed):
            delete(scene, writes=1)
        done = delete(scene)
        assert done["deleted"] and done["gone"] and there(scene) == (False, False)
        assert "Removed is not wiped" in done["report"][1]
        whole(scene, "remove")
        writes = scene.writes()
        again = delete(scene)
        assert not again["changed"] and again["gone"] and scene.writes() == writes


def test_a_node_that_is_off_but_not_empty_stays(tmp_path: Path) -> None:
    """1.6: Longhorn would let it go, with the only copy of an image."""
    with served("1.6.4", tmp_path, furnish) as scene:
        drain(scene, "node-3", "reboot")
        switch_off(scene)
        before = scene.writes()
        with pytest.raises(Stopped, match=r"left on node-3.*Nothing was changed"):
            delete(scene)
        assert scene.writes() == before and there(scene) == (True, True)
        with pytest.raises(plan_drain.BadInput, match="delete_node=true is for -e intent=remove"):
            plan(scene, Request("node-3", Intent.REBOOT, delete_node=True))
