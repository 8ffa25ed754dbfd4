# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges images: one read of each kind, and a longer look only where no copy is proven."""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.source import Way
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    data_source_end,
    diagnosis_text,
    image_facts,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.delivered import (
    expected_of,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import catalogue
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import Sight
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.check_sources import (
    check_sources,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    IMAGE_KINDS,
    LiveCluster,
    Longhorn,
    find_longhorn,
    read_cluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.observation import (
    Observation,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task

TICK_SECONDS = 1.0
ALL = "all"
SHOWN = 10


def unknown_image(name: str, known: Iterable[str]) -> str:
    """The sentence for a name that no image has, with the nearest ones."""
    there = sorted(known)
    near = difflib.get_close_matches(name, there, n=3, cutoff=0.5)
    if near:
        return f"There is no image {name}. Did you mean {', '.join(near)}?"
    if not there:
        return f"There is no image {name}: Longhorn has no image at all."
    more = f" and {len(there) - SHOWN} more" if len(there) > SHOWN else ""
    return f"There is no image {name}. There are: {', '.join(there[:SHOWN])}{more}."


def chosen(names: Sequence[str], known: Iterable[str], cluster: Cluster | None = None) -> list[str]:
    """The names asked for, or all. Raises Failure naming every one that does not exist; with the
    cluster also what a deleted one has left.
    """
    there = sorted(known)
    missing = [name for name in names if name not in there]
    if missing:
        left = {n: data_source_end.of_gone_image(cluster, n) if cluster else "" for n in missing}
        raise Failure("\n".join(left[name] or unknown_image(name, there) for name in missing))
    return list(dict.fromkeys(names)) or there


def diagnose(
    task: Task, names: Sequence[str], window_seconds: float, probe: Way | None = None
) -> dict[str, Any]:
    """Every chosen image with its verdict, worst first, and a count of each verdict.

    The watches and the window of *window_seconds* are only begun where one read is not enough. With
    *probe* the sources of downloaded images without any copy are asked whether they still deliver.
    """
    longhorn = find_longhorn(task.client, only_look=True)
    cluster = read_cluster(task.client, longhorn, IMAGE_KINDS)
    observation = Observation(window_seconds)
    selected = chosen(names, cluster.images, cluster)
    observation.record(cluster, selected, task.deadline.now())
    unsure = [name for name in selected if _unsure(observation, name)]
    if unsure and window_seconds > 0:
        _look_longer(task, longhorn, observation, unsure)
    windows = {name: list(window) for name in selected if (window := observation.window(name))}
    if probe is not None:
        _ask_sources(task, windows, probe)
    found = []
    for name, window in windows.items():
        verdict = catalogue.judge(window)
        facts = image_facts.describe(window[-1], verdict)
        found.append((catalogue.severity(verdict), name, facts))
    images = [facts for _severity, _name, facts in sorted(found, key=lambda item: item[:2])]
    counts: dict[str, int] = {}
    for facts in images:
        counts[facts["verdict"]["name"]] = counts.get(facts["verdict"]["name"], 0) + 1
    return {
        "longhorn_version": str(longhorn.schema.version),
        "images": images,
        "counts": counts,
    }


def _ask_sources(task: Task, windows: dict[str, list[Sight]], way: Way) -> None:
    """Put what each source tells into the last sight of its image."""
    wanted = {
        name: expected_of(window[-1].image)
        for name, window in windows.items()
        if window[-1].can_download and not window[-1].exists and not window[-1].image.meta.deleting
    }
    # Reading may take longer than a task that only lists: each source has its own limit.
    patient = dataclasses.replace(task, deadline=Deadline(None))
    for name, finding in check_sources(patient, wanted, way).items():
        windows[name][-1] = dataclasses.replace(windows[name][-1], finding=finding)


def show(
    task: Task,
    names: Sequence[str],
    window_seconds: float,
    form: str,
    fail_on: str,
    probe: Way | None = None,
) -> tuple[dict[str, Any], str]:
    """The diagnosis with the lines that show it (*form* text or json), and the sentence to fail
    with, "" when nothing is at level *fail_on* or worse.
    """
    found = diagnose(task, [] if list(names) == [ALL] else names, window_seconds, probe)
    images = found["images"]
    found["worst"] = diagnosis_text.worst(images)
    if form == "json":
        found["lines"] = json.dumps(found, indent=2, sort_keys=True).splitlines()
    else:
        found["lines"] = diagnosis_text.lines(images)
    return found, diagnosis_text.too_bad(images, fail_on)


def _unsure(observation: Observation, name: str) -> bool:
    window = observation.window(name)
    verdict = catalogue.judge(window)
    return catalogue.needs_window(verdict) or catalogue.may_pass(window[-1], verdict)


def _look_longer(
    task: Task, longhorn: Longhorn, observation: Observation, names: Sequence[str]
) -> None:
    limit = task.deadline.within(observation.seconds)
    with LiveCluster(task.client, longhorn, IMAGE_KINDS) as live:
        while not limit.expired:
            task.interrupt.check("Nothing is written by this task.")
            live.next_change(min(TICK_SECONDS, limit.remaining()))
            observation.record(live.picture(), names, task.deadline.now())
