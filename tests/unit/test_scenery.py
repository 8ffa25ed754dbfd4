# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The furnished cluster can be made on every minor version that the collection works with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenery.furnish import Furnisher
from tests.simulator.longhorn import names
from tests.simulator.longhorn.cluster import Cluster


@pytest.mark.parametrize("minor", range(5, 13))
def test_it_is_furnished(minor: int, tmp_path: Path) -> None:
    cluster = Cluster(f"1.{minor}", nodes=3, disks=2, root=tmp_path)
    try:
        Furnisher(cluster).furnish()
        states = {
            str(entry["state"])
            for image in cluster.store.list(names.IMAGES)
            for entry in image["status"]["diskFileStatusMap"].values()
        }
        assert states == {"ready"}
        assert len(cluster.store.list(names.IMAGES)) == 6
    finally:
        cluster.close()
