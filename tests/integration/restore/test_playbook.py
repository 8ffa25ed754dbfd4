# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks as a person runs them: plan, return, cancel, and bad input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from tests.integration.command import run
from tests.integration.drain.scene import Scene, drain, served
from tests.integration.restore.scene import furnish, power_cycle, state
from tests.material import CHECKOUT

TREE = CHECKOUT / ".build" / "collections"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    # Slow enough that Longhorn does not clean unused copies up (60 min) while Ansible works.
    with served("1.12.1", tmp_path_factory.mktemp("cluster"), furnish, scale=15.0) as made:
        yield made


def play(scene: Scene, book: str, *values: str, options: Sequence[str] = ()) -> tuple[int, str]:
    """Exit code and everything that was printed."""
    extra = [word for value in values for word in ("-e", value)]
    done = run(
        "ansible-playbook",
        f"nodecare.longhorn.{book}",
        *extra,
        *options,
        tree=TREE,
        cwd=scene.cluster.workers.root,
        kubeconfig=scene.server.kubeconfig,
    )
    return done.returncode, done.stdout + done.stderr


def test_plan_return_and_a_second_run(scene: Scene) -> None:
    before = state(scene)
    drain(scene, "node-3", "reboot")
    power_cycle(scene, "node-3")
    writes = scene.writes()
    code, shown = play(scene, "restore_node", "node=node-3", options=("--check", "--diff"))
    assert code == 0, shown
    assert scene.writes() == writes
    for line in (
        "-node node-3   cordoned: true",
        "+node node-3   cordoned: false",
        "-volume sole   wants 2   has 2",
        "+volume sole   wants 1   has 1",
    ):
        assert line in shown, shown

    code, shown = play(scene, "restore_node", "node=node-3")
    assert code == 0, shown
    assert "node-3 is given back (" in shown
    assert "2 numbers of replicas set back, 2 extra replicas deleted" in shown
    after = state(scene)
    for what, value in before.items():
        assert after[what] == value, what
    assert scene.all("leases.coordination.k8s.io") == []

    writes = scene.writes()
    code, shown = play(scene, "restore_node", "node=node-3")
    assert code == 0 and "changed=0" in shown, shown
    assert "no maintenance is noted on node-3: there is nothing to give back" in shown
    assert scene.writes() == writes


def test_cancel_undoes_a_drain(scene: Scene) -> None:
    before = state(scene)
    drain(scene, "node-3", "reboot")
    code, shown = play(scene, "drain_node", "node=node-3", "cancel=true")
    assert code == 0, shown
    assert "the drain of node-3 is undone (" in shown
    after = state(scene)
    for what, value in before.items():
        assert after[what] == value, what

    # The older name, of which Ansible warns.
    code, shown = play(scene, "drain_node", "node=node-3", "action=cancel")
    assert code == 0 and "there is nothing to give back" in shown, shown


@pytest.mark.parametrize(
    ("book", "arguments", "said"),
    [
        ("restore_node", ["node=node-9"], "There is no node node-9 in this cluster"),
        ("restore_node", [], "Name the node: -e node=NAME"),
        ("drain_node", ["node=node-3", "action=cancle"], "action=cancle is not known"),
        ("drain_node", ["node=node-3", "cancel=ture"], "cancel=ture is neither true nor false"),
    ],
)
def test_bad_input_changes_nothing(
    scene: Scene, book: str, arguments: list[str], said: str
) -> None:
    writes = scene.writes()
    code, shown = play(scene, book, *arguments)
    assert code != 0
    assert said in " ".join(shown.split()), shown
    assert scene.writes() == writes
