# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the whole cluster once, and tells what is one failure away. Nothing is written."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.source import Way
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit import (
    audit,
    junit,
    text,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.audit import Question
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.delivered import (
    expected_of,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    DOWNLOAD,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.check_sources import (
    check_sources,
)
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
    task: Task,
    *,
    copies: int,
    upgrade: bool,
    form: str,
    fail_on: str,
    probe: Way | None = None,
) -> tuple[dict[str, Any], str]:
    """The audit with the lines that show it (*form* text or json) and its JUnit document, and the
    sentence to fail with, "" when nothing is at level *fail_on* or worse. With *probe* the source
    of every downloaded image is read to its end.
    """
    longhorn = find_longhorn(task.client, only_look=True)
    cluster = read_cluster(task.client, longhorn, KINDS)
    sources = _ask_sources(task, cluster, probe) if probe is not None else {}
    found = audit.make(cluster, Question(copies, longhorn.served, upgrade, sources))
    result = found.as_data()
    if form == "json":
        result["lines"] = json.dumps(result, indent=2, sort_keys=True).splitlines()
    else:
        result["lines"] = text.lines(found)
    result["junit"] = junit.report(found, fail_on)
    result["requests"] = task.client.requests
    return result, text.too_bad(found, fail_on)


def _ask_sources(task: Task, cluster: Cluster, way: Way) -> dict[str, str]:
    """What is wrong with the source of each downloaded image, "" where it delivers."""
    wanted = {
        name: expected_of(image)
        for name, image in cluster.images.items()
        if image.source_type == DOWNLOAD and not image.meta.deleting
    }
    # Reading may take longer than a task that only lists: each source has its own limit.
    patient = dataclasses.replace(task, deadline=Deadline(None))
    found = check_sources(patient, wanted, way)
    return {name: "" if finding.ok else finding.text for name, finding in found.items()}
