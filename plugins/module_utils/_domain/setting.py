# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of Longhorn's settings; from 1.10 some are a JSON object with one value per engine."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

_NUMBER = re.compile("-?[0-9]+")


def text(settings: Mapping[str, str], name: str, default: str, engine: str = "v1") -> str:
    """The value for that data engine, or the default where it is unset or empty."""
    value = settings.get(name, "")
    if value.startswith("{"):
        try:
            parsed = json.loads(value)
        except ValueError:
            return default
        value = str(parsed.get(engine, "")) if isinstance(parsed, dict) else ""
    return value or default


def number(settings: Mapping[str, str], name: str, default: int) -> int:
    """A whole number; the default where the value is none."""
    value = text(settings, name, str(default))
    return int(value) if _NUMBER.fullmatch(value) else default


def flag(settings: Mapping[str, str], name: str, default: bool) -> bool:
    """A switch."""
    return text(settings, name, "true" if default else "false").lower() == "true"
