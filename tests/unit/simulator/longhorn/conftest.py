# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters that live as long as a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.simulator.longhorn.cluster import Cluster

Maker = Callable[..., Cluster]


@pytest.fixture
def make_cluster() -> Iterator[Maker]:
    """Makes clusters in virtual time, and closes them."""
    made: list[Cluster] = []

    def make(longhorn: str = "1.12", nodes: int = 3, disks: int = 1, seed: int = 1) -> Cluster:
        made.append(Cluster(longhorn, nodes, disks, seed))
        return made[-1]

    yield make
    for cluster in made:
        cluster.close()
