# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook as a person runs it: the plan, the drain, the report, and every bad input."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.drain.playbook import run, start
from tests.integration.drain.scene import SPACE, Scene, add_volume, served
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.rbac import User

REMOVE = ("-e", "node=node-3", "-e", "intent=remove")


def furnish(cluster: Cluster) -> None:
    one, three = cluster.disk_uuids("node-1"), cluster.disk_uuids("node-3")
    cluster.create_image("only-here", on=[three[0]])
    cluster.create_image("two", on=[three[1], one[0]])
    add_volume(cluster, "db", "two", 2, attach_to="node-1")
    cluster.store.create("nodes", {"metadata": {"name": "plain"}, "spec": {}})


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with served("1.12.1", tmp_path_factory.mktemp("cluster"), furnish) as made:
        yield made


def test_check_mode_shows_the_plan_and_changes_nothing(scene: Scene, tmp_path: Path) -> None:
    before = scene.writes()
    file = tmp_path / "plan.json"
    wanted = (*REMOVE, "-e", f"report_file={file}")
    code, shown = run(scene.server.kubeconfig, *wanted, "--check", "--diff")
    assert code == 0, shown
    assert json.loads(file.read_text())["plan"]["node"] == "node-3"
    assert scene.writes() == before
    assert "node-3, intent remove, Longhorn 1.12.1: 2 images have a copy" in shown
    assert "-node node-3   schedulable: true    cordoned: false   copies: 2" in shown
    assert "+node node-3   schedulable: false   cordoned: true    copies: 0   replicas: 0" in shown
    assert "+ only-here" in shown and "only copy" in shown
    assert '"copies":' not in shown, "no JSON where a person reads"


def bad(scene: Scene, *arguments: str, kubeconfig: Path | None = None) -> str:
    """A run that must fail without a write; what it said on one line."""
    before = scene.writes()
    code, shown = run(kubeconfig or scene.server.kubeconfig, *arguments)
    assert code != 0, shown
    assert scene.writes() == before, shown
    return " ".join(shown.split())


def test_unknown_node(scene: Scene) -> None:
    said = bad(scene, "-e", "node=node-9", "-e", "intent=remove")
    assert "There is no node node-9 in this cluster" in said
    assert "node-1, node-2, node-3" in said


def test_no_node_named(scene: Scene) -> None:
    said = bad(scene, "-e", "intent=remove")
    assert "Name the node: -e node=NAME" in said and "node-1, node-2, node-3" in said


def test_node_that_longhorn_does_not_manage(scene: Scene) -> None:
    said = bad(scene, "-e", "node=plain", "-e", "intent=remove")
    assert "Node plain is not managed by Longhorn" in said and "kubectl drain" in said


def test_values_that_cannot_be_meant_are_told_at_once_by_the_names_that_were_typed(
    scene: Scene,
) -> None:
    typed = ("intent=destroy", "mover=me", "pod_timeout=10m", "force=maybe", "copy_timeout=60")
    said = bad(scene, "-e", "node=node-3", *(word for pair in typed for word in ("-e", pair)))
    assert "intent=destroy is not known: intent is reboot (the node comes back" in said
    assert "mover=me is not known: mover is own (works with every version; the default) or" in said
    assert "pod_timeout=10m is not a whole number of seconds. force=maybe is neither true" in said
    assert "false. Nothing was changed." in said
    assert "copy_timeout" not in said and "argument_spec" not in said


def test_namespace_without_longhorn(scene: Scene) -> None:
    said = bad(scene, *REMOVE, "-e", "longhorn_namespace=default")
    assert "no Longhorn in namespace default" in said and SPACE in said


def test_unreachable_api(scene: Scene, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = scene.server.kubeconfig.read_text()
    moved = tmp_path / "kubeconfig"
    moved.write_text(text.replace(scene.server.url, f"https://127.0.0.1:{port}"))
    said = bad(scene, *REMOVE, kubeconfig=moved)
    assert f"The Kubernetes API at https://127.0.0.1:{port} could not be reached" in said
    assert "Nothing was changed." in said


def test_expired_token(scene: Scene, tmp_path: Path) -> None:
    user = User("operator", ("system:masters",))
    token = scene.server.call(scene.server.tokens.issue, user)
    kubeconfig = scene.server.kubeconfig_for(token, tmp_path / "kubeconfig")
    scene.server.call(scene.server.tokens.revoke, token)
    said = bad(scene, *REMOVE, kubeconfig=kubeconfig)
    assert "401" in said and "renew it" in said


def limited(scene: Scene, folder: Path, writes: list[dict[str, Any]]) -> Path:
    """A kubeconfig of an account that may read everything, and write only what is given."""
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}, *writes]
    name = "limited"

    def make() -> str:
        store = scene.cluster.store
        kind = "rbac.authorization.k8s.io"
        store.create(f"clusterroles.{kind}", {"metadata": {"name": name}, "rules": rules})
        subject = {"kind": "ServiceAccount", "name": name, "namespace": SPACE}
        role = {"apiGroup": kind, "kind": "ClusterRole", "name": name}
        binding = {"metadata": {"name": name}, "subjects": [subject], "roleRef": role}
        store.create(f"clusterrolebindings.{kind}", binding)
        return scene.server.tokens.for_service_account(SPACE, name)

    return scene.server.kubeconfig_for(scene.server.call(make), folder / "kubeconfig")


