# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judge on what real Longhorn did: the table of verdicts of every recording with retries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.judge import (
    Judgement,
    judge_image,
)
from tests.check_backoff.observed import observations
from tests.unit.recorded import scenario


def table(folder: Path, **options: Any) -> list[Judgement]:
    return judge_image(observations(folder, **options), image_of(folder))


def image_of(folder: Path) -> str:
    """The image of the scenario: the first one that its operator made."""
    lines = (folder / "actions.jsonl").read_text(encoding="utf-8").splitlines()
    made = (action for action in map(json.loads, lines) if action.get("stdin"))
    return str(json.loads(next(made)["stdin"])["metadata"]["name"])


RECORDED = [
    ("v1.6.4/b-404", [("download", "follows_rule", "certain", 4)]),
    ("v1.6.4/b-404thengood", [("download", "follows_rule", "certain", 3)]),
    ("v1.6.4/b-drop", [("download", "follows_rule", "certain", 3)]),
    ("v1.6.4/b-host", [("download", "follows_rule", "certain", 4)]),
    ("v1.6.4/b-scheme", [("download", "follows_rule", "certain", 4)]),
    ("v1.6.4/d-sync-fail-immutable", [("sync", "no_backoff", "certain", 198)]),
    ("v1.6.4/d2-immutable-during-transfer", [("sync", "no_backoff", "certain", 104)]),
    ("v1.12.1/b-404", [("download", "follows_rule", "certain", 4)]),
    ("v1.12.1/b-404thengood", [("download", "follows_rule", "certain", 3)]),
    ("v1.12.1/b-checksum", [("download", "follows_rule", "certain", 3)]),
    ("v1.12.1/b-host", [("download", "follows_rule", "certain", 4)]),
    # Refused at the create: there is nothing to retry.
    ("v1.12.1/b-scheme", [("download", "no_evidence", "none", 0)]),
    ("v1.12.1/d-sync-fail-immutable", [("sync", "no_backoff", "certain", 185)]),
    ("v1.12.1/d2-immutable-during-transfer", [("sync", "no_backoff", "certain", 102)]),
]


@pytest.mark.parametrize(("name", "expected"), RECORDED)
def test_verdict_on_what_really_happened(name: str, expected: list[tuple[Any, ...]]) -> None:
    found = [
        (one.series.retries, one.verdict, one.confidence, len(one.series.attempts))
        for one in table(scenario(name))
    ]
    assert found == expected


@pytest.mark.parametrize(
    ("options", "least"),
    [
        ({"logs": False}, "certain"),
        ({"kinds": ()}, "likely"),
        ({"kinds": ("pods",), "logs": False}, "likely"),
    ],
)
@pytest.mark.parametrize("name", [name for name, _expected in RECORDED if "/b-404" in name])
def test_each_kind_of_evidence_alone_gives_the_same_verdict(
    name: str, options: dict[str, Any], least: str
) -> None:
    (found,) = table(scenario(name), **options)
    assert found.verdict == "follows_rule"
    assert found.confidence in (least, "certain")


@pytest.mark.parametrize("name", [name for name, _expected in RECORDED if "/d" in name])
def test_logs_alone_show_that_syncs_are_not_delayed(name: str) -> None:
    (found,) = table(scenario(name), kinds=())
    assert (found.series.retries, found.verdict) == ("sync", "no_backoff")
    assert "one every 3.0 s" in found.summary


@pytest.mark.parametrize(
    ("name", "retries", "verdicts"),
    [
        # One lost copy that is synced at once; the request was repeated a second later.
        ("v1.6.4/v8-one-copy-lost-while-volume-attached", "sync", []),
        ("v1.12.1/v8-one-copy-lost-while-volume-attached", "sync", ["no_evidence"]),
        # The downloads of a recovery fail on a disk that had a copy: that is no sync.
        ("v1.6.4/e6-recovery-url-dead", "download", ["follows_rule"]),
        # The sender is lost while a sync begins, which is given up after a minute.
        ("v1.12.1/e0-solo-all-copies-lost", "sync", ["no_backoff", "no_evidence"]),
        ("v1.6.4/v7-sync-failure-while-volume-uses-image", "sync", ["no_backoff"]),
    ],
)
def test_other_recordings_are_not_taken_for_more_than_they_show(
    name: str, retries: str, verdicts: list[str]
) -> None:
    found = [one for one in table(scenario(name)) if one.series.retries == retries]
    assert sorted(one.verdict for one in found) == verdicts
