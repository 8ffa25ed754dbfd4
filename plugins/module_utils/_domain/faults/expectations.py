# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be seen after a fault, and after its repair: met, not met, or no evidence.

No evidence is never a pass. The rules are what real releases did (longhorn-manager 1.6.4 to 1.12.1
and backing-image-manager: recordings of both kinds of sync failure and of failing downloads).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.faults.history import (
    Entry,
    History,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import (
    Schema,
    Version,
)

MET, NOT_MET, NO_EVIDENCE = "met", "not met", "no evidence"
RETRIES = 3
STAT_FAILED = "failed to stat tmp file"
REMOVED = "failed to re-calculate checksum"
#: What the message of a failed download has to say, by kind of fault.
DOWNLOAD_MESSAGES: dict[str, str] = {
    "bad_scheme": r"unsupported protocol scheme",
    "unknown_host": r"no such host|server misbehaving",
    "not_found": r"expected status code 200 .* got 404",
    "refused": r"connection refused",
    "cut": r"unexpected EOF|connection reset|does not match the expected file size",
    "wrong_checksum": r"doesn't match the file actual checksum",
}


@dataclass(frozen=True)
class Expectation:
    """One thing that was expected, and what was seen of it."""

    name: str
    outcome: str
    expected: str
    seen: str

    def as_dict(self) -> dict[str, Any]:
        """For the result of a module."""
        return asdict(self)


def _outcome(seen: bool, met: bool) -> str:
    return (MET if met else NOT_MET) if seen else NO_EVIDENCE


def _quoted(entries: Sequence[Entry]) -> str:
    texts = list(dict.fromkeys(entry.message for entry in entries))
    return "; ".join(f'"{text}"' if text else "an empty message" for text in texts[:4])


# -- a copy that cannot be synced ----------------------------------------------------------------
def sync_failure(
    history: History, disk: str, before: Collection[str], kind: str, with_volume: bool
) -> list[Expectation]:
    """While the directory is immutable. *before*: disks whose copies were ready before the fault;
    *kind*: the kind of fault (immutable, immutable_during_transfer).
    """
    failures = history.failures_of(disk)
    found = [
        Expectation(
            "the copy fails",
            _outcome(bool(history.images), bool(failures)),
            "the entry of the disk reads failed",
            f"failed {len(failures)} times" if failures else _last(history, disk),
        ),
        _explained(failures, kind),
        Expectation(
            "Longhorn tries again",
            _outcome(bool(failures), len(failures) > RETRIES),
            f"the sync is tried, and fails, at least {RETRIES} times more",
            f"{max(0, len(failures) - 1)} failures after the first",
        ),
        _others(history, before, disk),
        _logged(history, "Requesting syncing backing image"),
    ]
    if with_volume:
        states = [robustness for _state, robustness in history.volumes]
        found.append(
            Expectation(
                "the volume notices",
                _outcome(bool(states), "degraded" in states),
                "the volume that has a replica there turns degraded",
                f"robustness {', '.join(dict.fromkeys(s for s in states if s)) or 'not reported'}",
            )
        )
    return found


def _explained(failures: Sequence[Entry], kind: str) -> Expectation:
    """The message of the failing sync; the second kind leaves an old file, and no words."""
    empty_is_right = kind == "immutable_during_transfer"
    said = [f for f in failures if STAT_FAILED in f.message or (empty_is_right and not f.message)]
    expected = "an empty message: the old backing.tmp cannot be removed"
    return Expectation(
        "the failure is explained",
        _outcome(bool(failures), bool(said)),
        expected if empty_is_right else f'the message says "{STAT_FAILED}"',
        _quoted(failures) or "no failure was seen",
    )


def _others(history: History, before: Collection[str], disk: str) -> Expectation:
    others = sorted(set(before) - {disk})
    lost = [
        other
        for other in others
        if any(seen is None or seen.state != "ready" for seen in history.of_disk(other))
    ]
    return Expectation(
        "the other copies stay ready",
        _outcome(bool(history.images) and bool(others), not lost),
        "every other copy that was ready stays so",
        f"not ready: {', '.join(lost)}" if lost else f"{len(others)} stayed ready",
    )


def _logged(history: History, text: str) -> Expectation:
    lines = [line for line in history.logs if text in line]
    seen = history.logs_unread or f"{len(lines)} lines; {len(history.logs)} name the image"
    return Expectation(
        "the manager's log tells of it",
        _outcome(bool(history.logs), bool(lines)),
        f'a manager logs "{text}"',
        seen,
    )


def _last(history: History, disk: str) -> str:
    entry = history.last.get(disk)
    return f"last seen: {entry.state}" if entry is not None else "last seen: no entry"


def sync_repair(history: History, disk: str, with_volume: bool) -> list[Expectation]:
    """After the flag was lifted."""
    there = history.last.get(disk)
    states = {uuid: history.last[uuid].state for uuid in history.wanted if uuid in history.last}
    short = [
        f"{uuid} {states.get(uuid) or 'absent'}"
        for uuid in sorted(history.wanted)
        if states.get(uuid) != "ready"
    ]
    found = [
        Expectation(
            "the retry succeeds",
            _outcome(bool(history.images), there is not None and there.state == "ready"),
            "the copy turns ready by itself",
            _last(history, disk),
        ),
        Expectation(
            "all copies are ready",
            _outcome(bool(history.wanted), not short),
            "every disk of the placement map has a ready copy",
            f"not ready: {', '.join(short)}" if short else f"{len(history.wanted)} ready",
        ),
    ]
    if with_volume:
        last = history.volumes[-1] if history.volumes else ("", "")
        found.append(
            Expectation(
                "the volume is healthy",
                _outcome(bool(history.volumes), last == ("attached", "healthy")),
                "attached and healthy again",
                f"{last[0] or 'no state'}, {last[1] or 'no robustness'}",
            )
        )
    return found


# -- a download that cannot succeed --------------------------------------------------------------
def refused_at_creation(schema: Schema, kind: str, loopback: bool) -> bool:
    """Whether the webhook of this release refuses such an image (1.12.1 and later).

    Source: longhorn-manager webhook/resources/backingimage/validator.go, v1.12.1.
    """
    return schema.version >= Version(1, 12, 1) and (kind == "bad_scheme" or loopback)


def creation(refusal: str, expected_refusal: bool) -> Expectation:
    """Whether the create was answered as this release does. *refusal*: its text, "" when taken."""
    expected = "the webhook refuses the image" if expected_refusal else "the image is accepted"
    return Expectation(
        "creation",
        _outcome(True, bool(refusal) == expected_refusal),
        expected,
        f"refused: {refusal}" if refusal else "accepted",
    )


def download_failure(history: History, kind: str) -> list[Expectation]:
    """What becomes of an image whose download cannot succeed."""
    failed = [s for s in history.sources if s.state in ("failed", "failed-and-cleanup")]
    states = [e.state for entries in history.images for e in entries.values()]
    ended = [s for s in states if s in ("failed", "failed-and-cleanup")]
    said = [e for entries in history.images for e in entries.values() if e.message] + failed
    pattern = DOWNLOAD_MESSAGES[kind]
    right = [entry for entry in said if re.search(pattern, entry.message)]
    return [
        Expectation(
            "the data source fails",
            _outcome(bool(history.sources), bool(failed)),
            "its state turns failed",
            ", ".join(dict.fromkeys(s.state or "(new)" for s in history.sources)) or "not seen",
        ),
        Expectation(
            "its pod goes",
            _outcome(bool(history.pods), not history.pods_left),
            "the pod of the data source is removed after the failure",
            f"still there: {', '.join(sorted(history.pods_left))}"
            if history.pods_left
            else f"{len(history.pods)} seen, none left",
        ),
        Expectation(
            "the only copy fails",
            _outcome(bool(states), bool(ended) and "ready" not in states),
            "its entry turns failed, and never ready",
            ", ".join(dict.fromkeys(s or "(new)" for s in states)) or "no entry was seen",
        ),
        Expectation(
            "the leftovers are cleaned up",
            _outcome(bool(states), "failed-and-cleanup" in states),
            "the entry turns failed-and-cleanup",
            ", ".join(dict.fromkeys(s or "(new)" for s in states)) or "no entry was seen",
        ),
        Expectation(
            "the message explains",
            _outcome(bool(said), bool(right)),
            f"it matches {pattern}",
            _quoted(right or said) or "no message was seen",
        ),
        _logged(history, "Failed to prepare the file for backing image data source"),
    ]


def from_backoff(reports: Sequence[dict[str, Any]], wanted: Sequence[str]) -> Expectation:
    """The verdict of the judge of the back-off, as one of these expectations."""
    verdicts = [str(one["verdict"]) for one in reports]
    seen = [v for v in verdicts if v != "no_evidence"]
    right = bool(seen) and all(verdict in wanted for verdict in seen)
    return Expectation(
        "the retries keep to what this release does",
        _outcome(bool(seen), right),
        f"the judge of the back-off says {' or '.join(wanted)}",
        "; ".join(str(one["summary"]) for one in reports) or "nothing was tried again",
    )


def complete(found: Sequence[Expectation]) -> bool:
    """Whether nothing is left to wait for."""
    return bool(found) and all(one.outcome == MET for one in found)


def lines(found: Sequence[dict[str, Any]]) -> list[str]:
    """The report for a person."""
    mark = {MET: "met        ", NOT_MET: "NOT MET    ", NO_EVIDENCE: "no evidence"}
    return [f"{mark[one['outcome']]}  {one['name']}: {one['seen']}" for one in found] + [
        f"             expected: {one['expected']}" for one in found if one["outcome"] != MET
    ]
