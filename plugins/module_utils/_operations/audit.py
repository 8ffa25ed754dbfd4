# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the whole cluster once, and tells what is one failure away. Nothing is written."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit import (
    audit,
    junit,
    text,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.audit import Question
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    find_longhorn,
    read_cluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task

KINDS = (
    kinds.BACKING_IMAGES,
    kinds.DATA_SOURCES,
    kinds.LONGHORN_NODES,
    kinds.NODES,
    kinds.VOLUMES,
    kinds.REPLICAS,
    kinds.INSTANCE_MANAGERS,
)


def show(
    task: Task, *, copies: int, upgrade: bool, form: str, fail_on: str
) -> tuple[dict[str, Any], str]:
    """The audit with the lines that show it (*form* text or json) and its JUnit document, and the
    sentence to fail with, "" when nothing is at level *fail_on* or worse.
    """
    longhorn = find_longhorn(task.client, only_look=True)
    cluster = read_cluster(task.client, longhorn, KINDS)
    found = audit.make(cluster, Question(copies, longhorn.served, upgrade))
    result = found.as_data()
    if form == "json":
        result["lines"] = json.dumps(result, indent=2, sort_keys=True).splitlines()
    else:
        result["lines"] = text.lines(found)
    result["junit"] = junit.report(found, fail_on)
    result["requests"] = task.client.requests
    return result, text.too_bad(found, fail_on)
