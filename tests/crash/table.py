# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One table: a job on one release, killed at every write, each time run again and judged."""

from __future__ import annotations

import gc
import resource
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash import undoing
from tests.crash.forest import Branch, Forest
from tests.crash.jobs import LOST, Job
from tests.crash.observer import Observer, differences
from tests.crash.scene import NODE, furnish
from tests.simulator.longhorn.cluster import Cluster
from tests.stepped.session import Session, session
from tests.stepped.transport import Killed, Write

SETTLE_SECONDS = 70.0
Chosen = Callable[[Write, str], bool]


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


def everywhere(write: Write, mode: str) -> bool:
    """A branch at every write, in every mode."""
    return True


def enough(job: Job) -> Chosen:
    """A branch at every write in the modes of the job, except at renewals of the lock: they change
    nothing else, so a kill there is one before the next write.
    """
    return lambda write, mode: mode in job.modes and not write.renewal


def build(job: Job, longhorn: str, chosen: Chosen = everywhere) -> Table:
    """Run the job once, with a branch at every chosen write."""
    started = _processor_seconds()
    with tempfile.TemporaryDirectory(prefix="crash-", dir=_fast_folder()) as folder:
        root = Path(folder) / "disks"
        root.mkdir()
        cluster = Cluster(longhorn, nodes=3, disks=2, root=root)
        gc.disable()
        try:
            furnish(cluster)
            with session(cluster) as running:
                return _run(job, longhorn, running, root, chosen, started)
        finally:
            gc.enable()
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
        _processor_seconds() - started,
    )


def _after(job: Job, running: Session, observer: Observer) -> dict[str, Any]:
    """In a branch that was killed: run again, and once more to see that nothing is left to do."""
    results = job.again(running)
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
        moved, more = undoing.judge(before, outcome, lucky=job.lucky)
        problems += more
    else:
        problems += _compare(job, alone, outcome)
    if outcome.get("third"):
        problems.append(f"a run on the finished job wrote {outcome['third']} times")
    return Row(branch.write, branch.path, branch.mode, tuple(problems), moved)


def _compare(job: Job, alone: dict[str, Any], outcome: dict[str, Any]) -> list[str]:
    """The same end, and nothing made twice."""
    state, made = outcome["state"], outcome["made"]
    if not job.lucky:
        return differences(alone["state"], state) + differences(alone["made"], made, "made")
    problems = []
    for name, image in state["images"].items():
        wanted = alone["state"]["images"][name]
        # A replica's start adds a copy on its disk, unless our target is there already.
        copies, usual = (m.get(f"copy of {name}", 0) for m in (made, alone["made"]))
        if copies > max(2, usual + 1) or image["ready"] != len(image["here"]) + image["elsewhere"]:
            problems.append(f"image {name}: {image}, {copies} made")
        if name != LOST:
            problems += differences(wanted["here"], image["here"], f"image {name}")
    for key in sorted(set(alone["made"]) | set(made)):
        if key.startswith("replica"):
            problems += differences(alone["made"].get(key), made.get(key), f"made {key}")
    for key in sorted(set(state) - {"images"}):
        problems += differences(alone["state"][key], state[key], key)
    return problems


def _processor_seconds() -> float:
    """Of this process and its branches."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _fast_folder() -> str | None:
    shared = Path("/dev/shm")
    return str(shared) if shared.is_dir() else None
