# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What random interference has found (tests/fuzz), each as the smallest history that shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from tests.fuzz.plays import Plays
from tests.integration.drain.scene import SPACE, add_volume
from tests.simulator.longhorn.cluster import Cluster
from tests.stepped.virtual import stepped

NODES = "nodes.longhorn.io"
REPLICAS = "replicas.longhorn.io"
VOLUMES = "volumes.longhorn.io"
GENERATIONS = ["1.6.4", "1.12.1"]


@contextmanager
def plays(version: str, root: Path, nodes: int) -> Iterator[Plays]:
    """Volume db, attached on node-1."""
    cluster = Cluster(version, nodes=nodes, root=root)
    try:
        with stepped(cluster.store):
            yield Plays(cluster)
    finally:
        cluster.close()


def only_on(cluster: Cluster, nodes: set[str]) -> None:
    """New replicas go to these nodes only."""
    for name in cluster.nodes:
        wanted = name in nodes
        cluster.store.mutate(
            NODES, SPACE, name, lambda o, wanted=wanted: o["spec"].update(allowScheduling=wanted)
        )


def at_write(running: Plays, method: str, path: str, do: Callable[[], None]) -> None:
    """Once, right after the first write of ours of that kind."""
    left = [do]

    def look(write: object, when: str) -> None:
        text = str(write)
        if when == "after" and text.startswith(f"{method} {path}") and left:
            left.pop()()

    running.wire.at_write = look


@pytest.mark.parametrize("version", GENERATIONS)
def test_a_replica_that_fails_while_longhorn_evicts_it_does_not_stay(
    version: str, tmp_path: Path
) -> None:
    """Longhorn deletes an evicted replica when there is one too many, and a failed one counts for
    none: it would stay until it is stale, after two days.
    """
    with plays(version, tmp_path, 3) as running:
        cluster = running.cluster
        only_on(cluster, {"node-1", "node-3"})
        add_volume(cluster, "db", "", 2, attach_to="node-1")
        only_on(cluster, {"node-1", "node-2", "node-3"})

        def die() -> None:
            cluster.kernel.call_later(2.0, lambda: cluster.kill_replica("node-3", "db"))

        at_write(running, "PATCH", "nodes/node-3", die)
        results = running.drain_node(Request("node-3", Intent.REMOVE, own_mover=False))
        assert results["proof"]["safe_to"]["remove"]
        places = {r["spec"]["nodeID"] for r in cluster.store.list(REPLICAS)}
        assert places == {"node-1", "node-2"}
        assert cluster.store.get(VOLUMES, SPACE, "db")["status"]["robustness"] == "healthy"


@pytest.mark.parametrize("version", GENERATIONS)
def test_a_replica_that_no_node_can_take_is_named(version: str, tmp_path: Path) -> None:
    """The operator raises the number between our plan and our write: nothing has room for the one
    that we ask for then. The wait tells it, and the next run refuses at once.
    """
    with plays(version, tmp_path, 2) as running:
        cluster = running.cluster
        only_on(cluster, {"node-2"})
        add_volume(cluster, "db", "", 1, attach_to="node-1")
        only_on(cluster, {"node-1", "node-2"})

        def raise_it() -> None:
            cluster.store.mutate(
                VOLUMES, SPACE, "db", lambda o: o["spec"].update(numberOfReplicas=2)
            )

        at_write(running, "POST", "leases", raise_it)
        request = Request("node-2", Intent.REMOVE)
        with pytest.raises(Failure, match="one more has no node to go to"):
            running.drain_node(request)
        began = cluster.kernel.now()
        with pytest.raises(Failure, match="without node-2 only 1 node can hold one"):
            running.drain_node(request)
        assert cluster.kernel.now() - began < 60


def test_an_image_that_keeps_a_replica_from_starting_is_named(tmp_path: Path) -> None:
    """Its copy fails again and again, so the replica waits for ever: our wait says so."""
    with plays("1.12.1", tmp_path, 2) as running:
        cluster = running.cluster
        (here,) = cluster.disk_uuids("node-2")
        cluster.create_image("base", on=[here])
        only_on(cluster, {"node-2"})
        add_volume(cluster, "db", "base", 1, attach_to="node-1")
        only_on(cluster, {"node-1", "node-2"})
        there = cluster.disk_uuids("node-1")[0]
        at_write(running, "PATCH", "volumes/db", lambda: cluster.chattr("base", there, True))
        with pytest.raises(Failure, match=r"db-r-\w+ on node-1 waits for image base \(its copy "):
            running.drain(Request("node-2", Intent.REBOOT), seconds=90.0)
