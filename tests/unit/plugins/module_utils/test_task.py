# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that waits for an API server that is gone can be stopped."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils import task
from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, retry
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import (
    Interrupt,
    Interrupted,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import NODES
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.progress import Progress
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.transport import Transport


@pytest.mark.parametrize(
    ("text", "params", "told"),
    [
        ("No answer.", {}, "No answer. Nothing was changed."),
        ("No answer.", {"lock_holder": "me"}, "No answer. This step changed nothing."),
        ("No answer.", {"steps": {"pods": {}}}, "No answer. This step changed nothing."),
        ("a\n  b", {}, "a\n  b\nNothing was changed."),
        ("No node.\nNothing was changed.", {}, "No node.\nNothing was changed."),
        ("Old; nothing was changed.", {}, "Old; nothing was changed."),
        ("img was not touched.", {}, "img was not touched."),
    ],
)
def test_a_failure_before_any_write_says_so(text: str, params: dict[str, Any], told: str) -> None:
    assert task.unchanged(text, params) == told


class Silent(Transport):
    """A server that has answered before and does not any more."""

    def __init__(self, interrupt: Interrupt) -> None:
        self._interrupt = interrupt
        self.asked = 0

    def send(self, *_args: object, **_options: object) -> object:
        self.asked += 1
        if self.asked == 2:
            self._interrupt.request("asked to stop (SIGTERM)")
        raise errors.Unreachable("connection refused", request="list nodes")


def test_a_request_that_is_tried_again_stops_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt = Interrupt()
    server = Silent(interrupt)
    client = Client(server, deadline=Deadline(60.0))
    monkeypatch.setattr(client, "_answered", True)
    monkeypatch.setattr(retry, "FIRST_DELAY_SECONDS", 0.01)
    client.pause = lambda seconds: task.pause(interrupt, Progress(None, interrupt), seconds)
    began = time.monotonic()
    with pytest.raises(Interrupted, match="The API server did not answer"):
        client.list(NODES)
    assert server.asked == 2
    assert time.monotonic() - began < 1.0
