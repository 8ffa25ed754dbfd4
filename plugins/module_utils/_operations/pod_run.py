# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One short pod from its creation to its removal: does it start, does it speak, has it ended?

Whoever runs it looks at it in turns of its own and asks here what a look means.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import (
    Client,
    Object,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    Deadline,
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pod_log import (
    Told,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.short_pod import (
    Terms,
    why_hopeless,
    why_waiting,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import short_pods

# A pod whose image is on its node runs after two or three seconds.
START_SECONDS = 15.0
# Its own deadline counts from when it runs, and is told a moment after it.
END_SECONDS = 15.0
# A script says that it has begun at once; a running pod whose log says nothing for so long, or
# cannot be read, is not waited for until its own deadline.
SILENT_SECONDS = 15.0
LOG_SECONDS = 2.0
LOG_TRIES = 3

T = TypeVar("T", bound=Told)


class PodRun(Generic[T]):
    """Use it once. *purpose* becomes a part of its name; *read* takes its log; *seconds*: so long
    it may run. *hint*: what else may keep it from starting.

    over: nothing more comes of it. ended: it came to its end by itself or by its deadline, and raw
    is how it was then. told: its log as far as it was read. why: why it gives no answer; unread:
    why its log could not be read when it was last asked for.
    """

    def __init__(
        self,
        client: Client,
        purpose: str,
        container: str,
        read: Callable[[str], T],
        deadline: Deadline,
        seconds: float,
        hint: str = "",
    ) -> None:
        self._client = client
        self._container = container
        self._read = read
        self._hint = hint
        allowed = min(seconds, deadline.remaining())
        self._limit = deadline.within(allowed + START_SECONDS)
        self._read_at = self._heard_at = self._limit.now()
        self.unread = ""
        self.name = f"nodecare-{purpose}-{uuid.uuid4().hex[:8]}"
        self.told = read("")
        self.raw: Object = {}
        self.over = self.ended = False
        self.why = ""

    @property
    def new(self) -> bool:
        """Whether it is still so young that it is only about to start."""
        return self._limit.elapsed() < START_SECONDS

    @property
    def phase(self) -> str:
        return short_pods.phase_of(self.raw)

    def terms(self, image: str, who: str, pull: str) -> Terms:
        """What the pod is told of its time and its maker."""
        seconds = self._limit.remaining()
        return Terms(image, who, int(seconds), time.time() + seconds, pull)

    def make(self, body: Any) -> Object:
        """Create it. Raises ApiError at the first refusal: whoever lets no pods in is not asked
        until the time is up.
        """
        self._read_at = self._heard_at = self._limit.now()
        return self._client.create(kinds.PODS, body, once=True)

    def follow(self, raw: Object | None) -> None:
        """Take in a look at it; None where it is not there."""
        self.raw = raw or {}
        if raw is None:
            self.end("somebody removed the pod while it was reading")
        elif self.phase in short_pods.ENDED:
            self.ended = True
            self._hear_the_end()
        elif self.phase == "Running":
            self._hear()
        else:
            self._check_start(raw)
        if not self.over and self._limit.elapsed() >= (self._limit.seconds or 0.0) + END_SECONDS:
            self.end(f"the pod had not ended after {spell_seconds(self._limit.elapsed())}")

    def end(self, why: str) -> None:
        """Nothing more comes of it; *why*: "" where it has answered."""
        self.over, self.why = True, why

    def remove(self) -> None:
        """Also one whose creation was not answered. What cannot be removed now ends by itself, and
        the next run removes it.
        """
        with contextlib.suppress(errors.ApiError):
            found = self._client.find(kinds.PODS, self.name)
            if found is not None:
                uid = str(found["metadata"]["uid"])
                short_pods.remove(self._client, self.name, uid, Deadline(0.0), time.sleep)

    def _check_start(self, raw: Object) -> None:
        self._heard_at = self._limit.now()
        reason = why_hopeless(raw)
        if reason:
            self.end(f"the pod does not start ({reason})")
        elif not self.new:
            why = why_waiting(raw)
            self.end(f"no pod started within {spell_seconds(START_SECONDS)} ({why}{self._hint})")

    def _hear(self) -> None:
        now = self._limit.now()
        if now - self._read_at < LOG_SECONDS:
            return
        self._read_at = now
        self._listen()
        if self.told.begun:
            self._heard_at = now
        elif now - self._heard_at >= SILENT_SECONDS:
            self.end(self.unread or "the pod runs, but its log stays empty")

    def _hear_the_end(self) -> None:
        for _turn in range(LOG_TRIES):
            self._listen()
            if self.told.ended or self.told.missing:
                break
            time.sleep(short_pods.TURN_SECONDS)
        if self.told.ended:
            self.end("")
        else:
            reason = (self.raw.get("status") or {}).get("reason") or self.phase
            self.end(self.unread or f"the pod ended before it was done ({reason})")

    def _listen(self) -> None:
        """Take what the log says now; one that cannot be read is remembered as the reason."""
        try:
            text = short_pods.log_of(self._client, self.name, self._container, once=True)
        except errors.ApiError as error:
            self.unread = f"the pod's log cannot be read: {error.message}"
            return
        self.unread = ""
        self.told = self._read(text)