def test_missing_rights_are_all_named_at_once(scene: Scene, tmp_path: Path) -> None:
    some = {"apiGroups": ["longhorn.io"], "resources": ["backingimages"], "verbs": ["patch"]}
    said = bad(scene, *REMOVE, kubeconfig=limited(scene, tmp_path, [some]))
    for right in (
        "patch nodes.longhorn.io in namespace longhorn-system",
        "patch nodes in the whole cluster",
        "create pods/eviction in the whole cluster",
    ):
        assert right in said
    assert "patch backingimages" not in said


def test_unsupported_version(scene: Scene) -> None:
    name = "current-longhorn-version"
    metadata = {"name": name, "namespace": "future"}
    make = scene.cluster.store.create
    scene.server.call(make, "namespaces", {"metadata": {"name": "future"}})
    scene.server.call(make, "settings.longhorn.io", {"metadata": metadata, "value": "v1.99.0"})
    said = bad(scene, *REMOVE, "-e", "longhorn_namespace=future")
    assert "Longhorn 1.99.0 is not supported" in said


def test_blockers_stop_the_drain_before_the_first_write(tmp_path: Path) -> None:
    def blocked(cluster: Cluster) -> None:
        cluster.create_image("only-here", on=[cluster.disk_uuids("node-3")[0]])
        pod = {
            "metadata": {"name": "debug", "namespace": "default"},
            "spec": {"nodeName": "node-3", "containers": [{"name": "c", "image": "x"}]},
        }
        cluster.store.create("pods", pod)
        cluster.kernel.run_for(5)

    with served("1.6.4", tmp_path, blocked) as scene:
        said = bad(scene, *REMOVE)
        assert "node-3 cannot be drained for 'remove' yet; nothing was changed." in said
        assert "plan_text" not in said, "what fails is not buried under the whole plan"
        assert "pod default/debug no controller would start it again" in said
        assert "-e force=true" in said


def test_a_whole_run_ends_with_the_report(tmp_path: Path) -> None:
    with served("1.6.4", tmp_path, furnish) as scene:
        code, shown = run(scene.server.kubeconfig, *REMOVE)
        assert code == 0, shown
        assert "node-3 is drained for 'remove'" in shown
        assert "): safe to reboot, reinstall or remove" in shown
        assert not scene.keys("only-here") & scene.disks("node-3")
        assert scene.all("leases.coordination.k8s.io") == []
        before = scene.writes()
        code, shown = run(scene.server.kubeconfig, *REMOVE)
        assert code == 0 and "changed=0" in shown, shown
        assert scene.writes() == before


def test_a_step_that_runs_out_of_time_leaves_its_result_in_the_report_file(
    tmp_path: Path,
) -> None:
    def slow(cluster: Cluster) -> None:
        cluster.create_image("only-here", on=[cluster.disk_uuids("node-3")[0]])
        cluster.limit_transfers(1.0)

    with served("1.12.1", tmp_path, slow) as scene:
        disk = next(iter(scene.get("nodes.longhorn.io", "node-3")["spec"]["disks"]))
        file = tmp_path / "failure.json"
        words = ("node=node-3", f"disk={disk}", "copy_timeout=2", f"report_file={file}")
        options = [word for given in words for word in ("-e", given)]
        code, shown = run(scene.server.kubeconfig, *options, name="evict_disk")
        assert code != 0, shown
        told = json.loads(file.read_text())
        assert told["failed"] and told["copies_made"], "and what was done until then"
        assert "Nothing was taken off" in told["msg"] and "-e cancel=true" in told["msg"]


def test_a_run_that_is_interrupted_stops_at_a_safe_point_and_gives_the_lock_back(
    tmp_path: Path,
) -> None:
    def slow(cluster: Cluster) -> None:
        cluster.create_image("only-here", on=[cluster.disk_uuids("node-3")[0]])
        cluster.limit_transfers(1.0)

    with served("1.12.1", tmp_path, slow) as scene:
        running = start(scene.server.kubeconfig, *REMOVE)
        try:
            limit = time.monotonic() + 60
            while len(scene.keys("only-here")) < 2 and time.monotonic() < limit:
                time.sleep(0.2)
            assert len(scene.keys("only-here")) == 2, "the copy was asked for"
            time.sleep(1.0)
            os.killpg(running.pid, signal.SIGINT)
            shown, _none = running.communicate(timeout=60)
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
        assert running.returncode != 0, shown
        limit = time.monotonic() + 20
        while scene.all("leases.coordination.k8s.io") and time.monotonic() < limit:
            time.sleep(0.2)
        assert scene.all("leases.coordination.k8s.io") == []
        assert len(scene.ready("only-here") & scene.disks("node-3")) == 1, "nothing was taken off"
        assert not scene.get("nodes", "node-3", "")["spec"].get("unschedulable")
        before = scene.writes()
        time.sleep(2.0)
        assert scene.writes() == before, "nothing goes on after the interruption"
