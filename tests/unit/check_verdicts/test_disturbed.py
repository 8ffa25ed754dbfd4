# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever an observer missed or saw late, no verdict says what the objects do not bear out."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    diagnosis_text,
    image_facts,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import catalogue
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import Sight
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    Verdict,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.observation import (
    Observation,
)
from tests.check_verdicts.answer_key import WINDOW_SECONDS, Events, Moments, timed_events
from tests.unit import recorded
from tests.unit.check_verdicts.disturbed import DISTURBANCES, Truth

# Short ones in which copies fail, move, return, or are fetched again.
RECORDINGS = (
    "v1.12.1/e0-solo-all-copies-lost",
    "v1.6.4/v3-all-copies-lost-while-volume-attached",
    "v1.7.3/g2-evict-node",
    "v1.6.4/g4-drain",
)
STEP_SECONDS = 1.0
LONGEST = 2500


def play(name: str, disturbance: str, seed: int) -> Iterator[tuple[Sight, Verdict, list[Truth]]]:
    """The last sight, the verdict, and what was true at every sight of its window."""
    folder, chance = recorded.scenario(name), random.Random(seed)
    events: Events = DISTURBANCES[disturbance](timed_events(folder), chance)
    begin = chance.choice([0.0, chance.uniform(0.0, events[-1][0] / 2)])
    steps = int((events[-1][0] - begin) / STEP_SECONDS)
    moments = Moments(folder, events)
    observation = Observation(WINDOW_SECONDS)
    known: dict[str, list[tuple[float, Truth]]] = {}
    for at, cluster in moments.at(begin + step * STEP_SECONDS for step in range(steps)):
        observation.record(cluster, cluster.images, at)
        for image in cluster.images:
            truths = known.setdefault(image, [])
            truths.append((at, Truth(moments.held, image, cluster.schema.map_field)))
            window = observation.window(image)
            recent = [truth for seen, truth in truths if seen > at - WINDOW_SECONDS]
            yield window[-1], catalogue.judge(window), recent


@pytest.mark.parametrize("disturbance", DISTURBANCES)
@pytest.mark.parametrize("number", range(len(RECORDINGS)))
def test_no_verdict_says_more_than_the_objects(disturbance: str, number: int) -> None:
    looks = 0
    for sight, verdict, truths in play(RECORDINGS[number], disturbance, seed=number):
        now, looks = truths[-1], looks + 1
        where = (sight.image.name, sight.seconds, verdict.name, verdict.summary)
        if verdict.name == "healthy":
            assert len(now.ready) >= now.wanted, where
        if verdict.name.startswith("degraded"):
            assert now.ready, where
        if verdict.recoverable:
            assert not now.doubtful, where
            assert not any(truth.ready for truth in truths), where
        assert len(verdict.summary) < LONGEST, where
        facts = image_facts.describe(sight, verdict)
        json.dumps(facts)
        assert diagnosis_text.lines([facts])
    assert looks > 10
