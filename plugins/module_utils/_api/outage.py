# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client remembers of outages of its API server, so that a restart is not taken for a no."""

from __future__ import annotations

import time
from collections.abc import Callable

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors

# How long after an outage a server may still not know the accounts.
SETTLING_SECONDS = 15.0
# Answered by a server that is starting, and by a proxy in front of one that is away. A 500 may be a
# webhook's, or a node's whose log is asked for: no outage.
AWAY = frozenset({502, 503, 504})


class Outage:
    """Fed with what becomes of each request of one client; safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._accepted = False
        self._lost_at = float("-inf")

    def accepted(self) -> None:
        """A request was allowed: the account is known."""
        self._accepted = True

    def lost(self) -> None:
        """Nobody answered, or nobody who could."""
        self._lost_at = self._clock()

    def judged(self, error: errors.ApiError) -> errors.ApiError:
        """The error, or Settling where it only says that the server has just been started.

        A kube-apiserver answers before it has read its roles and service accounts: for some seconds
        it forbids what it allowed before (seen on 1.34: 403 in the second after the start).
        """
        if error.status in AWAY:
            self.lost()
        refused = isinstance(error, (errors.Forbidden, errors.Unauthorized))
        settling = self._clock() - self._lost_at <= SETTLING_SECONDS
        if not (refused and self._accepted and settling):
            return error
        return errors.Settling(
            error.message, status=error.status, reason=error.reason, request=error.request
        )
