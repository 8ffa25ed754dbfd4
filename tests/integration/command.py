# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs Ansible's commands as a user does, in an environment without the developer's settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent
OWN = ("ANSIBLE_", "K8S_AUTH_", "KUBECONFIG", "PYTHONPATH", "PYTHONUNBUFFERED")
LIMIT_SECONDS = 110


def run(
    *command: str, tree: Path, cwd: Path, kubeconfig: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one of Ansible's commands that sees no collection but those in ``tree``.

    Raises subprocess.TimeoutExpired after LIMIT_SECONDS.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith(OWN)}
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
        timeout=LIMIT_SECONDS,
        check=False,
    )
