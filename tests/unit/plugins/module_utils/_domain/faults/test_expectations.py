# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The expectations of the fault plays, put to what real Longhorn did in the recordings."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.faults import (
    expectations,
    history,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.faults.expectations import (
    MET,
    NO_EVIDENCE,
    NOT_MET,
    Expectation,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.faults.history import (
    Entry,
    History,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import detect
from tests.unit.recorded import scenario

READY = Entry("ready")


def lines(folder: Path, kind: str) -> list[dict[str, Any]]:
    """The events of a kind, in time order."""
    path = folder / f"{kind}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def played(name: str, image: str) -> tuple[History, History, str, list[str]]:
    """Before and after the flag was lifted, the disk, and the disks that were ready before."""
    folder = scenario(name)
    steps = [(str(a["t"]), str(a.get("sh") or "")) for a in lines(folder, "actions")]
    lifted = next(at for at, command in steps if command.startswith("chattr -i"))
    # A step is recorded at its end, and this one waited for the transfer.
    ended = next(at for at, command in steps if command.startswith("rm -v"))
    fault = (datetime.fromisoformat(ended) - timedelta(seconds=6)).isoformat()
    map_field = "disks" if "v1.6" in name else "diskFileSpecMap"
    under, after = History(), History()
    before: list[str] = []
    for event in lines(folder, "backingimages"):
        raw = event["object"]
        if raw["metadata"]["name"] != image:
            continue
        entries = history.entries_of(raw)
        if event["t"] < fault:
            before = [disk for disk, entry in entries.items() if entry == READY]
            continue
        into = under if event["t"] < lifted else after
        into.images.append(entries)
        into.wanted = history.wanted_of(raw, map_field)
    log = folder / "log-longhorn-manager.txt"
    under.logs = list(history.lines_about(image, log.read_text()))
    disk = max(before, key=lambda uuid: len(under.failures_of(uuid)))
    return under, after, disk, before


def outcomes(found: list[Expectation]) -> dict[str, str]:
    return {one.name: one.outcome for one in found}


@pytest.mark.parametrize("version", ["v1.6.4", "v1.12.1"])
@pytest.mark.parametrize(
    ("name", "image", "kind"),
    [
        ("d-sync-fail-immutable", "scn-d", "immutable"),
        ("d2-immutable-during-transfer", "scn-d2", "immutable_during_transfer"),
    ],
)
def test_real_longhorn_meets_what_is_expected_of_a_failing_sync(
    version: str, name: str, image: str, kind: str
) -> None:
    under, after, disk, before = played(f"{version}/{name}", image)
    found = expectations.sync_failure(under, disk, before, kind, with_volume=False)
    assert set(outcomes(found).values()) == {MET}, [one.as_dict() for one in found]
    assert len(under.failures_of(disk)) > 10
    if name.startswith("d-"):  # the other recording of 1.12.1 ends two seconds after the repair
        repaired = expectations.sync_repair(after, disk, with_volume=False)
        assert set(outcomes(repaired).values()) == {MET}, [one.as_dict() for one in repaired]


@pytest.mark.parametrize(
    ("name", "image", "kind"),
    [
        ("v1.6.4/b-scheme", "scn-b-scheme", "bad_scheme"),
        ("v1.6.4/b-host", "scn-b-host", "unknown_host"),
        ("v1.6.4/b-404", "scn-b-404", "not_found"),
        ("v1.6.4/b-drop", "scn-b-drop", "cut"),
        ("v1.12.1/b-host", "scn-b-host", "unknown_host"),
        ("v1.12.1/b-404", "scn-b-404", "not_found"),
        ("v1.12.1/b-checksum", "scn-b-checksum", "wrong_checksum"),
    ],
)
def test_real_longhorn_meets_what_is_expected_of_a_failing_download(
    name: str, image: str, kind: str
) -> None:
    folder = scenario(name)
    seen = History()
    for event in lines(folder, "backingimages"):
        if event["object"]["metadata"]["name"] == image:
            seen.images.append(history.entries_of(event["object"]))
    for event in lines(folder, "backingimagedatasources"):
        if event["object"]["metadata"]["name"] == image:
            seen.sources.append(history.source_of(event["object"]))
    for event in lines(folder, "pods"):
        if (event["object"]["metadata"].get("labels") or {}).get(history.POD_LABEL) == image:
            seen.pods.add(event["object"]["metadata"]["name"])
    seen.logs = list(history.lines_about(image, (folder / "log-longhorn-manager.txt").read_text()))
    found = expectations.download_failure(seen, kind)
    assert set(outcomes(found).values()) == {MET}, [one.as_dict() for one in found]


def test_nothing_seen_is_no_evidence_and_never_a_pass() -> None:
    found = [
        *expectations.sync_failure(History(), "a", ["a", "b"], "immutable", with_volume=True),
        *expectations.sync_repair(History(), "a", with_volume=True),
        *expectations.download_failure(History(), "cut"),
        expectations.from_backoff([], ["no_backoff"]),
    ]
    assert set(outcomes(found).values()) == {NO_EVIDENCE}
    assert not expectations.complete(found)


def test_a_copy_that_stays_ready_and_another_that_is_lost_are_not_met() -> None:
    seen = History(images=[{"a": READY, "b": READY}, {"a": READY, "b": Entry("failed", "x")}])
    found = outcomes(expectations.sync_failure(seen, "a", ["a", "b"], "immutable", False))
    assert found["the copy fails"] == NOT_MET
    assert found["the other copies stay ready"] == NOT_MET
    assert found["Longhorn tries again"] == NO_EVIDENCE


def test_a_refusal_is_right_where_the_release_refuses() -> None:
    old, new = detect("1.12.0", []), detect("1.12.1", [])
    assert not expectations.refused_at_creation(old, "bad_scheme", False)
    assert expectations.refused_at_creation(new, "bad_scheme", False)
    assert expectations.refused_at_creation(new, "not_found", True)
    assert not expectations.refused_at_creation(new, "not_found", False)
    assert expectations.creation("no", True).outcome == MET
    assert expectations.creation("", True).outcome == NOT_MET
    assert expectations.creation("no", False).outcome == NOT_MET


def test_the_judge_of_the_back_off_counts_only_what_it_saw() -> None:
    def report(verdict: str) -> dict[str, Any]:
        return {"verdict": verdict, "summary": verdict}

    def judged(*verdicts: str) -> str:
        return expectations.from_backoff([report(v) for v in verdicts], ["no_backoff"]).outcome

    assert judged("no_backoff", "no_evidence") == MET
    assert judged("no_backoff", "deviates") == NOT_MET
    assert judged("no_evidence") == NO_EVIDENCE
