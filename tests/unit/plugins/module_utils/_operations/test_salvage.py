# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restart of a manager counts as made, also when nobody heard the answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.errors import Conflict
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupt
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.progress import Progress
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.gate import decide
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.look import (
    Look,
    Word,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.steps import (
    Action,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import salvage
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.ask_cluster import Side
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.recovery_report import (
    Work,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.recovery_writes import (
    ChangedMeanwhile,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task
from tests.unit.plugins.module_utils._domain.recovery.builders import NAME
from tests.unit.plugins.module_utils._domain.recovery.test_look import SUM
from tests.unit.plugins.module_utils._domain.recovery.test_salvage import place, used


class Server:
    """The manager's pod goes at the first deletion, whose answer is lost; the repeated one meets
    the new pod.
    """

    namespace = "longhorn-system"

    def find(self, _kind: Any, name: str) -> Any:
        labels = {salvage.COMPONENT: salvage.MANAGER}
        return {"metadata": {"name": name, "uid": "old", "labels": labels}}

    def delete(self, _kind: Any, name: str, **_conditions: Any) -> None:
        raise Conflict(f"{name}: the UID in the precondition does not match", status=409)


def test_a_restart_whose_answer_is_lost_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    window = used()
    right = Look(place(window[-1]), Word.RIGHT, 1024, SUM)
    looks = {"d1": right}
    monkeypatch.setattr(salvage, "work_on_disk", lambda *_given: (right, ("linked",)))
    monkeypatch.setattr(salvage, "see", lambda *_given: window[-1])
    images = {NAME: window[-1].image}
    live: Any = SimpleNamespace(
        picture=lambda: SimpleNamespace(images=images), next_change=lambda _seconds: False
    )
    writes: Any = SimpleNamespace(note_salvage=lambda *_given: None)
    interrupt = Interrupt()
    server: Any = Server()
    task = Task(server, Deadline(60.0, lambda: 0.0), interrupt, Progress(None, interrupt))
    made = salvage.Salvage(task, Side(), live, lambda: None)
    work = Work(NAME, decide(window, looks=looks, experimental=True))
    first = made.step(work, window, looks)
    assert first.action is Action.KEEP
    with pytest.raises(ChangedMeanwhile):
        made.perform(work, first, writes)
    then = made.step(work, window, looks)
    assert then.action is Action.WAIT and "to start again" in then.text
