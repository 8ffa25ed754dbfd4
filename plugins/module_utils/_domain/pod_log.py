# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of a short pod: a JSON object on each line that is meant for us, read strictly."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SHA512 = re.compile(r"[0-9a-f]{128}|")
TOOL = re.compile(r"[a-z0-9]{1,20}")


@dataclass(frozen=True)
class Told:
    """What every log says beside its answers: *missing* is a tool that the image does not have."""

    missing: str = ""
    begun: bool = False
    ended: bool = False


def objects(text: str) -> Iterator[dict[str, Any]]:
    """The objects of a log, in its order; what is none (a line cut off, foreign words) is passed
    over.
    """
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def whole(value: Any) -> bool:
    """Whether a value is a whole number that is not negative; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
