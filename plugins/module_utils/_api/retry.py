# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which failures are worth another try, and how long to wait before it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.errors import (
    ApiError,
    ServerError,
    TooManyRequests,
    Unreachable,
)

T = TypeVar("T")

FIRST_DELAY_SECONDS = 0.2
DELAY_SECONDS_MAX = 10.0


def worth_retrying(error: ApiError) -> bool:
    """Overload, a failing server and a lost connection pass; every other answer is an answer.

    501 is final: it says that the server will never know the request.
    """
    if isinstance(error, ServerError):
        return error.status != 501
    return isinstance(error, (TooManyRequests, Unreachable))


def delay_seconds(attempt: int, error: ApiError, jitter: float) -> float:
    """Seconds before the next try: doubling, with *jitter* in [0, 1), or what the server asked.

    The server's wish is capped too: it is obeyed inside our deadline, never instead of it.
    """
    grown = min(DELAY_SECONDS_MAX, FIRST_DELAY_SECONDS * 2.0 ** min(attempt, 16))
    wished = min(error.retry_after_seconds or 0.0, DELAY_SECONDS_MAX)
    return max(grown * (0.5 + jitter / 2.0), wished)


def call(
    attempt_once: Callable[[], T],
    deadline: Deadline,
    *,
    sleep: Callable[[float], None] = time.sleep,
    retries_max: int | None = None,
) -> T:
    """Run *attempt_once* until it succeeds, fails for good, or no time is left.

    Raises the last error, so the caller sees what the server said and not a bare time-out.
    """
    attempt = 0
    while True:
        try:
            return attempt_once()
        except ApiError as error:
            if not worth_retrying(error):
                raise
            pause = delay_seconds(attempt, error, random.random())
            spent = retries_max is not None and attempt >= retries_max
            if spent or deadline.remaining() <= pause:
                raise
        sleep(pause)
        attempt += 1
