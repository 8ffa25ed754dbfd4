# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The decisions at the moments when recoveries were played by hand on real Longhorn.

Just before each write of the operator our next step is that write; while real Longhorn fetched the
file by itself, with its own failed tries, nothing is written.
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import gate
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.steps import (
    Action,
    next_step,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    see,
)
from tests.check_verdicts import answer_key
from tests.unit import recorded

VERSIONS = ["v1.6.4", "v1.7.3", "v1.12.1"]
FIVE = "w5-recover-five-ticket-removed-first"
EMPTYING = ("/spec/disks", "/spec/diskFileSpecMap")


class Played:
    """One recording: the operator's patches, and the window of an image at any moment."""

    def __init__(self, name: str) -> None:
        self.folder: Path = recorded.scenario(name)
        self.start = answer_key.start_of(self.folder)

    def patches(self, plural: str, path: str) -> list[tuple[str, float]]:
        """(object, when) of each accepted PATCH with an operation on this path."""
        found = []
        for action in answer_key.actions(self.folder):
            request = action.get("request") or ["", ""]
            if request[0] != "PATCH" or f"/{plural}/" not in request[1]:
                continue
            if any(op["path"].startswith(path) for op in action["body"] if op["op"] != "test"):
                when = answer_key.seconds(action["t"]) - self.start
                found.append((request[1].rsplit("/", 1)[1], when))
        return found

    def windows(self, image: str, moments: list[float], length: float = 10.0) -> list[list[Sight]]:
        """The window that ends at each of these moments."""
        steps = [length - 0.5 * index for index in range(int(length * 2) + 1)]
        grid = sorted({round(moment - step, 3) for moment in moments for step in steps})
        clusters = answer_key.clusters(self.folder, grid)
        return [
            [
                see(clusters[at], clusters[at].images[image], at)
                for at in (round(moment - step, 3) for step in steps)
            ]
            for moment in moments
        ]


def with_five() -> list[str]:
    return [f"{version}/{FIVE}" for version in VERSIONS]


@pytest.mark.parametrize("name", with_five())
def test_five_images_under_five_volumes(name: str) -> None:
    played = Played(name)
    taken = dict(played.patches("volumeattachments", "/spec/attachmentTickets")[:5])
    emptied = [entry for path in EMPTYING for entry in played.patches("backingimages", path)]
    assert (len(taken), len(emptied)) == (5, 5)
    for image, when in emptied:
        volume = image.replace("img", "vol")
        before_ticket, before_map = played.windows(image, [taken[volume] - 0.02, when - 0.001])
        first = next_step(before_ticket)
        assert (first.action, first.names) == (Action.TAKE_TICKETS, (volume,)), first
        assert gate.decide(before_ticket).works
        assert next_step(before_map).action is Action.EMPTY_MAP


@pytest.mark.parametrize("name", with_five())
def test_longhorns_own_download_is_never_disturbed(name: str) -> None:
    played = Played(name)
    given = played.patches("volumeattachments", "/spec/attachmentTickets")[5][1]
    for path in EMPTYING:
        for image, when in played.patches("backingimages", path):
            count = math.floor((given - when) / 0.5)
            moments = [round(when + 0.6 + 0.5 * index, 3) for index in range(count)]
            steps = [next_step(window) for window in played.windows(image, moments, 3.0)]
            writes = {step.action for step in steps} - {Action.WAIT, Action.DONE, Action.ADD_KEYS}
            assert writes == set(), (image, writes)


@pytest.mark.parametrize("version", ["v1.6.4", "v1.12.1"])
def test_an_unknown_copy_needs_the_operators_word(version: str) -> None:
    played = Played(f"{version}/w5-recover-with-unknown")
    ((image, when),) = [
        entry for path in EMPTYING for entry in played.patches("backingimages", path)
    ][:1]
    (window,) = played.windows(image, [when - 0.001])
    assert gate.decide(window).decision is gate.Decision.REFUSE
    assert next_step(window).action is Action.WAIT
    assert gate.decide(window, accept_unknown_loss=True).decision is gate.Decision.RECOVER
    assert next_step(window, accept_unknown_loss=True).action is Action.EMPTY_MAP
