# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The furnished cluster can be made on every minor version; what counts as a cluster left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenery.furnish import Furnisher
from tests.scenery.stillness import unchanged
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


def test_only_keys_that_longhorn_adds_to_a_map_count_as_no_change() -> None:
    before = ["uid", {}, {"diskFileSpecMap": {"d1": {"evictionRequested": False}}}]
    more = ["uid", {}, {"diskFileSpecMap": {**before[2]["diskFileSpecMap"], "d2": {}}}]
    assert unchanged("backingimages", before, before)
    assert unchanged("backingimages", before, more)
    assert not unchanged("backingimages", more, before), "a key was taken out"
    evicted = ["uid", {}, {"diskFileSpecMap": {"d1": {"evictionRequested": True}}}]
    for other in (evicted, ["uid", {"note": "x"}, before[2]], ["other", {}, before[2]], None):
        assert not unchanged("backingimages", before, other)
    assert not unchanged("volumes", before, more)
