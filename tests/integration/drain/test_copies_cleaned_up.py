# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our extra copy lets Longhorn's clean-up take another one that nothing has used for an hour."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    release_and_relocate,
    release_node,
    relocate_images,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Stopped
from tests.integration.drain.trap_scene import IMAGES, Trap, trap
from tests.simulator.objects import Object
from tests.stepped.transport import Hook, Write

UNUSED = 3700.0
BEAT = 40.0  # longer than the 30 s from one pass over a node to the next


def unused_image(scene: Trap) -> str:
    """Three copies, as many as it asks for; those off node-5 unused for more than the interval.
    Returns node-5's disk.
    """
    scene.cluster.create_image("base", on=[scene.disk("node-1"), scene.disk("node-2")])
    scene.kernel.run_for(UNUSED)
    disk = scene.disk("node-5")

    def third(obj: Object) -> None:
        obj["spec"]["minNumberOfCopies"] = 3
        obj["spec"]["diskFileSpecMap"][disk] = scene.cluster.profile.new_entry()

    scene.edit(IMAGES, "base", third)
    assert scene.until(lambda: scene.ready("base") == 3)
    return disk


def at_the_cordon(scene: Trap) -> list[str]:
    """A pass over every node right after our cordon, when the copies are made."""
    passes: list[str] = []

    def look(write: Write, when: str) -> None:
        if when == "after" and write.path.startswith("/api/v1/nodes/node-5") and not passes:
            passes.append(str(write))
            scene.kernel.run_for(BEAT)

    scene.session.wire.at_write = look
    return passes


def test_a_copy_that_the_clean_up_takes_is_made_again(tmp_path: Path) -> None:
    with trap("1.12.1", tmp_path, nodes=5) as scene:
        disk = unused_image(scene)
        passes = at_the_cordon(scene)
        result = scene.drain("node-5")
        assert passes, "the clean-up had its time"
        assert result["proof"]["safe_to"]["remove"]
        assert scene.ready("base") >= 3 and disk not in scene.keys("base")
        assert result["release"]["copies_made"], "and it is told"


def test_without_a_round_left_it_says_why_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_and_relocate, "ROUNDS", 0)
    with trap("1.12.1", tmp_path, nodes=5) as scene:
        disk = unused_image(scene)
        at_the_cordon(scene)
        with pytest.raises(Stopped, match="only 2 of 3 proven .*backing-image-cleanup") as stopped:
            scene.drain("node-5")
        assert "Run the same command again" in str(stopped.value)
        assert disk in scene.keys("base")
        assert scene.drain("node-5")["proof"]["safe_to"]["remove"], "and that is true"
        assert disk not in scene.keys("base") and scene.ready("base") >= 3


def test_copies_that_always_go_are_not_made_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time the copy is made, another one has gone before the release looks."""
    rounds: list[str] = []

    def run(self: relocate_images.Relocation) -> relocate_images.Outcome:
        rounds.append("again")
        return self.outcome

    with trap("1.12.1", tmp_path, nodes=5) as scene:
        disk = unused_image(scene)
        at_the_cordon(scene)

        def stub(write: Write, when: str, look: Hook = scene.session.wire.at_write) -> None:
            look(write, when)
            if write.path.startswith("/api/v1/nodes/node-5"):
                monkeypatch.setattr(relocate_images.Relocation, "run", run)

        scene.session.wire.at_write = stub
        with pytest.raises(release_node.ShortOfCopies, match="1 copy must stay on node-5"):
            scene.drain("node-5")
        assert len(rounds) == release_and_relocate.ROUNDS and disk in scene.keys("base")
