# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten thousand images on a thousand nodes are judged in seconds, also with many nodes gone."""

from __future__ import annotations

import dataclasses
import time

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    diagnosis_text,
    image_facts,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import Meta
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Manager,
    ManagerFile,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import catalogue
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import see
from tests.unit.plugins.module_utils._domain.audit.test_large import IMAGES, large

SECONDS_MAX = 3.0  # it takes 1.5; going through all managers for each image took 5
NODES_GONE = 100


def damaged() -> Cluster:
    """Every disk has its manager, which records what is there; a tenth of the nodes is gone."""
    whole = large()
    held: dict[str, dict[str, ManagerFile]] = {}
    for image in whole.images.values():
        for disk in image.copies:
            held.setdefault(disk, {})[image.name] = ManagerFile(image.name)
    managers = {
        disk: Manager(
            Meta(disk), node=disk.partition(".")[0], disk=disk, state="running", files=files
        )
        for disk, files in held.items()
    }
    left = dict(list(whole.nodes.items())[NODES_GONE:])
    return dataclasses.replace(whole, nodes=left, managers=managers)


def test_ten_thousand_images_are_judged_in_seconds() -> None:
    cluster = damaged()
    began = time.process_time()
    facts = []
    for image in cluster.images.values():
        sight = see(cluster, image)
        facts.append(image_facts.describe(sight, catalogue.judge([sight])))
    lines = diagnosis_text.lines(facts)
    assert time.process_time() - began < SECONDS_MAX
    assert len(facts) == IMAGES
    assert len(lines) < 500
    assert all(sum(c["proven"] for c in f["copies"]) == f["proven_copies"] for f in facts)
