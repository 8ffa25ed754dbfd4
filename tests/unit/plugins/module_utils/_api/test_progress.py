# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress: when a line is due, what is written, and what a reader that is slow or gone means."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupt
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.progress import (
    Progress,
    clock_text,
)


class HandClock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def fifo(tmp_path: Path) -> tuple[str, int]:
    path = tmp_path / "progress"
    os.mkfifo(path)
    return str(path), os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def lines(reader: int) -> list[str]:
    return os.read(reader, 65536).decode().splitlines()


def test_a_change_at_most_every_5_s_and_a_repeat_every_30_s(fifo: tuple[str, int]) -> None:
    path, reader = fifo
    clock = HandClock()
    with Progress(path, Interrupt(), clock) as progress:
        for second in range(0, 70):
            clock.now = float(second)
            progress.update("a" if second < 8 else "b")
        assert lines(reader) == [" 0:00   a", " 0:08   b", " 0:38   b", " 1:08   b"]


def test_a_milestone_is_shown_at_once_but_not_twice(fifo: tuple[str, int]) -> None:
    path, reader = fifo
    with Progress(path, Interrupt(), HandClock()) as progress:
        progress.update("a")
        progress.update("b", at_once=True)
        progress.update("b", at_once=True)
        assert [line[-1] for line in lines(reader)] == ["a", "b"]


def test_control_characters_and_length(fifo: tuple[str, int]) -> None:
    path, reader = fifo
    with Progress(path, Interrupt(), HandClock()) as progress:
        progress.update("red \x1b[31m\n" + "x" * 1000)
    (line,) = lines(reader)
    assert line.startswith(" 0:00   red ?[31m?xxx")
    assert len(line) == 500


def test_a_slow_reader_costs_lines_and_never_time(fifo: tuple[str, int]) -> None:
    path, reader = fifo
    interrupt = Interrupt()
    clock = HandClock()
    with Progress(path, interrupt, clock) as progress:
        for number in range(1000):
            clock.now += 5.0
            progress.update(f"{number} " + "x" * 300)
    assert not interrupt.requested
    assert 0 < len(lines(reader)) < 1000


def test_a_reader_that_is_gone_asks_the_work_to_stop(fifo: tuple[str, int]) -> None:
    path, reader = fifo
    interrupt = Interrupt()
    clock = HandClock()
    with Progress(path, interrupt, clock) as progress:
        os.close(reader)
        progress.update("a")
        assert interrupt.reason == "Ansible is gone"
        clock.now = 100.0
        progress.update("b")


def test_only_ever_into_a_fifo(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("precious")
    with Progress(str(path), Interrupt()) as progress:
        progress.update("a")
    assert path.read_text() == "precious"
    with Progress(str(tmp_path / "absent"), Interrupt()) as progress:
        progress.update("a")


@pytest.mark.parametrize(("seconds", "text"), [(5, " 0:05"), (760, "12:40"), (3723, "1:02:03")])
def test_elapsed_time(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text
