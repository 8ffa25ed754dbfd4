# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers against the reviewed drain key: what blocks, by which rule, does waiting end it."""

from __future__ import annotations

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import Clears
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.answer import Hold
from tests.check_blockers.play import Sample
from tests.material import shared
from tests.unit.plugins.module_utils._domain.release.drain_key import Played, Row, rows

SCENARIOS = [
    "v1.12.1/v6-drain-always-allow",
    "v1.12.1/v6-drain-block-for-eviction",
    "v1.12.1/v6-drain-block-for-eviction-if-contains-last-replica",
    "v1.12.1/v6-drain-block-if-contains-last-replica",
    "v1.12.1/v10-drain-node-of-engine-manually-attached",
    "v1.6.4/v6-drain-allow-if-replica-is-stopped",
    "v1.6.4/v6-drain-always-allow",
    "v1.6.4/v6-drain-block-for-eviction",
    "v1.6.4/v6-drain-block-if-contains-last-replica",
    "v1.6.4/v10-drain-node-of-engine-manually-attached",
    "v1.7.3/v6-drain-block-for-eviction-if-contains-last-replica",
    "v1.7.3/v6-drain-block-if-contains-last-replica",
]


def test_every_scenario_of_the_key_is_examined() -> None:
    assert sorted(rows()) == sorted(SCENARIOS)
    assert sum(len(found) for found in rows().values()) == 37


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_answer_is_that_of_the_key(scenario: str) -> None:
    played = Played(shared(f"recordings/{scenario}"))
    for row in rows()[scenario]:
        found = list(played.in_force(row))
        assert found, row.text
        if "nothing" in row.blocks:
            _free(row, found)
        else:
            _blocked(row, found)


def _free(row: Row, found: list[Sample]) -> None:
    """Nothing blocks (an instance manager that has been evicted is not asked any more)."""
    for sample in found:
        if sample.answer.hold is Hold.UNTOUCHED:
            assert not sample.budget, row.text
        elif sample.answer.rule == "replica_stopping":
            assert "detached" in row.step, row.text  # its process ends within a second
        else:
            assert sample.answer.hold is Hold.FREE, row.text
    noticed = [s for s in found if s.answer.rule == "to_be_noticed"]
    if "only to notice" in row.blocks:
        assert noticed, row.text
    for sample in noticed:
        assert sample.answer.clears is Clears.BY_ITSELF
        assert sample.answer.blockers[0].seconds == 30


def _blocked(row: Row, found: list[Sample]) -> None:
    # The row ends with the budget, which lags behind its reason by a second.
    end = found[-1].t
    while found[-1].answer.hold is Hold.FREE and end - found[-1].t < 1.1:
        found = found[:-1]
    for sample in found:
        assert sample.answer.hold is Hold.BLOCKED, row.text
        assert all(row.volume in f"{b.name} {b.reason}" for b in sample.answer.blockers), row.text
        assert {b.rule for b in sample.answer.blockers} <= _rules(row), row.text
        by_itself = sample.answer.clears is Clears.BY_ITSELF
        assert by_itself == row.clears.startswith("yes"), f"{row.text}: {sample.answer}"
    _remedy(row, " ".join(b.remedy for b in found[-1].answer.blockers))


def _rules(row: Row) -> set[str]:
    """The rules that may be named for a row. The ticket's end shows before the engine's."""
    if "engine of" in row.blocks or "the same, until the ticket" in row.blocks:
        return {"manual_attachment", "engine_stopping"}
    if row.clears.startswith("yes"):
        return {"replica_evicting"}
    return {"last_replica"}


def _remedy(row: Row, text: str) -> None:
    """The key's cheapest remedy names the same levers."""
    for lever in ("numberOfReplicas", "detach-manually-attached", "allow-if-replica-is-stopped"):
        if lever in row.remedy:
            assert lever in text, f"{row.text}: {text}"
    if row.remedy.startswith("wait"):
        assert "wait" in text or "Longhorn detaches it" in text, row.text
