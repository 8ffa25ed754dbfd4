# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wait that is watched: since when, how fast, what went, and the words."""

from __future__ import annotations

from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker_history import (
    History,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.watching import (
    Watching,
)
from tests.unit.plugins.module_utils._domain import build

NODES = [build.node(f"n{n}") for n in (1, 2, 3)]


def picture(*things: Any) -> Cluster:
    return build.cluster("1.12.1", *NODES, *things, cordoned=("n1",))


def rebuilding(percent: int) -> Cluster:
    new = build.replica("r2", "v", "n2", healthy_at="")
    modes = {"r1": "RW", "r2": "WO"}
    engine = build.engine("v", "n3", modes=modes, rebuilding={"tcp://x": percent})
    here = build.replica("r1", "v", "n1")
    return picture(build.volume("v", 2), here, new, engine)


class Told(Watching):
    """The answers of one node with their history."""

    def __init__(self) -> None:
        super().__init__("n1")
        self.history = History()

    def look(self, now: float, cluster: Cluster) -> None:
        self.see(now, cluster)
        answers = self.answers.values()
        self.history.see(now, [blocker for answer in answers for blocker in answer.blockers])

    def line(self) -> str:
        return self.history.clause(self.answers["im-n1"].blockers)

    def lines(self, now: float) -> list[str]:
        return self.history.lines(now, self.answers["im-n1"].blockers)


def test_a_rebuild_gets_its_time_from_the_pace_that_was_seen() -> None:
    watching = Told()
    watching.look(100.0, rebuilding(10))
    assert "about" not in watching.line()
    watching.look(110.0, rebuilding(40))
    line = watching.line()
    assert "replica r1 of volume v has no healthy peer yet (rebuild on n2 40 %, about 20 s)" in line
    assert line.endswith("since 1:40"), "waiting ends it, so nothing is asked of the reader"
    assert watching.answers["im-n1"].blockers[0].seconds == 20


def test_a_rebuild_that_stands_still_gets_no_time() -> None:
    watching = Told()
    watching.look(0.0, rebuilding(40))
    watching.look(60.0, rebuilding(40))
    assert "about" not in watching.line()


def test_since_when_and_what_went() -> None:
    watching = Told()
    assert watching.history.moved() == ""
    last = picture(build.volume("v", 1), build.replica("r1", "v", "n1"))
    watching.look(0.0, last)
    watching.look(125.0, last)
    line = watching.line()
    assert "since 0:00; will not clear by itself: set numberOfReplicas" in line
    first, second, *_more = watching.lines(125.0)
    assert first.startswith("replica r1 is the only healthy one of volume v")
    assert first.endswith(", for 2 min 5 s")
    assert second.startswith("  It will not clear by itself: set numberOfReplicas")
    watching.look(130.0, rebuilding(1))
    assert watching.history.cleared == {"replica r1 (last_replica)": 130.0}
    assert watching.history.moved() == "replica r1 (last_replica), after 2 min 10 s"
    watching.look(140.0, picture())
    assert "replica r1 (rebuild_elsewhere), after 10 s" in watching.history.moved()
    assert "only to notice" in watching.line()
    assert watching.lines(140.0)[1] == "  It clears by itself in about 30 s: wait."
    assert watching.history.clause([]) == "" and watching.history.lines(140.0, []) == []


def test_many_reasons_are_counted_not_listed() -> None:
    things: list[Any] = [build.volume(f"v{n}", 1) for n in range(8)]
    things += [build.replica(f"r{n}", f"v{n}", "n1") for n in range(8)]
    watching = Told()
    watching.look(0.0, picture(*things))
    assert watching.line().endswith("(and 7 more reasons)")
    assert watching.lines(0.0)[-1] == "and 3 more reasons"


def test_the_rules_are_not_asked_for_every_picture() -> None:
    watching = Told()
    watching.look(10.0, rebuilding(10))
    watching.look(10.2, picture())
    assert "rebuild on n2 10 %" in watching.line()
    watching.look(10.6, picture())
    assert "only to notice" in watching.line()
