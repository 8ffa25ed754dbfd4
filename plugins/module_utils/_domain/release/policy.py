# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The five drain policies (setting node-drain-policy; the same in every release 1.5 to 1.12)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import setting

SETTING = "node-drain-policy"
AUTOSCALER = "kubernetes-cluster-autoscaler-enabled"


class Policy(str, Enum):
    """What has to be true of the replicas of a cordoned node, once no engine is on it."""

    EVICT_ALL = "block-for-eviction"
    EVICT_LAST = "block-for-eviction-if-contains-last-replica"
    KEEP_LAST = "block-if-contains-last-replica"
    KEEP_LAST_RUNNING = "allow-if-replica-is-stopped"
    ALLOW = "always-allow"

    @property
    def risks_last(self) -> bool:
        """Whether Longhorn may let the only complete replica of a volume go."""
        return self in (Policy.KEEP_LAST_RUNNING, Policy.ALLOW)


DEFAULT = Policy.KEEP_LAST


def policy_of(settings: Mapping[str, str]) -> Policy:
    """The policy in force; a value that no release knows is treated as the default one."""
    value = setting.text(settings, SETTING, DEFAULT.value)
    return next((policy for policy in Policy if policy.value == value), DEFAULT)


def autoscaler(settings: Mapping[str, str]) -> bool:
    """Whether budgets are kept only where the deletion test fails, on open nodes too."""
    return setting.flag(settings, AUTOSCALER, False)
