# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kubectl against the simulated cluster, where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.simulator.conftest import Served
from tests.unit.simulator.example import NS

KUBECTL = shutil.which("kubectl")
pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")

MANIFEST = f"""
apiVersion: longhorn.io/v1beta2
kind: Image
metadata: {{name: ubuntu, namespace: {NS}}}
spec: {{copies: 2, tags: [a]}}
"""
WORKLOAD = """
apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}, namespace: default}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: c, image: "i:1"}}]}}
"""


class Kubectl:
    """Runs kubectl with a home of its own."""

    def __init__(self, served: Served, home: Path) -> None:
        keep = {k: v for k, v in os.environ.items() if not k.startswith("K8S_")}
        self.environment = {**keep, "KUBECONFIG": str(served.server.kubeconfig), "HOME": str(home)}

    def __call__(self, *words: str, stdin: str = "", code: int = 0) -> str:
        """Return what it printed; ``code`` is the exit code that is expected."""
        done = subprocess.run(
            [KUBECTL or "kubectl", *words],
            input=stdin,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def kubectl(served: Served, tmp_path: Path) -> Kubectl:
    """kubectl, talking to the served cluster."""
    return Kubectl(served, tmp_path)


def test_reading(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=MANIFEST)
    nodes = kubectl("get", "nodes").splitlines()
    assert nodes[0].split() == ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]
    assert [line.split()[1] for line in nodes[1:]] == ["Ready"] * 3
    assert "copies: 2" in kubectl("get", "images", "-o", "yaml")
    assert "image.longhorn.io/ubuntu" in kubectl("get", "images.longhorn.io,pods", "-o", "name")
    assert "Ready" in kubectl("describe", "node", "n1")
    missing = kubectl("get", "images", "nobody", code=1)
    assert 'Error from server (NotFound): images.longhorn.io "nobody" not found' in missing


def test_writing(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=MANIFEST)
    replace = '[{"op": "replace", "path": "/spec/copies", "value": 3}]'
    kubectl("patch", "images", "ubuntu", "--type=json", "-p", replace)
    kubectl("patch", "images", "ubuntu", "--type=merge", "-p", '{"spec": {"tags": null}}')
    kubectl("annotate", "images", "ubuntu", "example.org/why=because")
    text = kubectl("get", "images", "ubuntu", "-o", "json")
    assert '"copies": 3' in text and "because" in text and '"tags"' not in text
    kubectl("replace", "-f", "-", stdin=text.replace('"copies": 3', '"copies": 4'))
    stale = kubectl("replace", "-f", "-", stdin=text, code=1)
    assert "the object has been modified" in stale
    unknown = MANIFEST.replace("copies", "copies: 1, colour").replace("ubuntu", "other")
    refused = kubectl("create", "-f", "-", stdin=unknown, code=1)
    assert 'strict decoding error: unknown field "spec.colour"' in refused
    assert "dry run" in kubectl("delete", "images", "ubuntu", "--dry-run=server")
    assert 'image.longhorn.io "ubuntu" deleted' in kubectl("delete", "images", "ubuntu")


def test_editing(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=MANIFEST)
    kubectl.environment["EDITOR"] = "sed -i s/copies:.2/copies:\\ 5/"
    assert "edited" in kubectl("edit", "images", "ubuntu")
    assert kubectl("get", "images", "ubuntu", "-o", "jsonpath={.spec.copies}") == "5"


def test_watching(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=MANIFEST)
    watch = subprocess.Popen(
        [KUBECTL or "kubectl", "get", "images", "-w", "-o", "jsonpath={.spec.copies}{'\\n'}"],
        env=kubectl.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert watch.stdout is not None
    assert watch.stdout.readline() == "2\n"
    kubectl("patch", "images", "ubuntu", "--type=merge", "-p", '{"spec": {"copies": 7}}')
    assert watch.stdout.readline() == "7\n"
    watch.terminate()
    watch.wait(10)


def test_cordon_drain_uncordon(kubectl: Kubectl, served: Served) -> None:
    for kind, name in (("DaemonSet", "agent"), ("Deployment", "web")):
        kubectl("create", "-f", "-", stdin=WORKLOAD.format(kind=kind, name=name))
    kubectl("scale", "--replicas=3", "deployment/web", "-n", "default")
    wait_for(kubectl, "web", 3)
    kubectl("cordon", "n1")
    assert "SchedulingDisabled" in kubectl("get", "node", "n1")
    refused = kubectl("drain", "n1", code=1)
    assert "cannot delete DaemonSet-managed Pods" in refused
    drained = kubectl("drain", "n1", "--ignore-daemonsets", "--timeout=30s")
    assert "node/n1 drained" in drained
    fields = "spec.nodeName=n1"
    left = kubectl("get", "pods", "--field-selector", fields, "-o", "name", "-n", "default")
    assert [line.partition("-")[0] for line in left.splitlines()] == ["pod/agent"]
    wait_for(kubectl, "web", 3)
    assert "node/n1 uncordoned" in kubectl("uncordon", "n1")


def test_asking_what_is_allowed(kubectl: Kubectl, served: Served, tmp_path: Path) -> None:
    assert kubectl("auth", "can-i", "patch", "images.longhorn.io") == "yes\n"
    token = served.server.tokens.for_service_account(NS, "limited")
    limited = str(served.server.kubeconfig_for(token, tmp_path / "limited"))
    kubectl.environment["KUBECONFIG"] = limited
    assert kubectl("auth", "can-i", "patch", "images.longhorn.io", code=1) == "no\n"
    assert kubectl("auth", "can-i", "get", "/metrics", code=1) == "no\n"
    refused = kubectl("get", "nodes", code=1)
    assert 'cannot list resource "nodes" in API group "" at the cluster scope' in refused


def wait_for(kubectl: Kubectl, name: str, count: int) -> None:
    """Wait until a Deployment has that many ready pods."""
    end = time.monotonic() + 20
    path = "jsonpath={.status.readyReplicas}"
    while kubectl("get", "deployment", name, "-n", "default", "-o", path) != str(count):
        assert time.monotonic() < end, f"{name} never had {count} ready pods"
        time.sleep(0.1)


def test_a_budget_stops_a_drain(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=WORKLOAD.format(kind="Deployment", name="web"))
    wait_for(kubectl, "web", 1)
    budget = """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: default}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
"""
    kubectl("create", "-f", "-", stdin=budget)
    column = "jsonpath={.items[0].spec.nodeName}"
    node = kubectl("get", "pods", "-n", "default", "-o", column)
    stopped = kubectl("drain", node, "--timeout=1s", code=1)
    assert "Cannot evict pod as it would violate the pod's disruption budget" in stopped
