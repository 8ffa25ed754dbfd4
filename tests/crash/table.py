# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One table: a job on one release, killed at every write, each time run again and judged."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash import undoing
from tests.crash.forest import Branch, Forest
from tests.crash.jobs import Job
from tests.crash.observer import Observer, differences
from tests.crash.scene import NODE, furnish
from tests.simulator.longhorn.cluster import Cluster
from tests.stepped.session import Session, session
from tests.stepped.transport import Killed

SETTLE_SECONDS = 70.0
Chosen = Callable[[int, str], bool]


@dataclass(frozen=True)
class Row:
    """One write, one way to be cut off, and everything that was wrong then (nothing: it holds)."""

    write: int
    path: str
    mode: str
    problems: tuple[str, ...]
    moved: str = ""


@dataclass(frozen=True)
class Table:
    """All rows of a job on a release; ``alone`` is what was wrong without any kill."""

    job: str
    longhorn: str
    writes: int
    rows: tuple[Row, ...]
    alone: tuple[str, ...]
    seconds: float

    @property
    def bad(self) -> list[Row]:
        """Rows that do not hold."""
        return [row for row in self.rows if row.problems]


def everywhere(number: int, mode: str) -> bool:
    """A branch at every write, in every mode."""
    return True


def build(job: Job, longhorn: str, chosen: Chosen = everywhere) -> Table:
    """Run the job once, with a branch at every chosen write."""
    started = time.process_time()
    with tempfile.TemporaryDirectory(prefix="crash-", dir=_fast_folder()) as folder:
        root = Path(folder) / "disks"
        root.mkdir()
        cluster = Cluster(longhorn, nodes=3, disks=2, root=root)
        try:
            furnish(cluster)
            with session(cluster) as running:
                return _run(job, longhorn, running, root, chosen, started)
        finally:
            cluster.close()


def _run(
    job: Job, longhorn: str, running: Session, root: Path, chosen: Chosen, started: float
) -> Table:
    job.prepare(running)
    running.wire.writes.clear()
    observer = Observer(running.cluster, NODE)
    before = observer.state()
    forest = Forest(running.wire, root, chosen)
    try:
        job.first(running)
    except Killed:
        forest.end(lambda: _after(job, running, observer))
    except BaseException as error:
        if not forest.is_child:
            raise
        told = f"{type(error).__name__}: {error}"
        forest.end(lambda: {"failed": told})
    if forest.is_child:
        forest.end(lambda: _outcome(running, observer, {}))
    writes = len(running.wire.writes)
    alone = _outcome(running, observer, {})
    judged = [_row(job, branch, before, alone) for branch in forest.branches]
    return Table(
        job.name,
        longhorn,
        writes,
        tuple(judged),
        tuple(alone["wrong"]),
        time.process_time() - started,
    )


def _after(job: Job, running: Session, observer: Observer) -> dict[str, Any]:
    """In a branch that was killed: run again, and once more to see that nothing is left to do."""
    results = job.again(running)
    done = len(running.wire.writes)
    outcome = _outcome(running, observer, results)
    if not job.undo:
        done = len(running.wire.writes)
        job.again(running)
        outcome["third"] = len(running.wire.writes) - done
    return outcome


def _outcome(running: Session, observer: Observer, results: Any) -> dict[str, Any]:
    running.kernel.run_for(SETTLE_SECONDS)
    return {
        "state": observer.state(),
        "made": dict(observer.made),
        "wrong": observer.wrong,
        "told": undoing.told(results),
    }


def _row(job: Job, branch: Branch, before: dict[str, Any], alone: dict[str, Any]) -> Row:
    outcome = branch.outcome
    if "failed" in outcome:
        return Row(branch.write, branch.path, branch.mode, (outcome["failed"],))
    problems = list(outcome["wrong"])
    moved = ""
    if job.undo and branch.mode != "lost":
        moved, more = undoing.judge(before, outcome)
        problems += more
    else:
        problems += differences(alone["state"], outcome["state"])
        problems += differences(alone["made"], outcome["made"], "made")
    if outcome.get("third"):
        problems.append(f"a run on the finished job wrote {outcome['third']} times")
    return Row(branch.write, branch.path, branch.mode, tuple(problems), moved)


def _fast_folder() -> str | None:
    shared = Path("/dev/shm")
    return str(shared) if shared.is_dir() else None
