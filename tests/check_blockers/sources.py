# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else a recording tells of budgets, beside the objects: its timeline and the managers' log.

A kind that did not change has no file of its own, but its first state stands in ``timeline.txt``.
Each time Longhorn looks at the budget of a cordoned node and keeps it, its manager logs why: that
is the truth about the rule, not only about the budget.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any

from tests.simulator.recordings.load import KINDS, Event, Recording, parse_time

SPACE = "longhorn-system"
_TIMELINE = re.compile(
    r"^(?P<t>\S+) (?P<kind>pdb|k8snode) (?P<name>\S+) "
    r"(?P<type>INITIAL|ADDED|MODIFIED|DELETED) (?P<state>\{.*\})$"
)
_FILES = {"pdb": "pdbs", "k8snode": "k8snodes"}
_KEPT = re.compile(
    r'time="(?P<t>[^"]+)".*msg="Node (?P<manager>\S+) is marked unschedulable but removing '
    r'(?P<node>\S+) PDB is blocked: (?P<why>[^"]*)"'
)
_ENGINES = re.compile(r"InstanceEngine\w* count \d+ (?P<names>.*)$")
_REPLICAS = re.compile(r"some replicas block eviction count \d+ (?P<names>.*)$")
_UNPROTECTED = re.compile(r"replica (?P<names>\S+) has no pdb on another node")


def from_timeline(recording: Recording) -> Iterator[Event]:
    """Core nodes and budgets from the timeline, where they have no file of their own."""
    missing = {k for k, stem in _FILES.items() if not (recording.path / f"{stem}.jsonl").exists()}
    text = (recording.path / "timeline.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        match = _TIMELINE.match(line)
        if match is None or match["kind"] not in missing:
            continue
        stem = _FILES[match["kind"]]
        name, state = match["name"], json.loads(match["state"])
        obj: dict[str, Any] = {"metadata": {"name": name, "namespace": SPACE}}
        if stem == "k8snodes":
            ready = {"type": "Ready", "status": state.get("ready", "True")}
            spec = {"unschedulable": bool(state.get("unschedulable"))}
            obj = {"metadata": {"name": name}, "spec": spec, "status": {"conditions": [ready]}}
        yield Event(parse_time(match["t"]), KINDS[stem], match["type"], obj)


class Why:
    """The families of reasons that Longhorn logs."""

    ENGINES = "engines"
    REPLICAS = "replicas"
    UNPROTECTED = "unprotected"


@dataclasses.dataclass(frozen=True, slots=True)
class Logged:
    """One look of Longhorn at a budget that it kept. blur: the second may be cut off its time."""

    t: float
    manager: str
    why: str
    names: frozenset[str]
    text: str
    blur: float


def logged(recording: Recording) -> tuple[Logged, ...]:
    """What the managers logged about kept budgets, in time order."""
    path = recording.path / "log-longhorn-manager.txt"
    if not path.exists():
        return ()
    found: list[Logged] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        match = _KEPT.search(line)
        if match is None:
            continue
        why, names = _family(match["why"])
        t = _log_time(match["t"])
        if recording.start <= t <= recording.end:
            blur = 0.0 if "." in match["t"] else 1.0
            found.append(Logged(t, match["manager"], why, names, match["why"].strip(), blur))
    return tuple(sorted(found, key=lambda item: item.t))


def _family(text: str) -> tuple[str, frozenset[str]]:
    for why, pattern in (
        (Why.ENGINES, _ENGINES),
        (Why.REPLICAS, _REPLICAS),
        (Why.UNPROTECTED, _UNPROTECTED),
    ):
        match = pattern.search(text)
        if match is not None:
            return why, frozenset(match["names"].split())
    return text, frozenset()


def _log_time(text: str) -> float:
    """RFC 3339 with up to nine digits of a second."""
    return parse_time(re.sub(r"(\.\d{6})\d+", r"\1", text).replace("Z", "+00:00"))
