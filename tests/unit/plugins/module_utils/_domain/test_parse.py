# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The model must read what real Longhorn wrote, in both generations."""

from __future__ import annotations

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import parse
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import detect
from tests.unit.recorded import scenario, states

MOVED = ["v1.6.4/w2-leave-own", "v1.7.3/w2-leave-own", "v1.12.1/w2-leave-own"]


@pytest.mark.parametrize("name", MOVED)
def test_every_state_of_a_recorded_drain_parses(name: str) -> None:
    seen = list(states(scenario(name), step=10))
    assert len(seen) > 20
    for _time, cluster in seen:
        assert len(cluster.nodes) == 3
        assert len(cluster.kube_nodes) == 3
        assert all(node.disks and node.disks[0].uuid for node in cluster.nodes.values())


@pytest.mark.parametrize("name", MOVED)
def test_images_show_keys_and_states(name: str) -> None:
    ready = [
        copy
        for _time, cluster in states(scenario(name), step=5)
        for image in cluster.images.values()
        for copy in image.wanted
        if copy.state == "ready"
    ]
    assert ready
    assert all(copy.reported and copy.progress == 100 for copy in ready)


@pytest.mark.parametrize("name", MOVED)
def test_volumes_engines_and_replicas_belong_together(name: str) -> None:
    for _time, cluster in states(scenario(name), step=10):
        for replica in cluster.replicas.values():
            assert not replica.disk or replica.disk in cluster.disks
        for volume in cluster.volumes.values():
            engine = cluster.engine(volume.name)
            assert engine is None or engine.volume == volume.name
        assert set(cluster.replicas_of_image) <= set(cluster.images) | {
            r.image for r in cluster.replicas.values()
        }


def test_an_entry_without_engine_is_seen_as_incomplete() -> None:
    found = {
        image.name: [copy.complete for copy in image.wanted]
        for _time, cluster in states(scenario("v1.12.1/w2-empty-entry-undeletable"), step=5)
        for image in cluster.images.values()
        if any(not copy.complete for copy in image.wanted)
    }
    assert found


def test_managers_record_files_and_budgets_select_their_pod() -> None:
    _time, cluster = list(
        states(scenario("v1.12.1/v6-drain-block-if-contains-last-replica"), step=40)
    )[3]
    assert any(
        file.state == "ready"
        for manager in cluster.managers.values()
        for file in manager.files.values()
    )
    for budget in cluster.budgets:
        names = [pod.name for pod in cluster.pods if budget.selects(pod)]
        assert names in ([], [budget.name])
    engines = [name for manager in cluster.instance_managers.values() for name in manager.engines]
    assert all("-e-" in name for name in engines)


def test_a_key_without_entry_and_an_entry_without_key() -> None:
    schema = detect("v1.12.1", [])
    image = parse.image(
        {
            "metadata": {"name": "a"},
            "spec": {"diskFileSpecMap": {"one": {"dataEngine": "v1"}}, "disks": {"dead": ""}},
            "status": {"diskFileStatusMap": {"two": {"state": "ready", "progress": 100}}},
        },
        schema,
    )
    assert [copy.disk for copy in image.wanted] == ["one"]
    assert image.copies["two"].state == "ready" and not image.copies["two"].in_map
    assert not image.copies["one"].reported
    assert "dead" not in image.copies


def test_an_absent_map_is_told_from_an_empty_one() -> None:
    schema = detect("1.6.4", [])
    assert not parse.image({"metadata": {"name": "a"}, "spec": {}}, schema).map_present
    assert parse.image({"metadata": {"name": "a"}, "spec": {"disks": {}}}, schema).map_present


def test_pods_tell_owner_mirror_and_local_data() -> None:
    pod = parse.pod(
        {
            "metadata": {
                "name": "web",
                "namespace": "default",
                "ownerReferences": [{"kind": "ReplicaSet", "name": "rs", "controller": True}],
                "annotations": {"kubernetes.io/config.mirror": "x", "other": "y"},
            },
            "spec": {
                "nodeName": "n1",
                "volumes": [
                    {"name": "tmp", "emptyDir": {}},
                    {"persistentVolumeClaim": {"claimName": "data"}},
                ],
            },
            "status": {"phase": "Running"},
        }
    )
    assert (pod.owner_kind, pod.mirror, pod.empty_dirs, pod.claims) == (
        "ReplicaSet",
        True,
        ("tmp",),
        ("data",),
    )
    assert pod.key == "default/web" and not pod.finished
