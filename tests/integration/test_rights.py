# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rights of docs/rbac.yaml are enough for both jobs, and none of its writes is spare."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.command import run
from tests.integration.documented import OPERATOR, grant, items_of, text_of
from tests.material import CHECKOUT
from tests.observer import proofs
from tests.observer.api import Api
from tests.observer.view import look
from tests.scenery.furnish import Furnisher
from tests.scenery.plan import DRAINED, LOST
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.server import ApiServer

TREE = CHECKOUT / ".build" / "collections"
SCALE = 25.0
READS = ("get", "list", "watch")
ACCOUNT = "system:serviceaccount:longhorn-system:nodecare"
# Longhorn often begins a download by itself; only where it does not, its data source is deleted.
# A volume whose replicas have not noticed the loss yet keeps its tickets.
SOMETIMES = {
    ("delete", "backingimagedatasources.longhorn.io"),
    ("patch", "volumeattachments.longhorn.io"),
    # Only with delete_node=true, and for a machine that is off.
    ("delete", "nodes"),
}
# Every account may ask what it may do.
ALWAYS = ("selfsubjectaccessreviews.authorization.k8s.io",)


def allowed_writes() -> set[tuple[str, str]]:
    """Verb and resource (``nodes.longhorn.io``, ``pods/eviction``) of every write it allows."""
    return {
        (verb, f"{resource}.{group}" if group else resource)
        for item in items_of(text_of(OPERATOR))
        for rule in item.get("rules", [])
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        if verb not in READS
    }


def used_writes(server: ApiServer) -> set[tuple[str, str]]:
    """Verb and resource of every write that was made as the service account."""
    return {
        (entry.verb, "/".join(filter(None, (entry.resource, entry.subresource))))
        for entry in server.requests.entries
        if entry.user == ACCOUNT and entry.verb not in READS and entry.resource not in ALWAYS
    }


@pytest.fixture(params=["1.6", "1.12"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Cluster, ApiServer]]:
    """A furnished cluster in which the service account has its rights and no others."""
    cluster = Cluster(request.param, nodes=3, disks=2, root=tmp_path / "disks", time=SCALE)
    try:
        Furnisher(cluster).furnish()
        grant(cluster.store, items_of(text_of(OPERATOR)))
        yield cluster, cluster.serve()
    finally:
        cluster.close()


@pytest.mark.timeout(240)
def test_documented_rights_are_enough(served: tuple[Cluster, ApiServer], tmp_path: Path) -> None:
    cluster, server = served
    token = server.tokens.for_service_account("longhorn-system", "nodecare")
    kubeconfig = server.kubeconfig_for(token, tmp_path / "as-nodecare")
    node = cluster.nodes[DRAINED]

    server.call(cluster.remove_files, LOST)
    recovered = run(
        "ansible-playbook", "nodecare.longhorn.recover_backing_image", "-e", f"image={LOST}",
        "-e", "window=3", "-e", f"source_proxy={cluster.source_proxy}",
        tree=TREE, cwd=tmp_path, kubeconfig=kubeconfig,
    )  # fmt: skip
    drained = run(
        "ansible-playbook", "nodecare.longhorn.drain_node", "-e", f"node={node}",
        "-e", "intent=remove",
        tree=TREE, cwd=tmp_path, kubeconfig=kubeconfig,
    )  # fmt: skip

    refused = [entry.path for entry in server.requests.entries if entry.status == 403]
    assert recovered.returncode == 0, recovered.stdout + recovered.stderr
    assert drained.returncode == 0, drained.stdout + drained.stderr
    assert refused == []
    assert allowed_writes() - used_writes(server) <= SOMETIMES
    api = Api(server.kubeconfig)
    view = look(api, tmp_path / "disks")
    assert proofs.whole(view, LOST) == []
    assert proofs.drained(api, view, node, "remove") == []
