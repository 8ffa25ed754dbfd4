# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The observer, on which demo and Molecule rely, sees what is wrong: it is not easily content."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.observer import proofs
from tests.observer.api import Api, Refused
from tests.observer.table import table
from tests.observer.view import View, look
from tests.scenery.furnish import Furnisher
from tests.scenery.plan import DRAINED, LOST
from tests.simulator.longhorn.cluster import Cluster

SOLE = "ubuntu-24.04"


class Watched:
    """A furnished cluster whose time stands still, and the observer's look at it."""

    def __init__(self, version: str, folder: Path) -> None:
        self.cluster = Cluster(version, nodes=3, disks=2, root=folder)
        Furnisher(self.cluster).furnish()
        self.node = self.cluster.nodes[DRAINED]
        self.api = Api(self.cluster.serve().kubeconfig)
        self._folder = folder

    def view(self) -> View:
        return look(self.api, self._folder)


@pytest.fixture(params=["1.6", "1.12"])
def watched(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watched]:
    found = Watched(request.param, tmp_path)
    try:
        yield found
    finally:
        found.cluster.close()


def test_healthy_images_are_whole_but_the_node_is_not_drained(watched: Watched) -> None:
    view = watched.view()
    assert [problem for name in view.images for problem in proofs.whole(view, name)] == []
    assert proofs.volumes_healthy(view, attached=4) == []
    assert proofs.volumes_healthy(view, attached=5) == ["4 of 5 volumes are attached"]
    assert proofs.lost(view, LOST) != []
    found = proofs.drained(watched.api, view, watched.node, "remove")
    assert f"{watched.node}: not cordoned" in found
    assert any(problem.startswith(f"{SOLE}: no proven copy outside") for problem in found)
    assert any(problem.startswith("replica web-r-") for problem in found)
    assert any(problem.startswith(f"{SOLE}: its file is still on") for problem in found)
    in_use(watched, view)


def in_use(watched: Watched, view: View) -> None:
    """The node is not removed, its disk not evicted; it is open with its two disks."""
    node = watched.node
    removed = proofs.removed(watched.api, view, node)
    assert f"{node} is still a Kubernetes node" in removed
    assert f"{node} is still a Longhorn node" in removed
    assert any(problem.startswith("replica ") for problem in removed)
    evicted = proofs.evicted(watched.api, view, node, "/var/lib/longhorn")
    assert "/var/lib/longhorn is still in Longhorn" in evicted
    assert f"{SOLE}: the map still names /var/lib/longhorn" in evicted
    assert f"{SOLE}: its file is still on /var/lib/longhorn" in evicted
    assert proofs.evicted(watched.api, view, node, "/nowhere") == [f"{node} has no folder nowhere"]
    assert proofs.returned(watched.api, view, node, 2) == []
    assert proofs.returned(watched.api, view, node, 3) == [
        f"{node}: 2 of 3 disks Ready, 2 schedulable"
    ]


def test_a_changed_byte_is_seen_though_longhorn_has_not_looked_yet(watched: Watched) -> None:
    uuid = next(c.disk.uuid for c in watched.view().images[SOLE].copies if c.wanted)
    watched.cluster.corrupt(SOLE, uuid)
    view = watched.view()
    assert next(c.state for c in view.images[SOLE].copies if c.disk.uuid == uuid) == "ready"
    [problem] = proofs.whole(view, SOLE)
    assert "file not whole" in problem
    row = next(line for line in table(view) if line.startswith(SOLE))
    assert "!" in row


def test_files_that_are_gone_are_seen(watched: Watched) -> None:
    watched.cluster.remove_files(LOST)
    view = watched.view()
    assert proofs.lost(view, LOST) == []
    assert proofs.whole(view, LOST) != []
    assert proofs.whole(view, "no-such-image") == ["no-such-image: there is no such image"]


def test_a_lease_that_is_held_is_seen(watched: Watched) -> None:
    assert proofs.unlocked(watched.api) == []
    path = "/apis/coordination.k8s.io/v1/namespaces/longhorn-system/leases"
    metadata = {"name": "nodecare-longhorn-maintenance", "namespace": "longhorn-system"}
    watched.api.send(
        "POST",
        path,
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": {"holderIdentity": "somebody"},
        },
    )
    assert proofs.unlocked(watched.api) == [
        "lease nodecare-longhorn-maintenance is held by somebody"
    ]
    with pytest.raises(Refused, match="404"):
        watched.api.get(f"{path}/another")
