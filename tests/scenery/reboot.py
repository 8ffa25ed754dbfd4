# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine is switched off until Kubernetes has noticed, and on again.

``KUBECONFIG=... python -m tests.scenery.reboot NODE``
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from tests.observer.api import Api

POWER = "/simulator/power"
LIMIT_SECONDS = 60.0


def reboot(api: Api, node: str) -> None:
    """Off, noticed, on, Ready. Raises Refused, TimeoutError."""
    api.send("POST", POWER, {"node": node, "on": False})
    _wait(api, node, ready=False)
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
    reboot(Api(Path(os.environ["KUBECONFIG"])), sys.argv[1])
