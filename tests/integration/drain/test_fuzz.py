# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small sample of the histories of tests/fuzz, and that its watcher sees what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.disks import Disks
from tests.fuzz.history import judged
from tests.fuzz.watcher import Watcher
from tests.integration.drain.scene import SPACE
from tests.simulator.longhorn import names
from tests.simulator.longhorn.cluster import Cluster
from tests.stepped.transport import Write


@pytest.mark.parametrize("seed", [4, 8, 13, 18, 24, 28])
def test_no_rule_is_broken(seed: int) -> None:
    outcome = judged(seed)
    assert not outcome.wrong, (outcome.what, outcome.wrong, outcome.log[-40:])
    assert outcome.interfered and outcome.ended


def test_the_watcher_sees_the_last_file_go(tmp_path: Path) -> None:
    cluster = Cluster("1.12.1", nodes=2, root=tmp_path)
    try:
        one, two = cluster.disk_uuids()
        cluster.create_image("image", on=[one, two])
        watcher = Watcher(cluster, Disks(cluster))

        def take(uuid: str) -> None:
            watcher.at_write(Write(1, "PATCH", "backingimages/image"), "before")
            field = cluster.profile.map_field
            cluster.store.mutate(names.IMAGES, SPACE, "image", lambda o: o["spec"][field].pop(uuid))
            watcher.at_write(Write(1, "PATCH", "backingimages/image"), "after")

        take(one)
        assert watcher.wrong == []
        take(two)
        assert [text for text in watcher.wrong if "last complete file" in text]
    finally:
        cluster.close()
