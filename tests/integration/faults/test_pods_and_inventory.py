# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plug-in over HTTP; a whole fault play by pods with the documented rights only."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.command import run
from tests.integration.documented import FAULTS, grant, items_of, text_of
from tests.material import CHECKOUT
from tests.observer.api import Api
from tests.observer.leftovers import leftovers
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.server import ApiServer

TREE = CHECKOUT / ".build" / "collections"
SCALE = 40.0
ACCOUNT = "system:serviceaccount:longhorn-system:nodecare-faults"
READS = ("get", "list", "watch")
OPTIONS = """
plugin: nodecare.longhorn.longhorn
strict: true
compose:
  ansible_user: "'rocky'"
keyed_groups:
  - key: longhorn_disks[0].type
    prefix: disks
groups:
  first: longhorn_node == 'node-1'
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Cluster, ApiServer]]:
    cluster = Cluster("1.6", nodes=3, disks=1, root=tmp_path / "disks", time=SCALE, seed=7)
    try:
        yield cluster, cluster.serve(state_dir=tmp_path)
    finally:
        cluster.close()


def inventory(folder: Path, server: ApiServer, text: str) -> subprocess.CompletedProcess[str]:
    path = folder / "some.longhorn.yml"
    path.write_text(text)
    return run(
        "ansible-inventory", "-i", str(path), "--list",
        tree=TREE, cwd=folder, kubeconfig=server.kubeconfig,
    )  # fmt: skip


def plain(found: dict[str, Any]) -> Any:
    """A text as ansible-inventory writes those that it would not take for a template."""
    return found["__ansible_unsafe"] if list(found) == ["__ansible_unsafe"] else found


def test_nodes_are_hosts_with_their_disks_groups_and_addresses(
    served: tuple[Cluster, ApiServer], tmp_path: Path
) -> None:
    cluster, server = served
    kube_node = server.call(cluster.store.get, "nodes", None, "node-2")
    cached = f"{OPTIONS}cache: true\ncache_plugin: jsonfile\ncache_connection: {tmp_path}/cache\n"
    listed = inventory(tmp_path, server, cached)
    assert listed.returncode == 0, listed.stderr
    found: dict[str, Any] = json.loads(listed.stdout, object_hook=plain)
    assert found["_meta"]["hostvars"], listed.stderr
    host = found["_meta"]["hostvars"]["node-2"]
    assert host["ansible_host"] == kube_node["status"]["addresses"][0]["address"]
    assert host["ansible_user"] == "rocky"
    assert [disk["uuid"] for disk in host["longhorn_disks"]] == cluster.disk_uuids("node-2")
    assert host["longhorn_disks"][0]["path"] == "/var/lib/longhorn/"
    for group in ("longhorn_ready", "longhorn_version_1_6", "disks_filesystem"):
        assert sorted(found[group]["hosts"]) == ["node-1", "node-2", "node-3"]
    assert found["first"]["hosts"] == ["node-1"]
    server.stop()
    again = inventory(tmp_path, server, cached)
    assert json.loads(again.stdout)["first"]["hosts"] == ["node-1"], "not taken from the cache"
    gone = inventory(tmp_path, server, OPTIONS + "request_timeout: 1\n")
    assert "Longhorn's nodes cannot be read" in gone.stderr


@pytest.mark.timeout(150)
def test_by_pods_with_the_documented_rights_and_none_of_them_is_spare(
    served: tuple[Cluster, ApiServer], tmp_path: Path
) -> None:
    cluster, server = served
    manifest = items_of(text_of(FAULTS))
    server.call(grant, cluster.store, manifest)
    token = server.tokens.for_service_account("longhorn-system", "nodecare-faults")
    done = run(
        "ansible-playbook", "nodecare.longhorn.inject_sync_failure",
        "-e", "confirm_cluster=simulator", "-e", "url=http://images.local/f/raw8.img",
        "-e", "worker_access=pod", "-e", "deadline=90", "-e", "retries_window=2",
        "-e", "watch=20", "-e", "repair_watch=20",
        tree=TREE, cwd=tmp_path, kubeconfig=server.kubeconfig_for(token, tmp_path / "as-faults"),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NOT MET" not in done.stdout and "no evidence" not in done.stdout
    entries = [entry for entry in server.requests.entries if entry.user == ACCOUNT]
    assert [entry.path for entry in entries if entry.status == 403] == []
    used = {(e.verb, e.resource) for e in entries if e.verb not in READS}
    allowed = {
        (verb, f"{resource}.{group}" if group else resource)
        for item in manifest
        for rule in item.get("rules", [])
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        if verb not in READS
    }
    assert allowed == used
    assert leftovers(Api(server.kubeconfig), tmp_path / "disks") == []
