# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The removal of a test run looks at the data sources, too, and names one that Longhorn forgot."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupt
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.progress import Progress
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import fault_removal
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task

NAME = "fault-run-0"


class Server:
    """One test image; its data source stays for so many looks after the image is gone."""

    namespace = "longhorn-system"

    def __init__(self, looks: int) -> None:
        self.image = True
        self.looks = looks

    def list(self, kind: Any, **_selectors: Any) -> Any:
        if kind is kinds.DATA_SOURCES:
            self.looks -= 1
        raw = {"metadata": {"name": NAME, "uid": "u"}}
        there = {kinds.BACKING_IMAGES: self.image, kinds.DATA_SOURCES: self.looks >= 0}
        return SimpleNamespace(items=[raw] if there.get(kind) else [])

    def delete(self, _kind: Any, _name: str, **_conditions: Any) -> None:
        self.image = False


def remove(looks: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    clock = [0.0]

    def sleep(_deadline: Deadline) -> None:
        clock[0] += 0.5

    monkeypatch.setattr(fault_removal, "_sleep", sleep)
    interrupt = Interrupt()
    deadline = Deadline(300.0, lambda: clock[0])
    server: Any = Server(looks)
    return fault_removal.remove(Task(server, deadline, interrupt, Progress(None, interrupt)), "run")


def test_a_data_source_that_goes_a_little_later_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert remove(8, monkeypatch)["images"] == [NAME]


def test_a_data_source_that_stays_is_named_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(Failure, match="backingimagedatasources.longhorn.io fault-run-0"):
        remove(10**6, monkeypatch)
