# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A return that is killed again and again, on both generations, ends as one that was not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import Kind
from tests.integration.drain.scene import drain, served
from tests.integration.drain.test_drain import Killed
from tests.integration.restore.scene import furnish, power_cycle, restore, robustness, state


def one_write() -> Callable[[Client], None]:
    """Kill the run when it wants to send its second write; the lock's own are not counted."""
    sent = [0]

    def prepare(client: Client) -> None:
        send = client._write

        def write(method: str, kind: Kind, *args: Any, **kwargs: Any) -> Any:
            if kind is not kinds.LEASES:
                if sent[0]:
                    raise Killed
                sent[0] += 1
            return send(method, kind, *args, **kwargs)

        vars(client)["_write"] = write

    return prepare


@pytest.mark.parametrize("version", ["1.6.4", "1.12.1"])
def test_killed_at_every_write_it_is_finished_by_the_next(version: str, tmp_path: Path) -> None:
    """Each run sends one write and is killed at the next, until there is none left."""
    with served(version, tmp_path, furnish) as scene:
        before = state(scene)
        drain(scene, "node-3", "reboot")
        power_cycle(scene, "node-3")
        runs = 0
        while True:
            runs += 1
            assert runs < 60
            try:
                results = restore(scene, "node-3", prepare=one_write())
            except Killed:
                continue
            break
        # Uncordon; number, delete and note of two volumes; three images; two notes of the node.
        assert runs > 8
        assert results["finish"]["complete"]
        after = state(scene)
        for what, value in before.items():
            assert after[what] == value, what
        assert robustness(scene, "sole") == robustness(scene, "pair") == "healthy"
