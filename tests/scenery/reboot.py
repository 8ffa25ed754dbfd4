# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine is switched off until Kubernetes has noticed, and on again.

``KUBECONFIG=... python -m tests.scenery.reboot NODE``, ``off NODE`` (and stays off), or
``wiped NODE DISKS`` (and comes back with new file systems; DISKS: folder of the nodes' folders).
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

from tests.observer.api import Api

POWER = "/simulator/power"
LIMIT_SECONDS = 60.0


def switch_off(api: Api, node: str) -> None:
    """Off, and noticed. Raises Refused, TimeoutError."""
    api.send("POST", POWER, {"node": node, "on": False})
    _wait(api, node, ready=False)


def wipe(folder: Path) -> None:
    """Everything on the disks of one node goes."""
    for disk in folder.iterdir():
        shutil.rmtree(disk)
        disk.mkdir()


def reboot(api: Api, node: str, disks: Path | None = None) -> None:
    """Off, noticed, its disks wiped where they are named, on, Ready. Raises Refused, TimeoutError,
    OSError.
    """
    switch_off(api, node)
    if disks is not None:
        wipe(disks / node)
    api.send("POST", POWER, {"node": node, "on": True})
    _wait(api, node, ready=True)


def _wait(api: Api, node: str, *, ready: bool) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        conditions = api.get(f"/api/v1/nodes/{node}")["status"]["conditions"]
        states = {condition["type"]: condition["status"] for condition in conditions}
        if (states.get("Ready") == "True") == ready:
            return
        time.sleep(0.2)
    raise TimeoutError(f"{node}: not {'Ready' if ready else 'away'} after {LIMIT_SECONDS:.0f} s")


if __name__ == "__main__":
    cluster, words = Api(Path(os.environ["KUBECONFIG"])), sys.argv[1:]
    if words[0] == "off":
        switch_off(cluster, words[1])
    elif words[0] == "wiped":
        reboot(cluster, words[1], Path(words[2]))
    else:
        reboot(cluster, words[0])
