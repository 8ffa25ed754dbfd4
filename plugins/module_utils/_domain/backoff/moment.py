# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Points in time as the API and the logs write them, as seconds that can be subtracted."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

_FORM = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?\s*(?:([Zz])|([+-])(\d\d):?(\d\d))$"
)


def seconds(text: str) -> float:
    """Epoch seconds of an RFC 3339 time in any zone, with any number of digits after the second.

    Raises ValueError for anything else, also for a time that names no zone: it could mean any hour.
    """
    match = _FORM.match(text.strip())
    if not match:
        raise ValueError(f"not a time with a zone (as 2026-11-20T20:45:44Z): {text!r}")
    date, clock, digits, _utc, sign, hours, minutes = match.groups()
    ahead = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    zone = timezone(-ahead if sign == "-" else ahead)
    whole = datetime.fromisoformat(f"{date}T{clock}").replace(tzinfo=zone).timestamp()
    return whole + (float(f"0.{digits}") if digits else 0.0)


def spell(at: float) -> str:
    """RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
