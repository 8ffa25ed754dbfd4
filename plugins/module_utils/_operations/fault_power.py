# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Switches a machine off and on, in clusters that offer it beside their API.

That is a path which answers GET with ``{NODE: true, ...}`` (which machines are on) and POST of
``{"node": NODE, "on": false}``, as a simulated cluster does. A real API server has none, and then a
node is not switched off: nothing here could switch it on again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure

_PATH = re.compile(r"/(?!apis?/)[a-z0-9][a-z0-9/_-]*")
_ONLY = (
    "A node is switched off only in a simulated cluster, where it can be switched on again "
    "without hands"
)


def machines(client: Client, path: str) -> dict[str, bool]:
    """Which machines are on. Raises Failure where the cluster does not offer to switch them."""
    if not _PATH.fullmatch(path):
        raise Failure(f"{_ONLY}; power_path, which such a cluster has, is {path or 'not given'!r}.")
    try:
        found = client.raw("GET", path, what=f"ask which machines are on at {path}")
    except (errors.NotFound, errors.Forbidden) as error:
        raise Failure(f"{_ONLY}; this one has no {path}: {error}") from error
    if not found or not all(isinstance(on, bool) for on in found.values()):
        raise Failure(f"{_ONLY}; what this one answers at {path} names no machines.")
    return found


def switch_off(client: Client, path: str, node: str, arm: Callable[[], None]) -> bool:
    """Switch a machine off after *arm* has noted its undo; False where it was off.

    Raises Failure where it cannot be switched.
    """
    known = machines(client, path)
    if node not in known:
        raise Failure(f"There is no machine {node}; there are {', '.join(sorted(known))}.")
    if not known[node]:
        return False
    arm()
    client.raw("POST", path, body={"node": node, "on": False}, what=f"switch {node} off")
    return True


def switch_on(client: Client, path: str, nodes: Sequence[str]) -> list[str]:
    """Switch machines on; the names of those that were off."""
    if not nodes:
        return []
    known = machines(client, path)
    done = [node for node in nodes if known.get(node) is False]
    for node in done:
        client.raw("POST", path, body={"node": node, "on": True}, what=f"switch {node} on")
    return done
