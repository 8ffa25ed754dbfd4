# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Salvages lost images, each by a failed copy whose file still has the right bytes.

The file is kept by a second link before anything else, and that link goes only when it is not the
last whole file: nothing is lost at whatever point a run ends. The next one goes on from the note on
the image and from what is on the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import (
    look_pod,
    notes,
    salvage,
    steps,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.look import (
    Look,
    Place,
    Word,
    spell,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.salvage import (
    Begun,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.steps import (
    Action,
    Step,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    see,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.ask_cluster import Side
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    LiveCluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.look_on_nodes import (
    work_on_disk,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.recovery_report import (
    FAILED,
    RECOVERED,
    Work,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.recovery_writes import (
    ChangedMeanwhile,
    RecoveryWrites,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task

COMPONENT = "longhorn.io/component"
MANAGER = "backing-image-manager"


@dataclass
class _Tries:
    """What this run has done for one image."""

    place: Place
    times: int = 0
    at: float | None = None
    failed_since: str = ""
    kept: bool = False

    def begun(self, now: float) -> Begun:
        """As the decision wants it."""
        ago = None if self.at is None else now - self.at
        return Begun(self.times, ago, self.failed_since)


class Salvage:
    """The salvages of one run. *guard* is called before each write, and on every turn of a wait."""

    def __init__(
        self, task: Task, side: Side, live: LiveCluster, guard: Callable[[], None]
    ) -> None:
        self._task = task
        self._side = side
        self._live = live
        self._guard = guard
        self._tries: dict[str, _Tries] = {}

    def step(self, work: Work, window: Sequence[Sight], looks: Mapping[str, Look]) -> Step:
        """What is next for this image."""
        tries = self._tries.get(work.name)
        if tries is None:
            noted = salvage.noted_place(window[-1])
            place = noted or _right(looks)
            if place is None and window[-1].exists:
                return steps.next_step(window)
            if place is None:
                kept = notes.salvage_of(window[-1].image).get(notes.PATH)
                return Step(Action.STOP, f"the disk of its kept file {kept} is not there")
            tries = self._tries[work.name] = _Tries(place, kept=noted is not None)
        return salvage.next_step(window, tries.place, tries.begun(self._task.deadline.now()))

    def perform(self, work: Work, step: Step, writes: RecoveryWrites) -> None:
        """A step of its own. Raises ChangedMeanwhile when it must be decided again."""
        try:
            if step.action is Action.STOP:
                self._stop(work, step.text)
            elif step.action is Action.KEEP:
                self._keep(work, step.text, writes)
            elif step.action is Action.RELEASE:
                self._release(work, step, writes)
        except (errors.FailedTest, errors.Conflict, errors.NotFound) as error:
            raise ChangedMeanwhile(str(error)) from error
        except (errors.Refused, errors.Forbidden) as error:
            self._stop(work, f"it was refused: {error.message or error}")

    def _keep(self, work: Work, text: str, writes: RecoveryWrites) -> None:
        """Keep the file, and let Longhorn look at it again if nothing has moved meanwhile."""
        tries = self._tries[work.name]
        place = tries.place
        writes.note_salvage(work.name, {notes.DISK: place.disk, notes.PATH: place.kept})
        self._guard()
        look, did = work_on_disk(
            self._task, self._side, place, look_pod.keep_pod, self._on_turn(text)
        )
        if "linked" in did and "unlinked" not in did:
            work.wrote.append(f"keeping a second link to {place.path} on {place.node}")
        if "linked_back" in did:
            work.wrote.append(f"putting {place.path} back from {place.kept}")
        if look.word is not Word.RIGHT or "occupied" in did:
            self._not_kept(work, look, did, writes)
            return
        tries.kept = True
        while self._live.next_change(0.0):
            pass
        sight = self._sight(work.name)
        if sight is not None:
            self._look_anew(work, sight, tries, writes)

    def _look_anew(self, work: Work, sight: Sight, tries: _Tries, writes: RecoveryWrites) -> None:
        """By the map or by the manager's pod, if all is still as it was decided on."""
        place = tries.place
        if salvage.is_out(sight, place):
            writes.put_key(work.name, place.disk)
            work.wrote.append(f"putting the key of {place.label} into the map")
            self._count(tries, "")
            return
        if salvage.why_not([sight], place):
            return
        entry = sight.image.copies.get(place.disk)
        since = entry.since if entry is not None else ""
        if salvage.way(sight, place) == salvage.MAP:
            writes.take_key(work.name, place.disk)
            work.wrote.append(f"taking the key of {place.label} out of the map")
            return
        self._restart(sight, tries, since)
        work.wrote.append(f"restarting the backing image manager of {place.label}")

    def _count(self, tries: _Tries, failed_since: str) -> None:
        tries.times, tries.at = tries.times + 1, self._task.deadline.now()
        tries.failed_since = failed_since

    def _not_kept(self, work: Work, look: Look, did: Sequence[str], writes: RecoveryWrites) -> None:
        tries = self._tries[work.name]
        place = tries.place
        tries.kept = tries.kept or "linked" in did
        if "occupied" in did:
            text = f"another file is at {place.path} now, beside the kept {place.kept}"
            self._stop(work, text)
            return
        if "unlinked" in did or look.word is Word.NONE:
            writes.forget(work.name, notes.SALVAGE)
            tries.kept = False
        self._stop(work, f"its file could not be kept: {spell([look])}")

    def _restart(self, sight: Sight, tries: _Tries, since: str) -> None:
        """Delete the pod of the manager of this disk, exactly the one that is there. Raises
        ChangedMeanwhile, Conflict, NotFound.
        """
        managers = sight.cluster.managers_of_disk[tries.place.disk]
        manager = next(m for m in managers if m.running)
        client = self._task.client
        pod = client.find(kinds.PODS, manager.name)
        labels = ((pod or {}).get("metadata") or {}).get("labels") or {}
        if pod is None or labels.get(COMPONENT) != MANAGER:
            raise ChangedMeanwhile(f"there is no pod {manager.name}")
        self._guard()
        # Before it is asked for: after a lost answer the next pod must not be deleted, too.
        self._count(tries, since)
        client.delete(kinds.PODS, manager.name, uid=str(pod["metadata"]["uid"]))

    def _release(self, work: Work, step: Step, writes: RecoveryWrites) -> None:
        """Take the kept link away, then the note. Where that cannot be, the image is well all the
        same: it is said what is left.
        """
        place = self._tries[work.name].place
        sight = self._sight(work.name)
        elsewhere = sight is not None and salvage.proven_elsewhere(sight, place)
        body = partial(look_pod.keep_pod, release=True, elsewhere=elsewhere)
        self._guard()
        look, did = work_on_disk(self._task, self._side, place, body, self._on_turn(step.text))
        if "released" in did:
            work.wrote.append(f"removing the kept link {place.kept} on {place.node}")
            writes.forget(work.name, notes.SALVAGE)
            return
        why = "its place holds another file" if "still_kept" in did else look.why
        work.outcome = RECOVERED
        work.text = (
            f"{work.name}: salvaged; {place.kept} on {place.node} is left ({why}): run again, or "
            "remove it"
        )

    def _stop(self, work: Work, why: str) -> None:
        """Not carried out (any further): why, where the kept file is, and how to go on by hand."""
        tries = self._tries.get(work.name)
        work.outcome = FAILED
        work.text = f"{work.name} was not salvaged: {why}."
        sight = self._sight(work.name)
        if tries is None or sight is None:
            return
        place = tries.place
        if tries.kept:
            work.text += f" Its file is kept: {place.kept} on {place.node}."
        commands = salvage.by_hand(place, sight, kept=tries.kept)
        work.text += " By hand:" + "".join(f"\n     $ {command}" for command in commands)

    def _sight(self, name: str) -> Sight | None:
        picture = self._live.picture()
        image = picture.images.get(name)
        return see(picture, image) if image is not None else None

    def _on_turn(self, text: str) -> Callable[[str], None]:
        def turn(line: str) -> None:
            self._guard()
            self._task.progress.update(f"{text}   {line}" if line else text)

        return turn


def _right(looks: Mapping[str, Look]) -> Place | None:
    return next((look.place for look in looks.values() if look.word is Word.RIGHT), None)
