# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on demand, as an overlay around the honest server: take them away and the truth is still
there.

Each rule names which requests it means and from which one on; counters tell what was really
injected, so that a test can demand that its fault happened.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from tests.simulator.errors import ApiError, conflict, internal
from tests.simulator.objects import Object
from tests.simulator.rbac import Access
from tests.simulator.resources import Resource

ACTIONS = ("refuse", "delay", "error", "cut", "kill")
WRITES = ("create", "update", "patch", "delete", "deletecollection")


@dataclass
class Fault:
    """One rule. Empty fields match everything; ``verb`` may be ``write`` for all writing verbs.

    ``action``: ``refuse`` closes the connection unread, ``delay`` waits ``seconds`` first,
    ``error`` answers ``status`` (409, 429, 500, 503) without doing anything, ``cut`` does what was
    asked and breaks off in the middle of the answer (a watch: after ``seconds``), ``kill`` does it,
    sends ``signal`` to the process ``pid``, and does not answer.

    The rule holds for the ``nth`` matching request (1 is the first) and ``times`` - 1 after it; 0
    times: for ever.
    """

    action: str
    verb: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str | None = None
    agent: str = ""
    nth: int = 1
    times: int = 1
    status: int = 503
    seconds: float = 0.0
    retry_after: int = 1
    pid: int = 0
    signal: int = int(signal.SIGKILL)
    seen: int = field(default=0)
    injected: int = field(default=0)

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"action must be one of {', '.join(ACTIONS)}, not {self.action!r}")
        if self.nth < 1 or self.times < 0:
            raise ValueError("nth counts from 1, times from 0 (for ever)")
        if self.action == "kill" and self.pid <= 1:
            raise ValueError("kill needs the pid of the client's process")

    def matches(self, access: Access, resource: Resource | None, agent: str) -> bool:
        """Tell whether a request is one of those that the rule counts."""
        verbs = WRITES if self.verb == "write" else (self.verb,)
        key = resource.key if resource is not None else access.path
        return (
            (not self.verb or access.verb in verbs)
            and (not self.resource or self.resource == key)
            and (not self.namespace or self.namespace == access.namespace)
            and (not self.name or self.name == access.name)
            and (self.subresource is None or self.subresource == access.subresource)
            and self.agent in agent
        )

    def take(self) -> bool:
        """Count one matching request and tell whether it is hit."""
        self.seen += 1
        hit = self.seen >= self.nth and (not self.times or self.seen < self.nth + self.times)
        self.injected += hit
        return hit

    def error(self, resource: Resource | None, name: str) -> ApiError:
        """Return the refusal of an ``error`` rule."""
        if self.status == 409 and resource is not None:
            return conflict(resource, name)
        if self.status == 429:
            text = "the server has received too many requests and has asked us to try again later"
            details: dict[str, Any] = {"retryAfterSeconds": self.retry_after}
            return ApiError(429, "TooManyRequests", text, details)
        if self.status == 500:
            return internal("etcdserver: request timed out")
        reasons = {503: "ServiceUnavailable", 504: "Timeout", 403: "Forbidden"}
        text = "the server is currently unable to handle the request"
        return ApiError(self.status, reasons.get(self.status, "Unknown"), text, {})


class Faults:
    """The rules of one server, and what came of them."""

    def __init__(self) -> None:
        self.rules: list[Fault] = []
        self.counters: Counter[str] = Counter()

    def add(self, fault: Fault | None = None, **options: Any) -> Fault:
        """Add a rule, given whole or by its fields, and return it. Raises ValueError or
        TypeError.
        """
        rule = fault if fault is not None else Fault(**options)
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """Take all rules away; the counters stay."""
        self.rules.clear()

    def stop_client_after_write(self, pid: int, n: int = 1, resource: str = "") -> Fault:
        """Kill the process ``pid`` when its ``n``-th write is stored, before it gets the answer."""
        return self.add(action="kill", verb="write", resource=resource, nth=n, pid=pid)

    def hit_by(self, access: Access, resource: Resource | None, agent: str) -> list[Fault]:
        """Count a request and return the rules that hit it."""
        hits = [r for r in self.rules if r.matches(access, resource, agent) and r.take()]
        for rule in hits:
            self.counters[rule.action] += 1
        return hits

    def describe(self) -> Object:
        """Return rules and counters as data."""
        return {"rules": [asdict(rule) for rule in self.rules], "counters": dict(self.counters)}

    @staticmethod
    def from_data(data: Mapping[str, Any]) -> Fault:
        """Return a rule from JSON data. Raises ValueError naming what is wrong."""
        known = {f.name for f in fields(Fault)} - {"seen", "injected"}
        unknown = sorted(set(data) - known)
        if unknown or "action" not in data:
            raise ValueError(f"a fault has an action and {sorted(known)}; not known: {unknown}")
        return Fault(**data)


def send_signal(rule: Fault) -> None:
    """End the client's process as the rule says; one that is gone already is no error."""
    try:
        os.kill(rule.pid, rule.signal)
    except ProcessLookupError:
        rule.injected -= 1
