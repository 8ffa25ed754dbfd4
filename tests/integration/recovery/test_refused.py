# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused is refused before any write, with a sentence that names the way on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.connect import connect
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    find_longhorn,
)
from tests.integration.recovery.scene import Scene
from tests.simulator.builtins import builtin_registry
from tests.simulator.clock import RunningClock
from tests.simulator.kernel import Kernel
from tests.simulator.longhorn import names
from tests.simulator.longhorn.profiles import profile_for
from tests.simulator.longhorn.schemas import resources_of
from tests.simulator.server import ApiServer
from tests.simulator.store import Store

Make = Callable[..., Scene]


def refuse(scene: Scene, *images: str, match: str, **options: Any) -> str:
    """The text of the refusal; nothing was written."""
    with pytest.raises(Failure, match=match) as refused:
        scene.recover(*images, **options)
    assert scene.writes() == []
    return str(refused.value)


def test_an_uploaded_image(make: Make) -> None:
    scene = make()
    scene.cluster.create_image("img", source_type="upload", copies=2)
    scene.lose("img")
    text = refuse(scene, "img", match="img was not touched. It was uploaded")
    assert "ways on:\n    1. look whether a failed copy still has the right bytes" in text
    assert "$ sha512sum " in text


def test_all_problems_are_told_at_once(make: Make) -> None:
    scene = make()
    for name in ("up-1", "up-2"):
        scene.cluster.create_image(name, source_type="upload")
    scene.cluster.create_image("down")
    scene.lose("up-1", "up-2", "down")
    text = refuse(scene, "up-1", "down", "up-2", match="not touched")
    assert "up-1 was not touched" in text
    assert "up-2 was not touched" in text


def test_with_all_the_others_are_recovered_and_the_task_fails_at_the_end(make: Make) -> None:
    scene = make()
    scene.cluster.create_image("up", source_type="upload")
    scene.cluster.create_image("down")
    scene.lose("up", "down")
    with pytest.raises(Failure, match="up was not touched") as refused:
        scene.recover("all")
    assert scene.ready("down") == 1
    assert refused.value.result is not None
    outcomes = {image["name"]: image["outcome"] for image in refused.value.result["images"]}
    assert outcomes == {"up": "refuse", "down": "recovered"}


def test_a_healthy_image_is_left_alone(make: Make) -> None:
    scene = make()
    scene.cluster.create_image("img", copies=2)
    result = scene.recover("img")
    assert not result["changed"]
    assert "left alone" in result["images"][0]["text"]
    assert scene.writes() == []


def test_an_image_that_does_not_exist(make: Make) -> None:
    scene = make()
    scene.cluster.create_image("debian-13")
    refuse(scene, "debian-31", match="There is no image debian-31. Did you mean debian-13?")


def test_an_image_that_is_being_deleted(make: Make) -> None:
    scene = make()
    scene.cluster.create_image("img", copies=2)
    scene.volume("vol", "img")
    scene.lose("img")

    def mark(image: dict[str, Any]) -> None:
        image["metadata"]["finalizers"] = ["example.org/held", "longhorn.io"]

    scene.cluster.store.mutate(names.IMAGES, names.NAMESPACE, "img", mark)
    scene.cluster.store.delete(names.VOLUMES, names.NAMESPACE, "vol")
    scene.cluster.kernel.run_for(60)
    scene.cluster.store.delete(names.IMAGES, names.NAMESPACE, "img")
    refuse(scene, "img", match="img is being deleted")


def test_a_csi_ticket_names_the_workload(make: Make) -> None:
    scene = make()
    scene.cluster.create_image("img", copies=2)
    scene.volume("vol", "img")

    def csi(attachment: dict[str, Any]) -> None:
        ticket = attachment["spec"]["attachmentTickets"].pop("ui")
        attachment["spec"]["attachmentTickets"]["csi-1"] = {
            **ticket,
            "id": "csi-1",
            "type": "csi-attacher",
        }

    store = scene.cluster.store
    store.mutate(names.ATTACHMENTS, names.NAMESPACE, "vol", csi)
    scene.lose("img")
    text = refuse(scene, "img", match="volume vol is held by a pod")
    assert "scale it down first" in text


def test_a_namespace_without_longhorn_names_the_right_one(make: Make) -> None:
    scene = make()
    refuse(
        scene,
        "img",
        match="no Longhorn in namespace elsewhere; it is in longhorn-system",
        task=scene.task(namespace="elsewhere"),
    )


@pytest.mark.parametrize("version", ["v1.4.2", "v1.13.0", "master-head"])
def test_a_version_that_is_not_known(tmp_path: Path, version: str) -> None:
    """On a server without Longhorn's webhooks, which keep the setting as it is."""
    registry = builtin_registry()
    for resource in resources_of(profile_for("1.12")):
        registry.register(resource)
    store = Store(Kernel(RunningClock()), registry)
    store.create("namespaces", {"metadata": {"name": names.NAMESPACE}})
    metadata = {"name": "current-longhorn-version", "namespace": names.NAMESPACE}
    store.create("settings.longhorn.io", {"metadata": metadata, "value": version})
    server = ApiServer(store, tmp_path)
    server.start()
    try:
        client = connect({"kubeconfig": str(server.kubeconfig)}, Deadline(10.0))
        with pytest.raises(Failure, match="1.5 to 1.12"):
            find_longhorn(client)
    finally:
        server.stop()


def test_a_missing_right_is_named(make: Make) -> None:
    scene = make()
    server = scene.serve()
    token = server.tokens.for_service_account("default", "nobody")
    path = server.kubeconfig_for(token, server.state_dir / "nobody")
    with pytest.raises(errors.Forbidden, match="list settings.longhorn.io"):
        scene.recover("img", task=scene.task(kubeconfig=str(path)))
