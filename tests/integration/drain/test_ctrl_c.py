# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stopped by hand: nothing half done, the node as closed as it is, and both ways told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import (
    Interrupt,
    Interrupted,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import drain_steps
from tests.crash.jobs import give_back
from tests.crash.observer import Observer
from tests.crash.scene import NODE, furnish
from tests.crash.undoing import judge, told
from tests.simulator.longhorn.cluster import Cluster
from tests.stepped.session import Session, session
from tests.stepped.transport import Write

REQUEST = Request(NODE, Intent.REMOVE)


@contextmanager
def running(longhorn: str, root: Path) -> Iterator[Session]:
    cluster = Cluster(longhorn, nodes=3, disks=2, root=root)
    try:
        furnish(cluster)
        with session(cluster) as made:
            yield made
    finally:
        cluster.close()


def ctrl_c_at(made: Session, part: str) -> None:
    """The operator presses Ctrl-C while the first write to such a path is under way."""

    def press(write: Write, when: str) -> None:
        if part in f"{write}" and when == "after":
            made.interrupt.request("interrupted by Ctrl-C")

    made.wire.at_write = press


@pytest.mark.parametrize(
    ("part", "stands"),
    [("PATCH volumes/sole", "is not cordoned"), ("eviction", "stays cordoned")],
)
@pytest.mark.parametrize("longhorn", ["1.6.4", "1.12.1"])
def test_ctrl_c_stops_before_the_next_write_and_tells_both_ways(
    longhorn: str, part: str, stands: str, tmp_path: Path
) -> None:
    with running(longhorn, tmp_path) as made:
        observer = Observer(made.cluster, NODE)
        before = observer.state()
        ctrl_c_at(made, part)
        with pytest.raises(Interrupted) as stopped:
            made.drain(REQUEST)
        last = made.wire.writes[-2:]
        assert part in str(last[0]) and str(last[1]).startswith("DELETE leases"), last
        assert "Stopped: interrupted by Ctrl-C" in str(stopped.value)
        made.interrupt = Interrupt()
        said = drain_steps.stopped(made.work(), REQUEST)
        assert f"{NODE} {stands}." in said
        assert "The same command goes on" in said and "cancel=true" in said
        assert made.cluster.store.get("nodes", "", NODE)["spec"].get("unschedulable", False) is (
            stands == "stays cordoned"
        )
        made.wire.at_write = lambda write, when: None
        results = give_back(cancel=True)(made)
        made.kernel.run_for(60.0)
        outcome = {"state": observer.state(), "told": told(results)}
        assert judge(before, outcome)[1] == []
        assert observer.wrong == []


def test_a_drain_tells_before_its_first_write_how_to_leave_it(tmp_path: Path) -> None:
    """Ansible shows nothing of what a module says after a Ctrl-C."""
    with running("1.12.1", tmp_path) as made:
        ctrl_c_at(made, "PATCH nodes/node-3")
        with pytest.raises(Interrupted):
            made.drain(REQUEST)
        assert made.texts[0].startswith("Ctrl-C stops it before the next write")
        assert "-e cancel=true" in made.texts[0]
