# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Live progress with a real ansible-playbook: lines come while the module runs, Ctrl-C stops it.

A small collection with a module that waits is made in a temporary folder; its action plug-in is
ours. Output and error output are pipes, and PYTHONUNBUFFERED is unset: it would hide a fault.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.material import CHECKOUT

ACTION = """
from __future__ import annotations
from ansible_collections.nodecare.longhorn.plugins.plugin_utils.live_progress import (
    LiveProgressAction,
)
class ActionModule(LiveProgressAction):
    pass
"""
MODULE = """
from __future__ import annotations
import os, time
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import (
    Interrupt, Interrupted,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.progress import Progress

def main():
    module = AnsibleModule(
        {"seconds": {"type": "float"}, "marks": {"type": "path"}}, supports_check_mode=True
    )
    def mark(text):
        with open(module.params["marks"], "a") as file:
            file.write(f"{text}\\n")
    interrupt = Interrupt()
    with interrupt.installed(), Progress.from_environment(interrupt) as progress:
        mark(f"pid {os.getpid()}")
        end = time.monotonic() + module.params["seconds"]
        step = 0
        try:
            while time.monotonic() < end and not module.check_mode:
                step += 1
                progress.update(f"step {step}\\x1b[31m", at_once=True)
                interrupt.check(f"At step {step}.")
                time.sleep(0.1)
        except Interrupted as stopped:
            mark(f"stopped {stopped}")
            module.fail_json(msg=str(stopped))
    mark("finished")
    module.exit_json(changed=True, summary=["two images to move", "nothing blocks", "3", "4"])

if __name__ == "__main__":
    main()
"""
PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - probe.live.ticker:
        seconds: {seconds}
        marks: {marks}
      register: ticked
    - ansible.builtin.debug:
        msg: "after {{{{ ticked is changed }}}}"
"""


class Run:
    """One ansible-playbook in a process group of its own, its error lines with their times."""

    def __init__(self, folder: Path, *arguments: str, seconds: float, tasks: str = "") -> None:
        self.marks = folder / "marks"
        playbook = folder / "play.yml"
        text = PLAYBOOK.format(seconds=seconds, marks=self.marks)
        playbook.write_text(text.replace("      register:", f"{tasks}      register:"))
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
        tree = f"{folder / 'collections'}:{CHECKOUT / '.build/collections'}"
        environment |= {
            "ANSIBLE_COLLECTIONS_PATH": tree,
            "PYTHONPATH": str(CHECKOUT / ".build/collections"),
            "ANSIBLE_LOCALHOST_WARNING": "False",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_HOME": str(folder / "home"),
            "ANSIBLE_ASYNC_DIR": str(folder / "async"),
        }
        command = [
            str(Path(sys.executable).with_name("ansible-playbook")),
            *arguments,
            str(playbook),
        ]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env=environment,
            text=True,
            start_new_session=True,
        )
        self.lines: list[tuple[float, str]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append((time.monotonic(), line.rstrip("\n")))

    def progress(self) -> list[tuple[float, str]]:
        return [(at, line) for at, line in self.lines if line.startswith("  [localhost] ")]

    def wait_for_progress(self, count: int = 1, seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while len(self.progress()) < count and time.monotonic() < end:
            time.sleep(0.02)
        assert len(self.progress()) >= count, self.lines

    def marked(self, word: str | tuple[str, ...], seconds: float) -> bool:
        """Whether the module left this mark within that time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.marks.exists() and any(
                line.startswith(word) for line in self.marks.read_text().splitlines()
            ):
                return True
            time.sleep(0.05)
        return False

    def output(self) -> str:
        assert self.process.stdout is not None
        text = self.process.stdout.read()
        self.process.wait(timeout=20)
        self._reader.join(timeout=5)
        return text

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    plugins = tmp_path / "collections/ansible_collections/probe/live/plugins"
    for kind, text in (("action", ACTION), ("modules", MODULE)):
        (plugins / kind).mkdir(parents=True)
        (plugins / kind / "ticker.py").write_text(text)
    yield tmp_path


def test_lines_arrive_while_the_module_runs(folder: Path) -> None:
    run = Run(folder, seconds=2.0)
    try:
        run.wait_for_progress()
        assert run.process.poll() is None
        text = run.output()
    finally:
        run.end()
    shown = run.progress()
    assert "after True" in text
    assert len(shown) > 8
    assert shown[-1][0] - shown[0][0] > 1.0
    assert shown[0][1].endswith("step 1?[31m")
    assert not any("\x1b" in line for _at, line in run.lines)


def test_nothing_is_shown_with_no_log_and_the_task_still_works(folder: Path) -> None:
    run = Run(folder, seconds=0.5, tasks="      no_log: true\n")
    try:
        text = run.output()
    finally:
        run.end()
    assert "after True" in text
    assert run.progress() == []


def test_async_runs_as_it_is(folder: Path) -> None:
    run = Run(folder, seconds=0.5, tasks="      async: 30\n      poll: 1\n")
    try:
        text = run.output()
    finally:
        run.end()
    assert "after True" in text, text
    assert run.progress() == []


def test_check_mode_without_diff_prints_the_summary(folder: Path) -> None:
    run = Run(folder, "--check", seconds=0.5)
    try:
        text = run.output()
    finally:
        run.end()
    assert "  [localhost] two images to move" in text
    assert "  [localhost] 3" in text
    assert "  [localhost] 4" not in text


def test_check_mode_with_diff_leaves_the_summary_to_the_diff(folder: Path) -> None:
    run = Run(folder, "--check", "--diff", seconds=0.5)
    try:
        text = run.output()
    finally:
        run.end()
    assert "two images to move" not in text


@pytest.mark.parametrize("_round", range(3))
def test_ctrl_c_stops_the_module_at_a_safe_point(folder: Path, _round: int) -> None:
    run = Run(folder, seconds=20.0)
    try:
        run.wait_for_progress(3)
        # A terminal sends it to the whole foreground group.
        os.killpg(run.process.pid, signal.SIGINT)
        # On a busy machine the reader of the progress may be gone before the signal is handled.
        right = ("interrupted by Ctrl-C", "Ansible is gone")
        assert run.marked(tuple(f"stopped Stopped: {reason}" for reason in right), 15.0)
        run.process.wait(timeout=10)
        assert run.process.returncode != 0
    finally:
        run.end()


def test_kill_9_of_ansible_stops_the_module(folder: Path) -> None:
    run = Run(folder, seconds=20.0)
    try:
        run.wait_for_progress(3)
        os.kill(run.process.pid, signal.SIGKILL)
        assert run.marked("stopped Stopped: Ansible is gone", 5.0)
    finally:
        run.end()


def test_the_private_folder_of_the_fifo_is_gone_afterwards(folder: Path) -> None:
    run = Run(folder, seconds=0.3)
    try:
        run.output()
    finally:
        run.end()
    left = [path for path in folder.rglob("longhorn-*") if path.is_dir()]
    assert left == []
