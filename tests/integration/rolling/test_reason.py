# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stop says of the task that failed, whatever that task was; no cluster is needed."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from tests.integration.command import run
from tests.material import CHECKOUT

FAILING = (
    ("Plain", {"ansible.builtin.fail": {"msg": "no power"}}, "Plain: no power"),
    (
        "Looped",
        {"ansible.builtin.fail": {"msg": "no {{ item }}"}, "loop": ["fan", "disk"]},
        "Looped: no fan",
    ),
    (
        "Secret",
        {"ansible.builtin.fail": {"msg": "hunter2 is wrong"}, "no_log": True},
        "Secret: it failed (no_log hides why)",
    ),
    (
        "Secret loop",
        {"ansible.builtin.fail": {"msg": "{{ item }}"}, "loop": ["hunter2"], "no_log": True},
        "Secret loop: it failed (no_log hides why)",
    ),
    ("Silent", {"ansible.builtin.command": "false"}, "Silent: non-zero return code"),
)


def test_the_reason_names_the_task_and_hides_what_no_log_hides(tmp_path: Path) -> None:
    blocks = [
        {
            "block": [{"name": name, **task}],
            "rescue": [
                {
                    "name": "Keep it",
                    "ansible.builtin.set_fact": {
                        "said": "{{ said | default([]) + [_rolling_maintenance_reason] }}"
                    },
                }
            ],
        }
        for name, task, _reason in FAILING
    ]
    keep = {"ansible.builtin.copy": {"content": "{{ said | to_json }}", "dest": "said.json"}}
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars_files": [str(CHECKOUT / "roles/rolling_maintenance/vars/main.yml")],
        "tasks": [*blocks, {"name": "Write", **keep}],
    }
    book = tmp_path / "play.yml"
    book.write_text(yaml.safe_dump([play]))
    done = run("ansible-playbook", str(book), tree=tmp_path, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads((tmp_path / "said.json").read_text())
    assert said == [reason for _name, _task, reason in FAILING]
