# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One history: a cluster, a maintenance, what gets in its way, and what must be true after it."""

from __future__ import annotations

import random
import shutil
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request as Drain,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.restore_plan import (
    Request as Return,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from tests.fuzz import leftovers
from tests.fuzz.disks import Disks
from tests.fuzz.meddler import Meddler
from tests.fuzz.plays import Plays, safe_to
from tests.fuzz.scene import VERSIONS, build
from tests.fuzz.watcher import Watcher
from tests.integration.drain.scene import SPACE
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.longhorn.names import ATTACHMENTS
from tests.stepped.session import Results
from tests.stepped.transport import Killed, Write
from tests.stepped.virtual import stepped

SETTLE_SECONDS = 240.0
DONE = "done"
PLAYS = ("drain", "drain", "drain", "drain", "disk", "protect", "recover")


@dataclass
class Outcome:
    """What became of a seed. ended: how each play ended; wrong: the rules that were broken."""

    seed: int
    version: str
    what: str
    ended: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    interfered: int = 0
    finished: dict[str, bool] = field(default_factory=dict)
    hung: list[str] = field(default_factory=list)


class History:
    """Plays one seed. quiet: nothing interferes (the control)."""

    def __init__(self, seed: int, version: str, cluster: Cluster, node: str, quiet: bool) -> None:
        chance = random.Random(f"history-{seed}")
        self._chance = random.Random(f"interference-{seed}")
        self._cluster, self._node, self._quiet = cluster, node, quiet
        self._plays = Plays(cluster)
        self._disks = Disks(cluster)
        self._watcher = Watcher(cluster, self._disks)
        self._meddler = Meddler(self._plays, self._watcher, self._disks, node, f"meddler-{seed}")
        self._kill_at = 0
        self._lose_at = 0
        self._plays.wire.at_write = self._at_write
        intent = chance.choice(list(Intent))
        self._own = chance.random() < 0.7
        self._play = chance.choice(PLAYS)
        self._disk = chance.choice(cluster.disk_uuids(node)) if self._play == "disk" else ""
        self._intent = Intent.REMOVE if self._disk else intent
        self._lower = chance.random() < 0.4
        self._cancel = chance.random() < 0.5 or self._intent is Intent.REMOVE
        self._off_seconds = chance.choice([20.0, 100.0, 700.0])
        mover = "own" if self._own else "flags"
        what = f"{self._play} {self._intent.value} {mover}" if "d" in self._play[:2] else self._play
        self.outcome = Outcome(seed, version, f"{what} of {node}, {len(cluster.nodes)} nodes")

    def run(self) -> Outcome:
        """Everything, to its end."""
        outcome, before = self.outcome, leftovers.state(self._cluster)
        if self._play == "recover":
            self._lose_an_image()
        first = self._interfered(self._first)
        again = first if first == DONE else self._again(self._first)
        outcome.finished["first"] = again == DONE
        if self._play in ("drain", "disk"):
            cancel = self._cancel or again != DONE
            self._between(cancel)
            back = partial(self._plays.restore, Return(self._node, cancel=cancel, disk=self._disk))
            ended = self._interfered(back) if self._chance.random() < 0.5 else self._try(back)
            ended = ended if ended == DONE else self._again(back)
            outcome.finished["back"] = ended == DONE
            if ended == DONE:
                self._cluster.kernel.run_for(60.0)
                self._meddler.end()
                self._cluster.kernel.run_for(60.0)
                for line in leftovers.left(self._cluster, before, self._meddler.touched):
                    self._watcher.complain(line)
        outcome.wrong = self._watcher.wrong
        outcome.log = self._watcher.log
        return outcome

    # -- plays ----------------------------------------------------------------------------------
    def _first(self) -> Results:
        self._watcher.recovering = self._play == "recover"
        if self._play == "protect":
            return self._plays.protect(2)
        if self._play == "recover":
            return self._plays.recover_all()
        request = Drain(
            self._node,
            self._intent,
            own_mover=self._own,
            disk=self._disk,
            lower_minimum=self._lower,
        )
        results = self._plays.drain_node(request)
        self._watcher.check_safe(self._node, safe_to(results), self._disk)
        return results

    def _interfered(self, play: Callable[[], Results]) -> str:
        """The play with interference at random moments, perhaps killed; then all is undone."""
        if self._quiet:
            return self._try(play)
        chance, kernel = self._chance, self._cluster.kernel
        kinds = sorted(self._meddler.kinds)
        for _number in range(chance.choice([1, 2, 3, 5, 8])):
            kind, after = chance.choice(kinds), chance.choice([0.1, 1.0, 5.0, 10.0, 20.0, 30.0])
            after *= chance.random() * 2
            kernel.call_later(after, lambda kind=kind: self._meddler.interfere(kind))
            self.outcome.interfered += 1
        done = len(self._plays.wire.writes)
        self._kill_at = done + chance.randint(1, 30) if chance.random() < 0.25 else 0
        self._lose_at = done + chance.randint(1, 30) if chance.random() < 0.25 else 0
        ended = self._try(play)
        self._kill_at = self._lose_at = 0
        return ended

    def _again(self, play: Callable[[], Results]) -> str:
        """With nothing in the way any more; twice, because Longhorn may need its time."""
        ended = ""
        for _number in range(2):
            self._cluster.kernel.run_for(60.0)
            self._meddler.end()
            self._cluster.kernel.run_for(SETTLE_SECONDS)
            ended = self._try(play)
            if ended == DONE:
                return ended
        self.outcome.hung += leftovers.hung(self._cluster)
        return ended

    def _try(self, play: Callable[[], Results]) -> str:
        self._watcher.say("== begins")
        try:
            play()
            ended = DONE
        except Killed:
            ended = "killed"
        except Failure as failure:
            ended = f"failed: {failure}"
            if len(str(failure)) < 20:
                self._watcher.complain(f"a failure without a reason: {failure!r}")
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            ended = f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"
            self._watcher.complain(f"traceback: {ended}")
            self._watcher.log += traceback.format_exc().splitlines()[-14:]
        self._watcher.ours = None
        self._watcher.recovering = False
        self._watcher.say(f"== {ended}")
        self.outcome.ended.append(ended)
        return ended

    def _at_write(self, write: Write, when: str) -> None:
        self._watcher.at_write(write, when)
        if self._kill_at and write.number >= self._kill_at and when == "after":
            self._kill_at = 0
            raise Killed
        if self._lose_at and write.number >= self._lose_at and when == "after":
            self._lose_at = 0
            self._watcher.say("~~ the answer is lost")
            raise ConnectionResetError

    def _between(self, cancel: bool) -> None:
        """What the maintenance was for."""
        self._meddler.end()
        kernel = self._cluster.kernel
        kernel.run_for(30.0)
        if cancel or self._disk:
            return
        self._cluster.power_off(self._node)
        kernel.run_for(self._off_seconds)
        if self._intent is Intent.REINSTALL:
            for disk in self._cluster.workers[self._node].disks.values():
                disk.wipe()
        self._cluster.power_on(self._node)
        kernel.run_for(5.0)

    def _lose_an_image(self) -> None:
        found = self._cluster.store.list("backingimages.longhorn.io")
        images = sorted((i for i in found if _name(i).startswith("image-")), key=_name)
        for image in images[:1]:
            self._cluster.remove_files(_name(image))
            for volume in self._cluster.store.list("volumes.longhorn.io"):
                if volume["spec"].get("backingImage") == _name(image):
                    self._cluster.store.mutate(ATTACHMENTS, SPACE, _name(volume), _let_go)
        self._cluster.kernel.run_for(150.0)


def _let_go(attachment: dict[str, Any]) -> None:
    attachment["spec"]["attachmentTickets"] = {}


def _name(obj: dict[str, Any]) -> str:
    return str(obj["metadata"]["name"])


def play(seed: int, version: str = "", quiet: bool = False) -> Outcome:
    """The whole history of a seed; the same seed gives the same history."""
    version = version or random.Random(f"version-{seed}").choice(VERSIONS)
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=shared if shared.is_dir() else None))
    try:
        cluster, node = build(seed, version, folder / "disks")
        try:
            with stepped(cluster.store):
                return History(seed, version, cluster, node, quiet).run()
        finally:
            cluster.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def judged(seed: int, version: str = "") -> Outcome:
    """The history; where a play could not be finished, it must fail without interference too."""
    outcome = play(seed, version)
    failed = [name for name, good in outcome.finished.items() if not good]
    if failed:
        control = play(seed, version, quiet=True)
        for name in failed:
            if control.finished.get(name) and not outcome.hung:
                outcome.wrong.append(f"{name} never finished, and does when left alone")
    return outcome
