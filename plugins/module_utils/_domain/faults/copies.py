# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be seen after a fault in a copy that Longhorn gets over by itself, or that the
operator repairs: wrong bytes, lost files, a full disk, no space for a sync, a lost manager, a lost
node, no copy left.

Sources: backing-image-manager pkg/sync/sync_file.go, longhorn-manager
controller/backing_image_manager_controller.go and node_controller.go, v1.6.4 to v1.12.1, and the
recordings of lost files, lost managers and lost nodes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.faults.expectations import (
    MET,
    NO_EVIDENCE,
    NOT_MET,
    RETRIES,
    Expectation,
    sync_repair,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.faults.history import (
    Entry,
    History,
)

WRONG_BYTES = r"ready file is modified at .* with a different checksum"
REMOVED = r"failed to re-calculate checksum"
# A receiver without space does not say so: its file breaks off, or cannot even be begun (pkg/sync/
# sync_file.go Receive and finishProcessing, sparse-tools sparse/rest/handlers.go).
BROKEN_OFF = r"^$|doesn't match the file (actual )?checksum|failed to stat tmp file"
NOT_REUSED = r"failed to re-calculate checksum|should be directly reused but failed"
NO_MANAGER = r"[Mm]anager pod is not running"
#: Kinds of fault, in the order in which they are documented.
KINDS = (
    "wrong_bytes",
    "files_removed",
    "disk_full",
    "no_space",
    "manager_killed",
    "all_copies_gone",
    "node_down",
)


def copy_fault(
    history: History, disk: str, others: Collection[str], kind: str
) -> list[Expectation]:
    """While the fault is there. *others*: disks with copies that no fault was made in."""
    judges: dict[str, Callable[[], list[Expectation]]] = {
        "wrong_bytes": lambda: _lost(history, disk, WRONG_BYTES),
        "files_removed": lambda: _lost(history, disk, REMOVED),
        "disk_full": lambda: [_pressed(history, True), _untouched(history, disk)],
        "no_space": lambda: [*_not_sent(history, disk), _pressed(history, True)],
        "manager_killed": lambda: _without_manager(history, disk),
        "all_copies_gone": lambda: _none_left(history),
        "node_down": lambda: _without_node(history, disk),
    }
    found = judges[kind]()
    return found if kind == "all_copies_gone" else [*found, _others(history, others)]


def copy_repair(history: History, disk: str, kind: str) -> list[Expectation]:
    """After the fault was taken back, or Longhorn or the operator has repaired it."""
    again, whole = sync_repair(history, disk, with_volume=False)
    found = [Expectation("the copy is ready again", again.outcome, again.expected, again.seen)]
    if kind == "all_copies_gone":
        found = []  # the copies come back on disks of Longhorn's choice
    if kind in ("disk_full", "no_space"):
        found.append(_pressed(history, False))
    if kind == "node_down":
        found.append(_node(history, "True", "the node is back"))
    return [*found, whole]


def _verdict(seen: bool, met: bool) -> str:
    return (MET if met else NOT_MET) if seen else NO_EVIDENCE


def _states(entries: Sequence[Entry | None]) -> str:
    told = ["absent" if entry is None else entry.state or "(new)" for entry in entries]
    return ", ".join(told[:8]) + (f" and {len(told) - 8} more" if len(told) > 8 else "")


def _explained(said: Sequence[Entry], pattern: str) -> Expectation:
    texts = list(dict.fromkeys(entry.message for entry in said))
    right = [text for text in texts if re.search(pattern, text)]
    return Expectation(
        "the message explains",
        _verdict(bool(said), bool(right)),
        f"it matches {pattern}",
        "; ".join(f'"{text}"' if text else "an empty message" for text in (right or texts)[:3])
        or "no message was seen",
    )


def _lost(history: History, disk: str, pattern: str) -> list[Expectation]:
    """The copy is found bad, its record and files removed, and the file sent again."""
    seen = history.of_disk(disk)
    failed = history.failures_of(disk)
    states = [entry.state if entry is not None else "absent" for entry in seen]
    again = "failed" in states and "ready" in states[states.index("failed") :]
    return [
        Expectation(
            "the copy fails",
            _verdict(bool(seen), bool(failed)),
            "Longhorn notices by itself, and the entry of the disk reads failed",
            _states(seen) or "no change was seen",
        ),
        _explained(failed, pattern),
        Expectation(
            "the file is sent again",
            _verdict(bool(failed), again),
            "the copy turns ready while the fault is still there: another file took its place",
            _states(seen) or "no change was seen",
        ),
    ]


def _not_sent(history: History, disk: str) -> list[Expectation]:
    """The file cannot be sent again, which is tried without end."""
    failed = [one for one in history.failures_of(disk) if not re.search(REMOVED, one.message)]
    states = _states(history.of_disk(disk)) or "no change was seen"
    return [
        Expectation(
            "the copy fails",
            _verdict(bool(history.images), bool(failed)),
            "the entry of the disk reads failed after a try to send the file",
            states,
        ),
        _explained(failed, BROKEN_OFF),
        Expectation(
            "Longhorn tries again",
            _verdict(bool(failed), len(failed) > RETRIES),
            f"the sync is tried, and fails, at least {RETRIES} times more",
            f"{max(0, len(failed) - 1)} failures after the first",
        ),
    ]


def _without_manager(history: History, disk: str) -> list[Expectation]:
    seen = history.of_disk(disk)
    shaken = [e for e in seen if e is None or e.state == "unknown"]
    uids = [uid for uid, _ready in history.managers]
    new = [ready for uid, ready in history.managers if uid != uids[0]]
    failures = history.failures_of(disk)
    return [
        Expectation(
            "the copy is in doubt",
            _verdict(bool(seen), bool(shaken)),
            "its entry turns unknown, or is gone for a moment",
            _states(seen) or "no change was seen",
        ),
        _explained([e for e in seen if e is not None and e.state == "unknown"], NO_MANAGER),
        Expectation(
            "the manager comes back",
            _verdict(bool(uids), any(new)),
            "another pod takes its place and turns ready",
            f"{len(dict.fromkeys(uids))} pods were seen, {'one' if any(new) else 'none'} of the "
            "later ones ready",
        ),
        Expectation(
            "the file is used again",
            _verdict(bool(seen), not failures),
            "the copy never fails: the file on the disk is still good",
            f"failed {len(failures)} times" if failures else "never failed",
        ),
    ]


def _none_left(history: History) -> list[Expectation]:
    counts = [sum(e.state == "ready" for e in entries.values()) for entries in history.images]
    failed = [e for entries in history.images for e in entries.values() if e.state == "failed"]
    return [
        Expectation(
            "no copy is left",
            _verdict(bool(counts), bool(failed) and 0 in counts),
            "entries turn failed, and none reads ready",
            f"ready copies over time: {', '.join(map(str, dict.fromkeys(counts)))}"
            if counts
            else "no change was seen",
        ),
        _explained(failed, NOT_REUSED),
    ]


def _without_node(history: History, disk: str) -> list[Expectation]:
    seen = history.of_disk(disk)
    return [
        _node(history, "False", "the node is lost"),
        Expectation(
            "the copy is in doubt",
            _verdict(bool(seen), any(e is not None and e.state == "unknown" for e in seen)),
            "its entry turns unknown",
            _states(seen) or "no change was seen",
        ),
    ]


def _node(history: History, status: str, name: str) -> Expectation:
    """Longhorn's condition Ready of the node; a silent kubelet reads Unknown before False."""
    wanted = (status,) if status == "True" else ("False", "Unknown")
    last = history.node_ready[-1] if history.node_ready else ""
    seen = last in wanted if status == "True" else bool(set(history.node_ready) & set(wanted))
    return Expectation(
        name,
        _verdict(bool(history.node_ready), seen),
        f"its condition Ready is {' or '.join(wanted)}",
        ", ".join(dict.fromkeys(history.node_ready)) or "not seen",
    )


def _pressed(history: History, pressed: bool) -> Expectation:
    last = history.pressure[-1] if history.pressure else ("", "")
    met = last == ("False", "DiskPressure") if pressed else last[0] == "True"
    return Expectation(
        "the disk is under pressure" if pressed else "the disk takes data again",
        _verdict(bool(history.pressure), met),
        "its condition Schedulable is "
        + ("False for DiskPressure, so nothing new comes to it" if pressed else "True"),
        " ".join(last).strip() or "not seen",
    )


def _untouched(history: History, disk: str) -> Expectation:
    lost = history.lost(disk)
    return Expectation(
        "its copy stays ready",
        # Nothing that changes is what is expected here, so silence is evidence once the
        # condition of the disk was seen.
        _verdict(bool(history.pressure), not lost),
        "a copy that is complete needs no space",
        "turned not ready" if lost else "stayed ready",
    )


def _others(history: History, others: Collection[str]) -> Expectation:
    lost = sorted(other for other in others if history.lost(other))
    known = bool(history.images) or bool(history.pressure)
    return Expectation(
        "the other copies stay ready",
        _verdict(known and bool(others), not lost),
        "every other copy that was ready stays so",
        f"not ready: {', '.join(lost)}" if lost else f"{len(others)} stayed ready",
    )
