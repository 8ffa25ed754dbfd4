# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes that are closed when their test ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.recovery.scene import Scene

GENERATIONS = ["1.6", "1.7", "1.12"]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    """Makes scenes: ``make("1.12", disks=2)``."""
    made: list[Scene] = []

    def one(longhorn: str = "1.12", **options: Any) -> Scene:
        scene = Scene(longhorn, tmp_path / str(len(made)), **options)
        made.append(scene)
        return scene

    yield one
    for scene in made:
        scene.close()
