# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated clusters: the rules against a second, independent writing of Longhorn's test.

The simulator has its own (tests/simulator/longhorn/budget.py), on raw objects and examined by
recordings; both must say the same of the same objects, under all policies.
"""

from __future__ import annotations

from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import parse
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release import evaluate
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.answer import Hold
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.policy import Policy
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import detect
from tests.simulator.longhorn import budget, names
from tests.simulator.longhorn.world import World as SimulatedWorld

NODES = ("n1", "n2", "n3")
STAMP = "2026-01-05T08:00:00Z"
Raw = dict[str, Any]


class Store:
    """The part of a store that the simulator's rule reads."""

    def __init__(self, held: dict[str, list[Raw]]) -> None:
        self._held = held

    def list(self, res: str, ns: str | None = None, selector: str = "") -> list[Raw]:
        """Objects of a resource; a selector of one label."""
        found = self._held.get(res, [])
        if not selector:
            return found
        key, _unused, value = selector.partition("=")
        return [o for o in found if (o["metadata"].get("labels") or {}).get(key) == value]

    def find(self, res: str, ns: str | None, name: str) -> Raw | None:
        """One object."""
        return next((o for o in self.list(res) if o["metadata"]["name"] == name), None)


class World:
    """What the simulator's rule is given."""

    def __init__(self, store: Store, policy: str) -> None:
        self.store = store
        self._policy = policy

    def setting(self, name: str) -> str:
        """Only the policy is asked for."""
        assert name == "node-drain-policy"
        return self._policy


def named(name: str, **parts: Any) -> Raw:
    return {"metadata": {"name": name, "namespace": names.NAMESPACE}, **parts}


@st.composite
def replicas(draw: st.DrawFn) -> list[Raw]:
    found = []
    for volume in ("a", "b"):
        for number, node in enumerate(draw(st.lists(st.sampled_from(NODES), max_size=3))):
            running = draw(st.booleans())
            spec = {
                "volumeName": volume,
                "nodeID": node,
                "healthyAt": draw(st.sampled_from(["", STAMP])),
                "failedAt": draw(st.sampled_from(["", "", STAMP])),
                "desireState": "running" if running else "stopped",
            }
            status = {"currentState": "running" if running else "stopped"}
            found.append(named(f"{volume}-r-{number}", spec=spec, status=status))
    return found


@st.composite
def clusters(draw: st.DrawFn) -> dict[str, list[Raw]]:
    copies = draw(replicas())
    managers, budgets, nodes = [], [], []
    for node in NODES:
        running: Raw = {
            r["metadata"]["name"]: {}
            for r in copies
            if r["spec"]["nodeID"] == node and r["status"]["currentState"] == "running"
        }
        engines: Raw = {"a-e-0": {}} if draw(st.integers(0, 5)) == 0 else {}
        status = {
            "currentState": "running" if node == "n1" else draw(st.sampled_from(STATES)),
            "instanceEngines": engines,
            "instanceReplicas": running,
        }
        manager = named(f"im-{node}", spec={"nodeID": node, "type": "aio"}, status=status)
        manager["metadata"]["labels"] = {names.LABEL_NODE: node}
        managers.append(manager)
        if node == "n1" or draw(st.booleans()):
            budgets.append(named(f"im-{node}", spec={}, status={}))
        closed = node == "n1" or draw(st.booleans())
        nodes.append({"metadata": {"name": node}, "spec": {"unschedulable": closed}})
    volumes = [named(v, spec={}, status={"state": "attached"}) for v in ("a", "b")]
    return {
        names.REPLICAS: copies,
        names.INSTANCE_MANAGERS: managers,
        "poddisruptionbudgets.policy": budgets,
        "nodes": nodes,
        "volumes": volumes,
    }


STATES = ("running", "running", "starting", "error")


def model_of(held: dict[str, list[Raw]], policy: str) -> Cluster:
    return Cluster(
        schema=detect("1.12.1", []),
        namespace=names.NAMESPACE,
        settings={"node-drain-policy": policy},
        kube_nodes={n.name: n for n in map(parse.kube_node, held["nodes"])},
        volumes={v.name: v for v in map(parse.volume, held["volumes"])},
        replicas={r.name: r for r in map(parse.replica, held[names.REPLICAS])},
        instance_managers={
            m.name: m for m in map(parse.instance_manager, held[names.INSTANCE_MANAGERS])
        },
        budgets=tuple(map(parse.budget, held["poddisruptionbudgets.policy"])),
    )


@settings(max_examples=400, deadline=None)
@given(held=clusters(), policy=st.sampled_from(list(Policy)))
def test_two_writings_of_the_rule_agree(held: dict[str, list[Raw]], policy: Policy) -> None:
    store = Store(held)
    manager = held[names.INSTANCE_MANAGERS][0]
    theirs = budget.blocked_by(cast(SimulatedWorld, World(store, policy.value)), manager)
    cluster = model_of(held, policy.value)
    ours = evaluate.evaluate(cluster, cluster.instance_managers["im-n1"])
    assert ours.hold is (Hold.BLOCKED if theirs else Hold.FREE), theirs
    if ours.hold is not Hold.BLOCKED:
        return
    assert ours.clears is not None and all(b.reason and b.remedy for b in ours.blockers)
    named_replicas = {b.name for b in ours.blockers if b.kind == "replica"}
    if theirs.startswith("some replicas"):
        assert named_replicas == set(theirs.split()[6:])
    elif theirs.startswith("replica "):
        assert theirs.split()[1] in named_replicas
    else:
        assert not named_replicas


@settings(max_examples=200, deadline=None)
@given(held=clusters())
def test_a_laxer_policy_never_blocks_more(held: dict[str, list[Raw]]) -> None:
    def free(policy: Policy) -> bool:
        cluster = model_of(held, policy.value)
        manager = cluster.instance_managers["im-n1"]
        return evaluate.evaluate(cluster, manager).hold is Hold.FREE

    assert free(Policy.KEEP_LAST) == free(Policy.EVICT_LAST)
    for strict, lax in (
        (Policy.EVICT_ALL, Policy.KEEP_LAST),
        (Policy.KEEP_LAST, Policy.KEEP_LAST_RUNNING),
        (Policy.KEEP_LAST_RUNNING, Policy.ALLOW),
    ):
        assert free(lax) or not free(strict)
