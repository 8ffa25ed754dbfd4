# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a drain in a large cluster: requests, seconds, memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.integration.drain.big_cluster import BigCluster

REQUESTS_MAX = 20
SECONDS_MAX = 5.0
MEGABYTES_MAX = 250

PROGRAM = """
import json, resource, sys, time
started = time.monotonic()
root = "ansible_collections.nodecare.longhorn.plugins.module_utils"
from importlib import import_module
connect = import_module(root + "._api.connect").connect
find = import_module(root + "._operations.cluster").find_longhorn
planning = import_module(root + "._operations.plan_drain")
Request = import_module(root + "._domain.drain_request").Request
Intent = import_module(root + "._domain.intent").Intent
text = import_module(root + "._domain.drain_text")
client = connect({"kubeconfig": sys.argv[1]})
longhorn = find(client)
request = Request("worker-0", Intent.REMOVE)
cluster = planning.read(client, longhorn, "worker-0")
plan = planning.plan(client, cluster, request, writing=False)
text.diff(plan, cluster)
print(json.dumps({
    "seconds": time.monotonic() - started,
    "requests": client.requests,
    "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "needs": len(plan.needs),
    "copies": len(plan.copies),
    "volumes": len(plan.to_move),
    "stopping": [blocker.reason for blocker in plan.stopping],
}))
"""


def test_a_plan_for_a_thousand_images_on_a_hundred_nodes(tmp_path: Path) -> None:
    big = BigCluster("1.12.1", nodes=100, images=1000)
    with big.served(tmp_path) as server:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(server.kubeconfig)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
        )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    print(figures)
    assert figures["needs"] > 10
    assert figures["copies"] == figures["needs"], "each image on the node needs one copy elsewhere"
    assert figures["stopping"] == []
    assert figures["requests"] <= REQUESTS_MAX, figures
    assert figures["seconds"] <= SECONDS_MAX, figures
    assert figures["megabytes"] <= MEGABYTES_MAX, figures
