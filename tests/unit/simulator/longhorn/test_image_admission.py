# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refusals of Longhorn's webhooks: who is refused, with which code and words (F§14.3)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.errors import ApiError
from tests.simulator.longhorn import names
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.longhorn.webhook_images import short_name
from tests.unit.simulator.longhorn.conftest import Maker

MERGE = "application/merge-patch+json"


def refusal(cluster: Cluster, res: str, name: str, body: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        cluster.store.patch(res, names.NAMESPACE, name, body, MERGE)
    return caught.value


def cause(error: ApiError) -> tuple[str, str]:
    found = (error.details or {})["causes"][0]
    return found.get("field", ""), found["message"]


def new_image(**spec: Any) -> dict[str, Any]:
    body = {"sourceType": "download", "sourceParameters": {"url": "http://images.local/f/raw4.img"}}
    return {
        "metadata": {"name": "one", "namespace": names.NAMESPACE},
        "spec": body | spec,
    }


def test_defaults_of_a_new_image(make_cluster: Maker) -> None:
    cluster = make_cluster()
    made = cluster.store.create(names.IMAGES, new_image())
    assert made["spec"]["minNumberOfCopies"] == 3
    assert made["spec"]["dataEngine"] == "v1"
    assert made["spec"]["diskFileSpecMap"] == {}
    assert made["metadata"]["finalizers"] == ["longhorn.io"]
    assert made["metadata"]["labels"]["longhorn.io/component"] == "backing-image"


def test_a_scheme_that_is_not_http_is_refused_from_1_12_1_on(make_cluster: Maker) -> None:
    url = {"sourceParameters": {"url": "httpsinvalid://host/file"}}
    with pytest.raises(ApiError) as caught:
        make_cluster("1.12.1").store.create(names.IMAGES, new_image(**url))
    assert caught.value.status == 422
    field, text = cause(caught.value)
    assert field == "spec.sourceParameters[url]"
    assert text == 'invalid download URL scheme "httpsinvalid"'
    assert make_cluster("1.12.0").store.create(names.IMAGES, new_image(**url))


@pytest.mark.parametrize("number", [0, -1])
def test_the_minimum_is_checked_on_update_from_1_12_1_on(make_cluster: Maker, number: int) -> None:
    body = {"spec": {"minNumberOfCopies": number}}
    cluster = make_cluster("1.12.1")
    cluster.store.create(names.IMAGES, new_image())
    error = refusal(cluster, names.IMAGES, "one", body)
    text = f"minimum number of backing image copies {number} must larger than 0"
    assert (error.status, cause(error)) == (422, ("", text))
    older = make_cluster("1.7.3")
    older.store.create(names.IMAGES, new_image())
    older.store.patch(names.IMAGES, names.NAMESPACE, "one", body, MERGE)


@pytest.mark.parametrize(
    ("release", "body", "text"),
    [
        (
            "1.12",
            {"diskFileSpecMap": {"x": 5}},
            "number into Go struct field BackingImageSpec.spec.diskFileSpecMap of type "
            "v1beta2.BackingImageDiskFileSpec",
        ),
        (
            "1.12",
            {"diskFileSpecMap": "abc"},
            "string into Go struct field BackingImageSpec.spec.diskFileSpecMap of type "
            "map[string]*v1beta2.BackingImageDiskFileSpec",
        ),
        (
            "1.6",
            {"disks": {"x": 5}},
            "number into Go struct field BackingImageSpec.spec.disks of type string",
        ),
        (
            "1.6",
            {"disks": "abc"},
            "string into Go struct field BackingImageSpec.spec.disks of type map[string]string",
        ),
    ],
)
def test_a_wrong_type_is_refused_by_the_mutator(
    make_cluster: Maker, release: str, body: dict[str, Any], text: str
) -> None:
    cluster = make_cluster(release)
    cluster.store.create(names.IMAGES, new_image())
    error = refusal(cluster, names.IMAGES, "one", {"spec": body})
    assert error.status == 500
    start = 'admission webhook "mutator.longhorn.io" denied the request: json: cannot unmarshal '
    assert error.message == start + text


def test_an_image_under_replicas_is_not_deleted(make_cluster: Maker) -> None:
    cluster = make_cluster()
    cluster.store.create(names.IMAGES, new_image())
    replica = {
        "metadata": {"name": "r", "namespace": names.NAMESPACE},
        "spec": {"backingImage": "one", "volumeName": "v"},
    }
    cluster.store.create(names.REPLICAS, replica)
    with pytest.raises(ApiError) as caught:
        cluster.store.delete(names.IMAGES, names.NAMESPACE, "one")
    text = "cannot delete backing image one since there are replicas using it"
    assert cause(caught.value) == ("", text)


def test_a_null_map_is_an_empty_one(make_cluster: Maker) -> None:
    cluster = make_cluster()
    cluster.create_image("one", copies=1)
    body = {"spec": {"diskFileSpecMap": None}}
    patched = cluster.store.patch(names.IMAGES, names.NAMESPACE, "one", body, MERGE)
    assert patched["spec"]["diskFileSpecMap"] == {}


def test_eviction_needs_scheduling_off(make_cluster: Maker) -> None:
    cluster = make_cluster()
    node = cluster.nodes[0]
    disk = next(iter(cluster.store.get(names.NODES, names.NAMESPACE, node)["spec"]["disks"]))
    body: dict[str, Any] = {"spec": {"disks": {disk: {"evictionRequested": True}}}}
    error = refusal(cluster, names.NODES, node, body)
    assert error.status == 422
    assert cause(error)[1] == (
        f"need to disable scheduling on disk {disk} for disk eviction, or cancel eviction to "
        "enable scheduling on this disk"
    )
    error = refusal(cluster, names.NODES, node, {"spec": {"evictionRequested": True}})
    assert "need to disable scheduling on node" in cause(error)[1]


def test_a_disk_is_removed_in_two_steps_and_the_node_is_busy_then(make_cluster: Maker) -> None:
    cluster = make_cluster(disks=2)
    node = cluster.nodes[0]
    removed: dict[str, Any] = {"spec": {"disks": {"disk-2": None}}}
    error = refusal(cluster, names.NODES, node, removed)
    assert cause(error)[1] == (
        "Delete Disk on node disk-2 error: Please disable the disk /var/lib/longhorn-2/ and "
        "remove all replicas and backing images first "
    )
    closed = {"spec": {"disks": {"disk-2": {"allowScheduling": False}}}}
    cluster.store.patch(names.NODES, names.NAMESPACE, node, closed, MERGE)
    cluster.store.patch(names.NODES, names.NAMESPACE, node, removed, MERGE)
    error = refusal(cluster, names.NODES, node, {"spec": {"allowScheduling": False}})
    assert error.status == 403
    assert "are being syncing" in error.message
    cluster.kernel.run_for(31)
    cluster.store.patch(
        names.NODES, names.NAMESPACE, node, {"spec": {"allowScheduling": False}}, MERGE
    )
    assert len(cluster.disk_uuids(node)) == 1


def test_a_living_node_is_deleted_only_up_to_1_9(make_cluster: Maker) -> None:
    node = "node-2"
    with pytest.raises(ApiError) as caught:
        make_cluster("1.12").store.delete(names.NODES, names.NAMESPACE, node)
    assert cause(caught.value)[1] == (
        "could not delete node node-2 with node ready condition is True, reason is , node "
        "schedulable true, and 0 replica, 0 engine running on it"
    )
    older = make_cluster("1.6")
    older.store.delete(names.NODES, names.NAMESPACE, node)
    older.kernel.run_for(1)
    assert older.store.find(names.NODES, names.NAMESPACE, node) is None


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("current-longhorn-version", "v9", "setting current-longhorn-version is read-only"),
        ("node-drain-policy", "never", "is invalid"),
        ("backing-image-recovery-wait-interval", "soon", "is not a number"),
        ("default-min-number-of-backing-image-copies", "0", "at least 1"),
    ],
)
def test_settings_have_rules(make_cluster: Maker, name: str, value: str, text: str) -> None:
    error = refusal(make_cluster(), names.SETTINGS, name, {"value": value})
    assert error.status == 422
    assert text in cause(error)[1]


def test_a_scalar_becomes_a_value_per_engine_from_1_10_on(make_cluster: Maker) -> None:
    body = {"value": "2"}
    name = "default-replica-count"
    new = make_cluster("1.10").store.patch(names.SETTINGS, names.NAMESPACE, name, body, MERGE)
    assert new["value"] == '{"v1":"2","v2":"2"}'
    old = make_cluster("1.9").store.patch(names.SETTINGS, names.NAMESPACE, name, body, MERGE)
    assert old["value"] == "2"


def test_long_names_are_cut() -> None:
    assert short_name("Plain-Name") == "plain-name"
    cut = short_name("x" * 41)
    assert len(cut) == 40 and cut.startswith("x" * 31 + "-")
