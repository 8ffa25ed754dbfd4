# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit as a value: what each failure costs, what is weak, and what would repair it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit import (
    holdings,
    impact,
    upgrade,
    weak,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.cost import (
    Cost,
    costs,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.impact import Impact
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.shortfall import (
    Shortfall,
    shortfalls,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.upgrade import Check
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.weak import Finding
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster

NEVER = "never"
# The kind of a finding that stands for a check of the upgrade.
UPGRADE = "upgrade"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. copies: how many each image should have on distinct nodes; served: see
    `upgrade.checks`; upgrade: whether an upgrade that is not safe counts as a weak point; sources:
    see `weak.find`.
    """

    copies: int = 2
    served: Collection[str] | None = None
    upgrade: bool = False
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Audit:
    """The answer. fix: the command that makes what is missing; upgrade_counts: whether the checks
    of the upgrade are among the weak points.
    """

    version: str
    volumes: int
    impacts: Mapping[str, tuple[Impact, ...]]
    costs: Mapping[str, Mapping[Intent, Cost]]
    findings: tuple[Finding, ...]
    upgrade: tuple[Check, ...]
    upgrade_counts: bool
    names: tuple[str, ...]
    shortfalls: tuple[Shortfall, ...]
    fix: str

    @property
    def worst(self) -> str:
        """The worst level of the findings."""
        return weak.worst(self.findings)

    def at(self, level: str) -> tuple[Finding, ...]:
        """Findings at this level or worse; none for never."""
        if level == NEVER:
            return ()
        least = weak.LEVELS.index(level)
        return tuple(f for f in self.findings if weak.LEVELS.index(f.level) >= least)

    def as_data(self) -> dict[str, Any]:
        """For the result of a module."""
        return {
            "longhorn_version": self.version,
            "worst": self.worst,
            "counts": {"images": len(self.names), "volumes": self.volumes},
            "failures": {
                f"{kind}s": [unit.as_data() for unit in units]
                for kind, units in self.impacts.items()
            },
            "drain_costs": {
                node: {intent.value: cost.as_data() for intent, cost in by_intent.items()}
                for node, by_intent in self.costs.items()
            },
            "findings": [finding.as_data() for finding in self.findings],
            "upgrade_to_1_7": [check.as_data() for check in self.upgrade],
            "fix": {
                "copies": sum(one.copies for one in self.shortfalls),
                "bytes": sum(one.bytes for one in self.shortfalls),
                "images": [one.image.name for one in self.shortfalls],
            },
        }


def make(cluster: Cluster, question: Question) -> Audit:
    """Look at everything once."""
    places = holdings.reliable_places(cluster)
    held = holdings.hold_all(cluster.images.values(), places)
    impacts = impact.impacts(cluster, held, places)
    checks = upgrade.checks(cluster, held, question.served)
    findings = weak.find(cluster, held, impacts, question.sources)
    if question.upgrade:
        findings += tuple(_as_finding(check) for check in checks if not check.holds)
    return Audit(
        version=str(cluster.schema.version),
        volumes=len(cluster.volumes),
        impacts=impacts,
        costs=costs(cluster, held),
        findings=findings,
        upgrade=checks,
        upgrade_counts=question.upgrade,
        names=tuple(one.image.name for one in held),
        shortfalls=shortfalls(cluster, held, question.copies),
        fix=weak.fix(cluster),
    )


def _as_finding(check: Check) -> Finding:
    rule = f"upgrade_{check.rule}"
    return Finding(rule, weak.WEAK, UPGRADE, "1.7", check.text, check.remedy)
