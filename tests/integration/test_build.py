# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tarball that users install: built, installed into an empty path, run by its full name.

What is run is the installed copy, which has neither tests nor the checkout beside it.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from tests.integration.command import run
from tests.material import CHECKOUT
from tests.scenery.furnish import Furnisher
from tests.scenery.plan import DRAINED
from tests.simulator.longhorn.cluster import Cluster

PLAYBOOKS = ("drain_node", "recover_backing_image")


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection, built from the checkout."""
    folder = tmp_path_factory.mktemp("build")
    done = run(
        "ansible-galaxy", "collection", "build", str(CHECKOUT), "--output-path", str(folder),
        tree=folder, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    [found] = folder.glob("nodecare-longhorn-*.tar.gz")
    return found


@pytest.fixture(scope="module")
def installed(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty collections path with only this tarball installed."""
    tree = tmp_path_factory.mktemp("installed")
    done = run(
        "ansible-galaxy", "collection", "install", str(tarball), "--collections-path", str(tree),
        tree=tree, cwd=tree,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return tree


def test_tarball_holds_what_users_need_and_nothing_of_development(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        names = {Path(name).parts[0] for name in archive.getnames()}
    assert {"plugins", "roles", "playbooks", "meta", "README.md", "LICENSE"} <= names
    assert names.isdisjoint({"tests", "Makefile", ".ci", ".build", ".venv", ".cache", ".git"})


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_playbook_is_found_by_its_full_name(installed: Path, tmp_path: Path, playbook: str) -> None:
    done = run(
        "ansible-playbook", f"nodecare.longhorn.{playbook}", "--syntax-check",
        tree=installed, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_drain_is_planned_by_its_full_name_and_nothing_is_written(
    installed: Path, tmp_path: Path
) -> None:
    cluster = Cluster(longhorn="1.12", nodes=3, disks=2, root=tmp_path / "disks", time=10.0)
    try:
        Furnisher(cluster).furnish()
        server = cluster.serve()
        done = run(
            "ansible-playbook", "nodecare.longhorn.drain_node", "--check", "--diff",
            "-e", f"node={cluster.nodes[DRAINED]}", "-e", "intent=remove",
            tree=installed, cwd=tmp_path, kubeconfig=server.kubeconfig,
        )  # fmt: skip
        written = [entry for entry in server.requests.entries if entry.is_write and entry.changed]
    finally:
        cluster.close()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ubuntu-24.04" in done.stdout, "the plan names the image whose only copy is there"
    assert written == []
