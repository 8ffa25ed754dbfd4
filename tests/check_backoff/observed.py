# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recording shows of attempts: its objects, and the logs of its managers."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff import (
    log_line,
    objects,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.observation import (
    Observation,
)

OF_FILE: dict[str, Callable[[dict[str, Any]], list[Observation]]] = {
    "pods": objects.of_pod,
    "backingimagedatasources": objects.of_source,
    "backingimages": objects.of_image,
}
IMAGES = "backingimages"
LOG = "log-longhorn-manager.txt"


def observations(
    folder: Path, *, kinds: Collection[str] = tuple(OF_FILE), logs: bool = True
) -> list[Observation]:
    """Everything that is seen in the objects of these *kinds*, and in the *logs*."""
    found: list[Observation] = []
    for kind in kinds:
        for event in _events(folder / f"{kind}.jsonl"):
            if event["type"] != "DELETED":
                found += OF_FILE[kind](event["object"])
    if logs:
        found += _logged(folder / LOG)
    return found


def images(folder: Path) -> list[str]:
    """The images of the recording, by name. Raises OSError where it has no file of them."""
    path = folder / f"{IMAGES}.jsonl"
    with path.open(encoding="utf-8"):
        return sorted({event["object"]["metadata"]["name"] for event in _events(path)})


def _events(path: Path) -> Iterator[dict[str, Any]]:
    if path.is_file():
        yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())


def _logged(path: Path) -> Iterator[Observation]:
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        manager, _bar, text = line.partition(" | ")
        seen = log_line.observe(text, manager)
        if seen is not None:
            yield seen
