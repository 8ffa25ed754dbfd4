# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the playbook of the drain as a person does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]


def command(
    kubeconfig: Path | str, *arguments: str, name: str = "drain_node"
) -> tuple[list[str], dict[str, str]]:
    """The command line and its environment."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    tree = str(CHECKOUT / ".build" / "collections")
    environment = kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}",
        "PYTHONPATH": tree,
        "ANSIBLE_COLLECTIONS_PATH": tree,
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "K8S_AUTH_KUBECONFIG": str(kubeconfig),
    }
    playbook = str(CHECKOUT / "playbooks" / f"{name}.yml")
    return ["ansible-playbook", playbook, *arguments], environment


def run(
    kubeconfig: Path | str, *arguments: str, seconds: float = 120, name: str = "drain_node"
) -> tuple[int, str]:
    """Exit code and everything that was printed."""
    words, environment = command(kubeconfig, *arguments, name=name)
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env=environment,
        cwd=CHECKOUT,
    )
    return done.returncode, done.stdout + done.stderr


def start(kubeconfig: Path | str, *arguments: str) -> subprocess.Popen[str]:
    """The same, in a process group of its own; the caller ends it."""
    words, environment = command(kubeconfig, *arguments)
    return subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=CHECKOUT,
        start_new_session=True,
    )
