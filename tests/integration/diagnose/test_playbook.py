# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook as a person runs it: worst first, exit status by the worst, nothing written."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.integration.recovery.scene import Scene
from tests.integration.recovery.test_playbook import play
from tests.material import CHECKOUT

NAME = "nodecare.longhorn.diagnose"
QUICK = ("-e", "window=1")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One healthy image, one lost under a volume, one whose only copy is on a node that is off.

    On one version: what differs between them is shown by the recordings, without Ansible.
    """
    made = Scene("1.12", tmp_path_factory.mktemp("cluster"))
    cluster = made.cluster
    third = cluster.disk_uuids("node-3")
    cluster.create_image("whole", copies=1, on=cluster.disk_uuids("node-1"))
    cluster.create_image("away", on=third)
    cluster.create_image("ubuntu-22.04", source_type="upload", copies=1)
    made.volume("db", "ubuntu-22.04", replicas=1, attached=False)
    made.lose("ubuntu-22.04")
    cluster.power_off("node-3")
    cluster.kernel.run_for(120)
    yield made
    made.close()


def shown(text: str) -> list[str]:
    """The lines of the diagnosis, without the host's name."""
    begin = "  [localhost] "
    return [line.removeprefix(begin) for line in text.splitlines() if line.startswith(begin)]


def test_worst_first_in_plain_lines_and_a_failed_play(scene: Scene) -> None:
    done = play(scene, NAME, *QUICK)
    assert done.returncode == 2, done.stdout + done.stderr
    lines = shown(done.stdout)
    assert lines[0] == "images 3: 1 healthy, 1 unknown, 1 lost"
    words = [line.split()[:2] for line in lines[1:] if not line.startswith(" ")]
    assert words == [["LOST", "ubuntu-22.04"], ["UNKNOWN", "away"]]
    assert "made from it: 1 volume (db)" in done.stdout
    assert "1 image at level lost or worse: ubuntu-22.04 (lost)" in done.stdout + done.stderr
    assert scene.writes() == []


def test_by_path_with_other_limits(scene: Scene) -> None:
    book = str(CHECKOUT / "playbooks" / "diagnose.yml")
    never = play(scene, book, *QUICK, "-e", "fail_on=never")
    assert never.returncode == 0, never.stdout + never.stderr
    whole = play(scene, book, *QUICK, "-e", "image=whole", "-e", "fail_on=degraded")
    assert whole.returncode == 0, whole.stdout + whole.stderr
    assert shown(whole.stdout) == ["images 1: 1 healthy"]
    away = play(scene, book, *QUICK, "-e", "image=away,whole", "-e", "fail_on=unknown")
    assert away.returncode == 2
    assert scene.writes() == []


def test_one_json_document(scene: Scene) -> None:
    done = play(scene, NAME, *QUICK, "-e", "format=json", "-e", "fail_on=never")
    lines = done.stdout.splitlines()
    document = json.loads("\n".join(lines[lines.index("{") : lines.index("}") + 1]))
    assert document["worst"] == "lost"
    assert [image["name"] for image in document["images"]] == ["ubuntu-22.04", "away", "whole"]
    assert document["images"][0]["consumers"]["volumes"] == ["db"]
    assert scene.writes() == []


def test_a_name_that_no_image_has(scene: Scene) -> None:
    done = play(scene, NAME, "-e", "image=ubuntu")
    assert done.returncode == 2
    assert "There is no image ubuntu. Did you mean ubuntu-22.04?" in done.stdout + done.stderr
