# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules, the role and the playbook as a user runs them, by their full names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.integration.recovery.scene import Scene
from tests.material import CHECKOUT

Make = Callable[..., Scene]
READ = """
- hosts: localhost
  gather_facts: false
  module_defaults:
    group/nodecare.longhorn.longhorn:
      kubeconfig: "{{ config }}"
  tasks:
    - nodecare.longhorn.backing_image_info:
        query: "{{ query }}"
        window: 0.5
      register: found
    - ansible.builtin.copy:
        content: "{{ found | to_json }}"
        dest: "{{ into }}"
        mode: "0600"
"""


def play(
    scene: Scene, *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """One ansible-playbook against the scene."""
    server = scene.server or scene.serve()
    tree = str(CHECKOUT / ".build/collections")
    return subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), *arguments],
        env={
            **os.environ,
            "PYTHONPATH": tree,
            "ANSIBLE_COLLECTIONS_PATH": tree,
            "ANSIBLE_LOCALHOST_WARNING": "False",
            "ANSIBLE_HOME": str(server.state_dir / "ansible"),
            "KUBECONFIG": str(server.kubeconfig),
            "LONGHORN_SOURCE_PROXY": scene.cluster.source_proxy,
            **(environment or {}),
        },
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def read(scene: Scene, folder: Path, query: str) -> tuple[int, str, dict[str, Any]]:
    """Run backing_image_info with a query and the connection from module_defaults."""
    book, into = folder / "read.yml", folder / "found.json"
    book.write_text(READ)
    server = scene.server or scene.serve()
    variables = {"config": str(server.kubeconfig), "query": query, "into": str(into)}
    done = play(scene, str(book), "-e", json.dumps(variables), environment={"KUBECONFIG": ""})
    found = json.loads(into.read_text()) if into.exists() else {}
    return done.returncode, done.stdout + done.stderr, found


def test_the_playbook_recovers_reports_and_does_nothing_twice(make: Make) -> None:
    scene = make("1.12")
    scene.cluster.create_image("debian-13", copies=2)
    scene.volume("vol", "debian-13")
    scene.lose("debian-13")
    name = "nodecare.longhorn.recover_backing_image"
    options = ("-e", "image=debian-13", "-e", "window=1")
    planned = play(scene, name, *options, "--check", "--diff")
    assert planned.returncode == 0, planned.stdout
    assert "+image debian-13   placement map emptied" in planned.stdout
    assert scene.writes() == []
    done = play(scene, name, *options)
    assert done.returncode == 0, done.stdout
    assert "images: 1 recovered" in done.stdout
    assert "  [localhost]  0:0" in done.stderr
    assert scene.ready("debian-13") >= 2
    again = play(scene, name, *options)
    assert "changed=0" in again.stdout


def test_a_refusal_is_a_failed_play_with_its_sentence(make: Make) -> None:
    scene = make("1.6")
    scene.cluster.create_image("appliance-7", source_type="upload")
    scene.lose("appliance-7")
    done = play(
        scene,
        "nodecare.longhorn.recover_backing_image",
        "-e",
        "image=appliance-7",
        "-e",
        "window=1",
    )
    assert done.returncode == 2
    assert "appliance-7 was not touched. It was uploaded" in done.stdout + done.stderr
    assert scene.writes() == []


def test_info_with_a_query_and_the_action_group(make: Make, tmp_path: Path) -> None:
    scene = make("1.12")
    scene.cluster.create_image("one", copies=1)
    scene.cluster.create_image("two", copies=2)
    query = "images[?proven_copies==`2`].{name: name, verdict: verdict.name}"
    code, text, found = read(scene, tmp_path, query)
    assert code == 0, text
    assert found["result"] == [{"name": "two", "verdict": "healthy"}]
    assert found["counts"] == {"healthy": 2}
    assert found["longhorn_version"] == "1.12.1"


def test_a_wrong_query_is_told_in_a_sentence(make: Make, tmp_path: Path) -> None:
    code, text, _found = read(make("1.12"), tmp_path, "images[?")
    assert code == 2
    assert "query is not a valid JMESPath expression" in text


def test_without_an_image_the_playbook_says_how_to_name_one(make: Make) -> None:
    done = play(make("1.12"), "nodecare.longhorn.recover_backing_image")
    assert done.returncode == 2
    assert "-e image=all" in done.stdout + done.stderr
