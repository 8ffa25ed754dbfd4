# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tarball that users install: built, installed into an empty path, run by its full name.

What is run is the installed copy, which has neither tests nor the checkout beside it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.material import CHECKOUT

BIN = Path(sys.executable).parent
PLAYBOOKS = ("drain_node", "recover_backing_image")


def run(
    *command: str, tree: Path, cwd: Path, kubeconfig: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one of Ansible's commands that sees no collection but those in ``tree``."""
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("ANSIBLE_", "K8S_AUTH_", "KUBECONFIG", "PYTHONPATH"))
    }
    environment |= {
        "ANSIBLE_COLLECTIONS_PATH": str(tree),
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
        "ANSIBLE_NOCOLOR": "1",
    }
    if kubeconfig is not None:
        environment["KUBECONFIG"] = str(kubeconfig)
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


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
