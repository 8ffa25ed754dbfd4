# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit of a very large cluster costs less than a second."""

from __future__ import annotations

import random
import time

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit import audit, text
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.audit import Question
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from tests.unit.plugins.module_utils._domain.build import (
    cluster,
    copy,
    image,
    node,
    replica,
    volume,
)

NODES = 1000
IMAGES = 10_000
SECONDS_MAX = 1.0


def large() -> Cluster:
    """Three copies of each image, every twentieth with one; a volume for every fourth."""
    chance = random.Random(7)
    names = [f"worker-{number}" for number in range(NODES)]
    things: list[object] = [node(name, zone=f"zone-{n % 3}") for n, name in enumerate(names)]
    for number in range(IMAGES):
        at = chance.sample(names, 1 if number % 20 == 0 else 3)
        name = f"image-{number}"
        things.append(image(name, [copy(f"{host}.0") for host in at], min_copies=len(at)))
        if number % 4 == 0:
            things.append(volume(f"v{number}", 2, image=name))
            for host in chance.sample(names, 2):
                things.append(replica(f"v{number}-{host}", f"v{number}", host, image=name))
    return cluster("1.12.1", *things)


def test_ten_thousand_images_on_a_thousand_nodes_in_a_second() -> None:
    held = large()
    best = min(_seconds(held) for _attempt in range(3))
    assert best < SECONDS_MAX


def _seconds(held: Cluster) -> float:
    began = time.process_time()
    found = audit.make(held, Question())
    shown = text.lines(found)
    assert len(shown) < 50
    assert len(found.names) == IMAGES
    return time.process_time() - began
