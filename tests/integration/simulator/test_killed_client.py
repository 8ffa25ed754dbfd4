# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client's process is ended at its n-th write: the write is there, everything after it is not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.integration.simulator.conftest import BASE, Served
from tests.unit.simulator.example import RES, image

CLIENT = """
import http.client, json, ssl, sys
host, port, authority, token, path = sys.argv[1:]
sys.stdin.readline()
context = ssl.create_default_context(cafile=authority)
connection = http.client.HTTPSConnection(host, int(port), context=context)
headers = {"Authorization": "Bearer " + token, "Content-Type": "application/merge-patch+json"}
for copies in range(2, 9):
    connection.request("PATCH", path, json.dumps({"spec": {"copies": copies}}), headers)
    connection.getresponse().read()
"""


@pytest.mark.parametrize("n", [1, 3])
def test_the_nth_write_is_the_last(served: Served, n: int) -> None:
    served.send("POST", BASE, image("a"))
    host, _unused, port = served.server.url.removeprefix("https://").partition(":")
    words = [host, port, str(served.folder / "ca.crt"), served.token, f"{BASE}/a"]
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, *words], stdin=subprocess.PIPE, text=True
    )
    rule = served.server.faults.stop_client_after_write(client.pid, n=n, resource=RES)
    client.communicate("go\n", timeout=20)
    assert client.returncode == -9
    assert rule.injected == 1
    assert served.send("GET", f"{BASE}/a").body["spec"]["copies"] == 1 + n
    assert served.server.requests.count("patch", RES) == n
