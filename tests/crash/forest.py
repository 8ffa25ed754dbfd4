# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Branches of one run: at each write the process is forked, and the child dies there.

The child's cluster is the parent's at that moment, bit for bit, and so are the files of its disks;
whatever the child does then, the parent goes on as if nothing had happened.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.stepped.transport import Killed, Wire, Write

MODES = ("before", "after", "lost")
MEANING = {
    "before": "killed as the write was to be sent",
    "after": "killed when it was stored, before the answer came",
    "lost": "the answer was lost; the same run goes on",
}


@dataclass(frozen=True)
class Branch:
    """One child: where it was cut off, and what it says became of it."""

    write: int
    path: str
    mode: str
    outcome: Any


class Forest:
    """Forks at writes. ``chosen`` tells for which write and mode there is to be a branch."""

    def __init__(self, wire: Wire, root: Path, chosen: Callable[[Write, str], bool]) -> None:
        self.branches: list[Branch] = []
        self._wire = wire
        self._root = root
        self._chosen = chosen
        self._pipe: int | None = None
        wire.at_write = self._at

    @property
    def is_child(self) -> bool:
        """Whether this process is one of the branches."""
        return self._pipe is not None

    def _at(self, write: Write, when: str) -> None:
        modes = ("before",) if when == "before" else ("after", "lost")
        for mode in modes:
            if not self._chosen(write, mode):
                continue
            if not self._fork(write, mode):
                continue
            self._wire.at_write = lambda write, when: None
            if mode == "lost":
                raise ConnectionResetError
            raise Killed

    def _fork(self, write: Write, mode: str) -> bool:
        """True in the child; in the parent the outcome is kept."""
        kept = self._root.with_name(f"{self._root.name}.kept")
        subprocess.run(["cp", "-a", str(self._root), str(kept)], check=True)
        reading, writing = os.pipe()
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os.close(reading)
            self._pipe = writing
            return True
        os.close(writing)
        with os.fdopen(reading) as pipe:
            text = pipe.read()
        os.waitpid(child, 0)
        shutil.rmtree(self._root)
        kept.rename(self._root)
        outcome = json.loads(text) if text else {"failed": "the branch died"}
        self.branches.append(Branch(write.number, str(write), mode, outcome))
        return False

    def end(self, outcome: Callable[[], Any]) -> None:
        """In a child: tell the parent what became of it, and end. Does not return there."""
        assert self._pipe is not None
        try:
            told = outcome()
        except BaseException as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            told = {"failed": f"{type(error).__name__}: {error} ({last.filename}:{last.lineno})"}
        with os.fdopen(self._pipe, "w") as pipe:
            json.dump(told, pipe)
        os._exit(0)
