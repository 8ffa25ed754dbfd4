# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The truth table of the drain (F§15.3): which policy lets the budget of a cordoned node go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulator.errors import ApiError
from tests.simulator.longhorn import names
from tests.simulator.longhorn.budget import blocked_by
from tests.unit.simulator.longhorn.volume_cluster import VolumeCluster

LAST = "block-if-contains-last-replica"
STOPPED = "allow-if-replica-is-stopped"
ALWAYS = "always-allow"
EVICT = "block-for-eviction"
EVICT_LAST = "block-for-eviction-if-contains-last-replica"


@pytest.fixture
def rig() -> Iterator[VolumeCluster]:
    """1.6: it has all five policies, and rebuilds fast."""
    found = VolumeCluster("1.6")
    yield found
    found.close()


def attached(rig: VolumeCluster, replicas: int) -> str:
    """Attach a volume with its engine away from one of its replicas; that replica's node."""
    rig.volume(replicas=replicas)
    target = sorted(rig.homes())[0]
    rig.attach(next(node for node in rig.nodes if node != target))
    return target


@pytest.mark.parametrize("policy", [LAST, STOPPED, ALWAYS, EVICT_LAST])
def test_two_replicas_do_not_block(rig: VolumeCluster, policy: str) -> None:
    target = attached(rig, 2)
    rig.policy(policy)
    rig.cordon(target)
    rig.wait(2)
    assert not rig.has_budget(target)
    assert all(not r["spec"]["evictionRequested"] for r in rig.replicas())


@pytest.mark.parametrize("policy", [LAST, STOPPED])
def test_a_last_replica_blocks(rig: VolumeCluster, policy: str) -> None:
    target = attached(rig, 1)
    rig.policy(policy)
    rig.cordon(target)
    rig.wait(60)
    assert rig.has_budget(target)
    assert "has no pdb on another node" in blocked_by(rig.cluster.world, rig.manager(target))
    with pytest.raises(ApiError) as refused:
        rig.evict_manager(target)
    assert refused.value.status == 429


@pytest.mark.parametrize(("policy", "kept"), [(LAST, True), (STOPPED, False)])
def test_a_stopped_last_replica(rig: VolumeCluster, policy: str, kept: bool) -> None:
    target = attached(rig, 1)
    rig.policy(policy)
    rig.detach()
    rig.cordon(target)
    rig.wait(40)
    assert rig.has_budget(target) is kept


@pytest.mark.parametrize("policy", [EVICT, EVICT_LAST])
def test_a_last_replica_is_evicted_first(rig: VolumeCluster, policy: str) -> None:
    target = attached(rig, 1)
    rig.policy(policy)
    rig.cordon(target)
    rig.wait(1)
    assert rig.has_budget(target)
    assert rig.there(target)["spec"]["evictionRequested"]
    rig.until(lambda: not rig.has_budget(target), 60)
    assert target not in rig.homes()
    assert rig.robustness() == "healthy"


def test_always_allow_takes_the_last_replica_away(rig: VolumeCluster) -> None:
    target = attached(rig, 1)
    rig.policy(ALWAYS)
    rig.cordon(target)
    rig.wait(1)
    rig.evict_manager(target)
    rig.wait(20)
    assert rig.state() in ("detached", "attaching")
    rig.cordon(target, False)
    rig.until(lambda: rig.robustness() == "healthy", 60)


def test_an_engine_blocks_whatever_the_policy(rig: VolumeCluster) -> None:
    rig.volume(replicas=2)
    target = rig.nodes[0]
    rig.attach(target)
    rig.policy(ALWAYS)
    rig.cordon(target)
    rig.wait(60)
    assert rig.has_budget(target)
    reason = blocked_by(rig.cluster.world, rig.manager(target))
    assert reason.startswith("some volumes are still attached InstanceEngines count 1 vol-e-0")


def test_manual_tickets_go_with_the_setting(rig: VolumeCluster) -> None:
    rig.volume(replicas=2)
    target = rig.nodes[0]
    rig.attach(target)
    rig.cordon(target)
    rig.wait(5)
    setting = "detach-manually-attached-volumes-when-cordoned"
    rig.patch(names.SETTINGS, setting, {"value": "true"})
    rig.until(lambda: rig.state() == "detached", 40)
    assert not rig.get(names.ATTACHMENTS, "vol")["spec"]["attachmentTickets"]


def test_the_budget_comes_back_with_the_uncordon(rig: VolumeCluster) -> None:
    target = attached(rig, 2)
    rig.cordon(target)
    rig.wait(1)
    rig.cordon(target, False)
    rig.wait(1)
    assert rig.has_budget(target)


def test_two_cordoned_nodes_protect_nobody(rig: VolumeCluster) -> None:
    target = attached(rig, 2)
    peer = next(node for node in rig.homes() if node != target)
    rig.cordon(peer)
    rig.wait(2)
    rig.cordon(target)
    rig.wait(30)
    assert rig.has_budget(target)
