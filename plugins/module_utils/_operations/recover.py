# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings lost images back: look, decide, write, wait, all images in one loop over one live view.

Everything is decided from what is there now, so a run that was killed at any point is finished by
the next one, and a run on a finished job writes nothing, not even a lease.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    Deadline,
    TimedOut,
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.lease import Lease
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import (
    checks,
    gate,
    look,
    look_pod,
    meanwhile,
    turns,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.gate import (
    Decision,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.look import (
    Look,
    Place,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.steps import (
    Action,
    Step,
    next_step,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source import (
    finding,
    probe_pod,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.delivered import (
    expected_of,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.finding import (
    Finding,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import (
    catalogue,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import Sight
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    recovery_report,
    short_pods,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.ask_cluster import (
    Side,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.check_sources import (
    check_sources,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    IMAGE_KINDS,
    LiveCluster,
    find_longhorn,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.diagnose import chosen
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.look_on_nodes import (
    look_on_nodes,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.observation import (
    Observation,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.recovery_report import (
    Request,
    Work,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.recovery_writes import (
    ChangedMeanwhile,
    RecoveryWrites,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.salvage import Salvage
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task

CONFLICTS_MAX = 8
# Longhorn's own second and third try of a first file (back-off of 1 and 2 min).
FAILING_SECONDS_MAX = 180.0
# A picture that still moves (files being checked, a manager starting) is looked at this long.
SETTLE_SECONDS_MAX = 120.0
TICK_SECONDS = 1.0
OF_SALVAGE = (Action.KEEP, Action.RELEASE, Action.STOP)


class Recovery:
    """One run. Use :meth:`run` once."""

    def __init__(self, task: Task, request: Request) -> None:
        self._task = task
        self._request = request
        self._longhorn = find_longhorn(task.client)
        self._observation = Observation(request.window_seconds)
        self._lease = Lease(task.client, request.holder)
        self._works: dict[str, Work] = {}
        self._found: dict[str, Finding] = {}
        self._looks: dict[Place, Look] = {}
        self._salvage: Salvage | None = None

    # -- the run -------------------------------------------------------------------------------
    def run(self) -> dict[str, Any]:
        """Do it. Returns the task's result; raises Failure (with `result`) when it stops short."""
        if not self._request.check_mode:
            labels = (probe_pod.LABEL, look_pod.LABEL)
            short_pods.remove_left_overs(self._task.client, self._request.holder, labels)
        with LiveCluster(self._task.client, self._longhorn, IMAGE_KINDS) as live:
            try:
                names = self._names(live)
                self._observe(live, names)
                self._pass_gates(live, names)
                self._ask_sources(live)
                if not self._request.check_mode and any(w.open for w in self._works.values()):
                    self._locked(live)
                return self._end(live)
            except Failure as failure:
                failure.result = failure.result or recovery_report.so_far(
                    self._works.values(), self._request
                )
                raise

    def _names(self, live: LiveCluster) -> list[str]:
        cluster = live.picture()
        if self._request.everything:
            return sorted(cluster.images)
        return chosen(self._request.images, cluster.images, cluster)

    def _observe(self, live: LiveCluster, names: Sequence[str]) -> None:
        """Look until nothing needs a longer look: at once where copies are proven."""
        limit = self._task.deadline.within(SETTLE_SECONDS_MAX)
        unsure = list(names)
        while True:
            self._observation.record(live.picture(), unsure, limit.now())
            unsure = [name for name in unsure if self._needs_look(name)]
            if not unsure or limit.expired:
                return
            self._task.interrupt.check("Nothing was written yet.")
            self._lease.keep()
            self._task.progress.update(
                f"looking at {', '.join(unsure[:5])}"
                + (f" and {len(unsure) - 5} more" if len(unsure) > 5 else "")
                + ": no copy is ready; is it lost for good?"
            )
            live.next_change(min(TICK_SECONDS, limit.remaining()))

    def _needs_look(self, name: str) -> bool:
        window = self._observation.window(name)
        if not window or not catalogue.needs_window(catalogue.judge(window)):
            return False
        if not self._observation.complete(name):
            return True
        # What stays down needs the operator's word and no longer look; what moves may settle.
        unsure = checks.doubt(window, self._request.accept_unknown_loss)
        return bool(unsure) and not window[-1].down

    def _ask_sources(self, live: LiveCluster) -> None:
        """Ask the sources of all images that would be recovered, and judge those again: reading
        takes its time.
        """
        wanted = {
            work.name: expected_of(
                self._observation.window(work.name)[-1].image, self._request.new_url
            )
            for work in self._works.values()
            if work.gate.decision is Decision.RECOVER or (work.gate.works and self._request.new_url)
        }
        if not wanted:
            return
        if self._request.skip_source_check:
            self._found = dict.fromkeys(wanted, finding.skipped())
        else:
            self._found = check_sources(
                self._task,
                wanted,
                self._request.way,
                self._side(),
                check_mode=self._request.check_mode,
            )
        while live.next_change(0.0):
            pass
        self._observe(live, list(wanted))
        self._pass_gates(live, list(wanted))

    def _pass_gates(self, live: LiveCluster, names: Sequence[str]) -> None:
        self._judge(names)
        if self._request.look_on_nodes or self._request.experimental:
            self._look(live, names)
        refused = [w for w in self._works.values() if w.gate.decision is Decision.REFUSE]
        if refused and not self._request.everything:
            raise Failure("\n".join(work.text for work in refused))

    def _look(self, live: LiveCluster, names: Sequence[str]) -> None:
        """Look at the files of the failed copies of those that are refused because nothing can be
        fetched, and judge them again: reading takes its time.
        """
        ladders = [name for name in names if self._works[name].gate.ways]
        places = [p for name in ladders for p in look.places(self._observation.window(name)[-1])]
        new = [place for place in places if place not in self._looks]
        if not new:
            return
        if self._request.check_mode:
            self._looks |= look.unread(new, "check mode makes no pod")
        else:
            self._looks |= look_on_nodes(self._task, self._side(), new)
            while live.next_change(0.0):
                pass
            self._observe(live, ladders)
        self._judge(ladders)

    def _side(self) -> Side:
        request = self._request
        return Side(request.probe, request.probe_image, request.holder, self._longhorn.settings)

    def _judge(self, names: Iterable[str]) -> None:
        for name in names:
            window = self._observation.window(name)
            if not window:
                raise Failure(f"image {name} was deleted while it was looked at")
            found = gate.decide(
                window,
                accept_unknown_loss=self._request.accept_unknown_loss,
                source=self._found.get(name),
                new_url=bool(self._request.new_url),
                looks=look.by_disk(self._looks.values(), name),
                experimental=self._request.experimental,
            )
            work = Work(name, found, text=found.text, source=self._found.get(name))
            if not found.works:
                work.outcome = found.decision.value
            self._works[name] = work

    # -- the loop ------------------------------------------------------------------------------
    def _locked(self, live: LiveCluster) -> None:
        def on_wait(text: str) -> None:
            self._task.interrupt.check("Nothing was written yet.")
            self._task.progress.update(text)

        self._lease.acquire(self._request.lock_wait_seconds, on_wait, self._task.deadline)
        try:
            self._gates_again(live)
            # Ansible shows nothing that a module says after a Ctrl-C, so it is said before.
            self._task.progress.update(
                "Ctrl-C stops it before the next write; run the same command again to finish "
                "(volumes get their tickets back only then)",
                at_once=True,
            )
            self._loop(live)
        finally:
            # What cannot be given back now expires by itself.
            with contextlib.suppress(Failure):
                self._lease.release()

    def _gates_again(self, live: LiveCluster) -> None:
        """The lock may have been waited for: what was true before it need not be true now."""
        while live.next_change(0.0):
            pass
        names = [work.name for work in self._works.values() if work.open]
        self._observe(live, names)
        self._pass_gates(live, names)

    def _loop(self, live: LiveCluster) -> None:
        writes = RecoveryWrites(self._task.client, self._longhorn, live, self._before_write)
        self._salvage = Salvage(self._task, self._side(), live, self._before_write)
        self._most_urgent_first()
        names = [work.name for work in self._works.values() if work.open]
        deadline = self._task.deadline
        while True:
            self._observation.record(live.picture(), names, deadline.now())
            wrote = False
            for work in self._works.values():
                if work.open:
                    wrote = self._advance(work, writes, deadline) or wrote
            still = [work for work in self._works.values() if work.open]
            if not still:
                return
            self._task.interrupt.check(_where(still))
            self._lease.keep()
            self._task.progress.update(recovery_report.progress_line(self._works.values()))
            if deadline.expired:
                raise self._out_of_time(still, deadline)
            live.next_change(0.0 if wrote else min(TICK_SECONDS, deadline.remaining()))

    def _before_write(self) -> None:
        open_works = [work for work in self._works.values() if work.open]
        self._task.interrupt.check(_where(open_works))
        self._lease.ensure()

    def _advance(self, work: Work, writes: RecoveryWrites, deadline: Deadline) -> bool:
        """Decide and do the next step of one image; whether something was written."""
        window = self._observation.window(work.name)
        deleted = meanwhile.why_deleted(work.name, window)
        if deleted:
            work.outcome, work.text = "failed", deleted
            return False
        step = self._next_step(work, window)
        step = self._in_turn(work, window[-1], step)
        if step.action is Action.DELETE_SOURCE and step.names[0] in work.deleted:
            step = Step(Action.WAIT, "another data source")
        work.step = step
        if step.action is Action.DONE:
            work.outcome = "recovered"
            work.text = f"{work.name}: {step.text}"
            return False
        if step.action is Action.WAIT:
            self._check_patience(work, deadline)
            return False
        return self._write(work, step, writes)

    def _next_step(self, work: Work, window: Sequence[Sight]) -> Step:
        if self._salvage is not None and work.gate.decision is Decision.SALVAGE:
            return self._salvage.step(work, window, look.by_disk(self._looks.values(), work.name))
        return next_step(
            window,
            accept_unknown_loss=self._request.accept_unknown_loss,
            new_url=self._request.new_url,
        )

    def _in_turn(self, work: Work, sight: Sight, step: Step) -> Step:
        """An image that has not begun waits until it may."""
        if step.action not in (Action.TAKE_TICKETS, Action.EMPTY_MAP) or turns.has_begun(sight):
            return step
        begun = [
            window[-1]
            for other in self._works.values()
            if other.open and other is not work and (window := self._observation.window(other.name))
            # What was written in this very round is not in the picture yet.
            if other.wrote or turns.has_begun(window[-1])
        ]
        wait = turns.why_not_yet(sight, begun)
        return Step(Action.WAIT, wait) if wait else step

    def _most_urgent_first(self) -> None:
        """Order the images of this run by what waits for them."""
        found = {
            work.name: turns.urgency(window[-1])
            for work in self._works.values()
            if (window := self._observation.window(work.name))
        }
        last = (1, 0, 0, "")
        names = sorted(self._works, key=lambda name: found.get(name, last))
        self._works = {name: self._works[name] for name in names}

    def _write(self, work: Work, step: Step, writes: RecoveryWrites) -> bool:
        self._task.progress.update(f"{work.name}: {step.text}", at_once=True)
        try:
            if self._salvage is not None and step.action in OF_SALVAGE:
                self._salvage.perform(work, step, writes)
                return True
            writes.perform(work.name, step)
        except ChangedMeanwhile as changed:
            work.conflicts += 1
            gone = isinstance(changed.__cause__, errors.NotFound)
            if gone and self._task.client.find(kinds.BACKING_IMAGES, work.name) is None:
                work.outcome, work.text = "failed", meanwhile.why_deleted(work.name, [])
                return False
            if work.conflicts > CONFLICTS_MAX:
                work.outcome = "failed"
                work.text = (
                    f"{work.name}: {step.text} did not succeed in {CONFLICTS_MAX} tries because "
                    f"somebody else keeps changing it ({changed})"
                )
            return False
        work.conflicts = 0
        work.wrote.append(step.text)
        if step.action is Action.DELETE_SOURCE:
            work.deleted.add(step.names[0])
        return True

    def _check_patience(self, work: Work, deadline: Deadline) -> None:
        """Longhorn's own next tries are waited for, but not for ever."""
        if not work.step.failing:
            return
        if work.failing_since is None:
            work.failing_since = deadline.now()
        if deadline.now() - work.failing_since > FAILING_SECONDS_MAX:
            work.outcome = "failed"
            work.text = (
                f"{work.name}: fetching it again has failed for "
                f"{spell_seconds(FAILING_SECONDS_MAX)}; {work.step.text}. Longhorn goes on trying "
                "every 5 min: repair the source, or give the image another URL with -e "
                "new_url=URL, then run again to finish (volumes get their tickets back only then)"
            )

    # -- words ---------------------------------------------------------------------------------
    def _out_of_time(self, still: Sequence[Work], deadline: Deadline) -> TimedOut:
        for work in still:
            work.outcome = "failed"
            work.text = f"{work.name}: still waiting for {work.step.text}"
        return TimedOut(
            f"not finished within {spell_seconds(deadline.seconds or 0.0)} (wait_timeout). "
            + "; ".join(work.text for work in still)
            + ". Run again to go on."
        )

    def _end(self, live: LiveCluster) -> dict[str, Any]:
        self._observation.record(live.picture(), self._works, self._task.deadline.now())
        bad = [w for w in self._works.values() if w.outcome in ("failed", Decision.REFUSE.value)]
        if bad and not self._request.check_mode:
            raise Failure("\n".join(work.text for work in bad))
        return recovery_report.result(
            self._works.values(), self._request, self._observation, self._task
        )


def _where(works: Sequence[Work]) -> str:
    told = "; ".join(f"{work.name}: {work.step.text}" for work in works[:5])
    return f"It was at: {told}."
