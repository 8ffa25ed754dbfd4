# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tasks of the roles must not do on any of the versions of Ansible they run with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.material import CHECKOUT

TASKS = sorted((CHECKOUT / "roles").glob("*/tasks/*.yml"))


def blocks(tasks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every block in these tasks, those inside of others included."""
    for task in tasks:
        if "block" in task:
            yield task
            for part in ("block", "rescue", "always"):
                yield from blocks(task.get(part, []))


@pytest.mark.parametrize("path", TASKS, ids=lambda path: f"{path.parts[-3]}/{path.name}")
def test_defaults_of_a_block_do_not_need_what_the_block_registers(path: Path) -> None:
    """ansible-core 2.16 evaluates all module_defaults before each task, also those of others."""
    for block in blocks(yaml.safe_load(path.read_text())):
        made = {task["register"] for task in block["block"] if "register" in task}
        for defaults in block.get("module_defaults", {}).values():
            for value in map(str, defaults.values()):
                needed = made & set(re.findall(r"\w+", value))
                assert not needed or "default(" in value, f"{needed} in {value}"
