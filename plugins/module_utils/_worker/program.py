# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that a worker keeps for its undo, and that a pod runs as its command.

``python3 fault_tool.py ACTION JSON`` prints one line of JSON and ends with 1 where it refused.
"""

from __future__ import annotations

import json
import sys
import time

from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.arming import arm
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.faults import make
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.marker import read_marker
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.place import Data, Refused
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.undo import (
    clean,
    undo,
    watch,
)


def _say(answer: Data) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def guard(request: Data) -> Data:
    """Arm, say so, and be the undo: the pod that is created first does this.

    A container that is started again goes on with the marker that is there.
    """
    marker = read_marker(request["root"], request["id"])
    if marker is None:
        _say(arm({**request, "undo": "elsewhere"}, ""))
        marker = read_marker(request["root"], request["id"]) or {"until": time.time()}
    watch(request["root"], request["id"], max(0.0, float(marker["until"]) - time.time()))
    return {"watched": request["id"]}


def main(arguments: list[str]) -> int:
    """The program: one action, its request as JSON, one line of JSON as the answer."""
    action, request = arguments[0], json.loads(arguments[1])
    root = request.get("root", "/")
    try:
        if action == "arm":
            answer = arm(request, request.pop("source", ""))
        elif action == "guard":
            answer = guard(request)
        elif action == "make":
            answer = make(request)
        elif action == "undo":
            answer = undo(root, request["id"])
        elif action == "watch":
            watch(root, request["id"], float(request["after"]))
            answer = {"watched": request["id"]}
        elif action == "clean":
            answer = clean(root, request["disks"], bool(request.get("only_look")))
        else:
            raise Refused(f"there is no action {action!r}")
    except (OSError, Refused) as error:
        _say({"failed": str(error)})
        return 1
    _say(answer)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
