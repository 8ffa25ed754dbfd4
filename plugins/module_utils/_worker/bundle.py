# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of the worker's program, in one piece: it has to run where no collection is.

Made from the modules beside this one, in the order in which they need each other, without the
imports among them.
"""

from __future__ import annotations

import ast
from types import ModuleType
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._worker import (
    arming,
    faults,
    flag,
    marker,
    place,
    program,
    undo,
)

PARTS: tuple[ModuleType, ...] = (place, flag, marker, arming, undo, faults, program)
OURS = "ansible_collections."


def source() -> str:
    """The whole program as text; the same on every call."""
    return "from __future__ import annotations\n" + "".join(_part(module) for module in PARTS)


def _part(module: ModuleType) -> str:
    # A module that runs from Ansible's archive has no file, but its loader has the text.
    loader: Any = module.__loader__
    text: str = loader.get_source(module.__name__)
    lines = text.splitlines(keepends=True)
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom) and _ours(node.module or ""):
            for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[number] = ""
    return "".join(lines)


def _ours(module: str) -> bool:
    return module == "__future__" or module.startswith(OURS)
