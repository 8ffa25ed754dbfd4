# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixed list of verdicts: which rule is asked first, and which verdict is the worse one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import (
    blocked_by_unknown,
    checksum_pinned,
    data_source_stuck,
    degraded,
    deleting,
    disk_uuid_drift,
    failed_sync,
    first_file,
    half_recovered,
    healthy,
    name_collision,
    orphan_map_entry,
    poisoned_entry,
    redownloading,
    unavailable,
    undetermined,
    upgrade_hazard,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    Standing,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    Rule,
    Verdict,
)

# Asked in this order; the first answer counts. The last one always answers.
RULES: tuple[Rule, ...] = (
    deleting.judge,
    upgrade_hazard.judge,
    checksum_pinned.judge,
    data_source_stuck.judge,
    name_collision.judge,
    first_file.judge,
    redownloading.judge,
    unavailable.judge,
    disk_uuid_drift.judge,
    poisoned_entry.judge,
    blocked_by_unknown.judge,
    orphan_map_entry.judge,
    failed_sync.judge,
    half_recovered.judge,
    healthy.judge,
    degraded.judge,
    undetermined.judge,
)

WORST_FIRST: tuple[str, ...] = (
    unavailable.NEEDS_RECOVERY,
    unavailable.UNKNOWN_GONE,
    checksum_pinned.NAME,
    data_source_stuck.NAME,
    redownloading.FAILING,
    unavailable.RECOVERS_ITSELF,
    disk_uuid_drift.NAME,
    blocked_by_unknown.NAME,
    undetermined.NAME,
    undetermined.UNSETTLED,
    upgrade_hazard.NAME,
    poisoned_entry.NAME,
    redownloading.NAME,
    name_collision.NAME,
    first_file.FAILING,
    first_file.RUNNING,
    failed_sync.NAME,
    degraded.NAME,
    deleting.BLOCKED,
    orphan_map_entry.NAME,
    degraded.SYNCING,
    deleting.NAME,
    healthy.NAME,
)


def judge(window: Sequence[Sight]) -> Verdict:
    """The verdict on one image from at least one sight, oldest first."""
    found = _first_answer(window, RULES)
    if found.name != upgrade_hazard.NAME or not window[-1].cluster.schema.hazard:
        return found
    others = [rule for rule in RULES if rule is not upgrade_hazard.judge]
    other = _first_answer(window, others)
    return _both(other, found) if severity(other) < severity(found) else found


def _first_answer(window: Sequence[Sight], rules: Sequence[Rule]) -> Verdict:
    for rule in rules:
        found = rule(window)
        if found is not None:
            return found
    raise AssertionError("the last rule always answers")


def _both(worse: Verdict, hazard: Verdict) -> Verdict:
    """The worse verdict in a cluster whose upgrade is half done, to which nothing may be written
    before that is put right.
    """
    return replace(
        worse,
        summary=f"{worse.summary}. The cluster besides: {hazard.summary}",
        remedy=f"first {hazard.remedy}. Then {worse.remedy}",
        evidence=tuple(dict.fromkeys((*worse.evidence, *hazard.evidence))),
        confidence=hazard.confidence,
    )


def severity(verdict: Verdict) -> int:
    """0 is the worst."""
    if (verdict.name, verdict.detail) == (blocked_by_unknown.NAME, blocked_by_unknown.LEFTOVER):
        return WORST_FIRST.index(unavailable.NEEDS_RECOVERY)
    return WORST_FIRST.index(verdict.name)


def may_pass(sight: Sight, verdict: Verdict) -> bool:
    """Whether one sight may show a moment between two tries: a place is wanted and nothing is
    there. A sync that fails for ever reads so for two of its three seconds, and a first file for
    the first six of each try (longhorn-manager controller/backing_image_manager_controller.go and
    backing_image_data_source_controller.go, all versions).
    """
    if verdict.name in (deleting.NAME, deleting.BLOCKED):
        return False
    begins = verdict.name in (first_file.RUNNING, redownloading.NAME) or (
        verdict.detail == first_file.AGAIN
    )
    if begins and sight.source is not None and not sight.source.progress:
        return True
    return bool(sight.having(Standing.EMPTY, Standing.WAITING))


def needs_window(verdict: Verdict) -> bool:
    """Whether one sight is not enough: no file is proven, so the picture may be a passing one."""
    return verdict.name in (
        *unavailable.NAMES,
        checksum_pinned.NAME,
        disk_uuid_drift.NAME,
        blocked_by_unknown.NAME,
        undetermined.NAME,
        undetermined.UNSETTLED,
        data_source_stuck.NAME,
        upgrade_hazard.NAME,
    )
