# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When Longhorn tries a failed first file again, by the rule and what one look tells."""

from __future__ import annotations

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff import moment
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.rule import (
    LATE_SECONDS,
    LONGEST_SECONDS,
    STEPS,
    length,
)


def next_try(created: str, failed: str) -> tuple[float | None, float] | None:
    """(earliest or None, latest) epoch seconds of the next try; None where *failed* is no time.

    The data source that was made at *created* begins its first try at once; the try that read
    failed at *failed* began before it. A window is measured from the beginning of a try (1, 2, 4,
    then 5 min) and looked at every 30 s, so from the fifth try on only the latest moment is known.
    """
    try:
        end = moment.seconds(failed)
    except ValueError:
        return None
    last = (None, end + LONGEST_SECONDS + LATE_SECONDS)
    try:
        earliest = latest = moment.seconds(created)
    except ValueError:
        return last
    if end < earliest:
        return last
    for step in range(STEPS):
        window = length(step)
        after = earliest + window
        if end < after:
            # The try that failed is number step: it began between earliest and latest.
            return max(after, end), min(latest, end) + window + LATE_SECONDS
        earliest, latest = after, latest + window + LATE_SECONDS
    return last


def text(created: str, failed: str) -> str:
    """The same for a person; "" where nothing is known."""
    found = next_try(created, failed)
    if found is None:
        return ""
    earliest, latest = found
    end = _clock(latest)
    if earliest is None:
        return f"next at {end} at the latest"
    return f"next between {_clock(earliest)} and {end}"


def _clock(at: float) -> str:
    return moment.spell(at).partition("T")[2]
