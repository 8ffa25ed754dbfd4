# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replays the cases of a file, in order, against a fresh server, and notes where the answers
differ.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.simulator.conformance.client import Client, Reply
from tests.simulator.conformance.compare import (
    Difference,
    blur_generated_name,
    compare,
    normalise,
    substitute,
)
from tests.simulator.objects import lookup

_ACCOUNT = re.compile(r"<token of service account ([^/,]+)/([^,>]+)[^>]*>")
# The controllers of a real cluster act within milliseconds of a write.
_SETTLE = 0.004
_QUIET = 0.3


@dataclass
class Outcome:
    """What became of one case; ``counted`` is False where only its effect matters."""

    name: str
    counted: bool
    differences: list[Difference] = field(default_factory=list)


class Examination:
    """One run over a file."""

    def __init__(self, client: Client, account_tokens: dict[str, str]) -> None:
        self._client = client
        self._tokens = account_tokens
        self._saved: dict[str, str] = {}

    def run(self, cases: list[dict[str, Any]]) -> Iterator[Outcome]:
        """Yield the outcome of each case."""
        for case in cases:
            time.sleep(_SETTLE)
            yield self._watch(case) if "watch" in case else self._request(case)

    def _prepared(self, request: dict[str, Any]) -> dict[str, Any]:
        ready: dict[str, Any] = substitute(request, self._saved)
        headers = dict(ready.get("headers") or {})
        match = _ACCOUNT.search(headers.get("Authorization", ""))
        if match:
            headers["Authorization"] = f"Bearer {self._tokens[f'{match[1]}/{match[2]}']}"
        return {**ready, "headers": headers}

    def _request(self, case: dict[str, Any]) -> Outcome:
        request = self._prepared(case["request"])
        reply = self._client.send(request)
        for name, path in (case.get("save") or {}).items():
            self._saved[name] = str(lookup(reply.body, path) or "")
        expected = case.get("response")
        outcome = Outcome(case["name"], expected is not None)
        if expected is not None:
            outcome.differences += self._differences(expected, reply, request)
        return outcome

    def _differences(
        self, expected: dict[str, Any], reply: Reply, request: dict[str, Any]
    ) -> Iterator[Difference]:
        wanted = substitute(expected, self._saved)
        yield from compare(wanted["status"], reply.status, "status")
        yield from compare(wanted.get("headers") or {}, reply.headers, "headers")
        body = blur_generated_name(normalise(wanted.get("body")), request)
        yield from compare(body, blur_generated_name(normalise(reply.body), request))

    def _watch(self, case: dict[str, Any]) -> Outcome:
        watch = case["watch"]
        self._need_list_version(watch["path"])
        expected = case.get("response")
        outcome = Outcome(case["name"], expected is not None)
        watcher = self._client.watch(self._prepared(watch))
        for step in watch.get("while") or []:
            request = self._prepared(step["request"])
            reply = self._client.send(request)
            if step.get("response") is not None:
                found = self._differences(step["response"], reply, request)
                outcome.differences += [
                    Difference(f"{step['name']}: {d.path}", d.expected, d.got) for d in found
                ]
        count = len(expected.get("events") or []) if expected is not None else None
        stream = watcher.finish(count, _QUIET, 10.0)
        if expected is None:
            return outcome
        wanted = substitute(expected, self._saved)
        outcome.differences += compare(wanted["status"], stream.status, "status")
        if "contentType" in wanted:
            outcome.differences += compare(
                wanted["contentType"], stream.content_type, "contentType"
            )
        if "events" in wanted:
            outcome.differences += compare(
                normalise(wanted["events"]), normalise(stream.events), "events"
            )
        if "body" in wanted:
            outcome.differences += compare(normalise(wanted["body"]), normalise(stream.body))
        return outcome

    def _need_list_version(self, path: str) -> None:
        """A watch goes on from a list whose request the file does not show."""
        if "{{lrv}}" not in path or "lrv" in self._saved:
            return
        reply = self._client.send({"method": "GET", "path": path.partition("?")[0]})
        self._saved["lrv"] = str(lookup(reply.body, "metadata.resourceVersion"))
