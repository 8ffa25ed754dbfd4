# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pods go, which stay, and which need the operator's word."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import pod_filters
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pod_filters import (
    Consent,
    judge,
)
from tests.unit.plugins.module_utils._domain import build

LONGHORN = "longhorn.io/component"


@pytest.mark.parametrize(
    ("fields", "fate", "reason"),
    [
        ({}, "evict", pod_filters.EVICTABLE),
        ({"mirror": True}, "leave", pod_filters.MIRROR_POD),
        ({"owner_kind": "DaemonSet", "empty_dirs": ("x",)}, "leave", pod_filters.DAEMON_SET),
        ({"owner_kind": ""}, "block", pod_filters.BARE),
        ({"empty_dirs": ("x",)}, "block", pod_filters.LOCAL_DATA),
        ({"owner_kind": "", "phase": "Succeeded"}, "evict", pod_filters.FINISHED),
        ({"labels": {LONGHORN: "instance-manager"}}, "evict", pod_filters.EVICTABLE),
        (
            {"labels": {LONGHORN: "backing-image-manager"}},
            "leave",
            pod_filters.IMAGE_MANAGER_POD,
        ),
        (
            {"labels": {LONGHORN: "backing-image-data-source"}},
            "block",
            pod_filters.FIRST_FILE_POD,
        ),
    ],
)
def test_the_first_filter_that_speaks_decides(
    fields: dict[str, Any], fate: str, reason: str
) -> None:
    verdict = judge(build.pod("p", "n1", **fields), Consent())
    assert (verdict.fate.value, verdict.reason) == (fate, reason)


def test_consent_lets_them_go() -> None:
    bare = build.pod("p", "n1", owner_kind="", empty_dirs=("x",))
    assert judge(bare, Consent()).reason == pod_filters.BARE
    assert judge(bare, Consent(force=True)).reason == pod_filters.LOCAL_DATA
    assert judge(bare, Consent(True, True)).fate.value == "evict"


def test_only_pods_of_the_node_and_each_reason_once() -> None:
    pods = [build.pod("a", "n1", mirror=True), build.pod("b", "n1", mirror=True)]
    pods += [build.pod("c", "n2", mirror=True), build.pod("d", "n1")]
    verdicts = pod_filters.judge_all(pods, "n1", Consent())
    assert [v.pod.name for v in verdicts] == ["a", "b", "d"]
    groups = pod_filters.by_reason(verdicts, pod_filters.Fate.LEAVE)
    assert groups == {pod_filters.MIRROR_POD: ["default/a", "default/b"]}
