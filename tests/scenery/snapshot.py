# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an operator sets and Longhorn keeps, to compare it before a maintenance and after it.

``KUBECONFIG=... python -m tests.scenery.snapshot save|compare FILE``
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.observer.api import LONGHORN, Api

PREFIX = "longhorn.nodecare.dev/"


def take(api: Api) -> dict[str, Any]:
    """Cordons, specs of Longhorn's nodes, maps, numbers of replicas, where replicas are, tickets,
    and what carries a note of the collection.
    """
    core = api.items("/api/v1/nodes")
    nodes = api.items(f"{LONGHORN}/nodes")
    images = api.items(f"{LONGHORN}/backingimages")
    volumes = api.items(f"{LONGHORN}/volumes")
    found = {
        "cordoned": {_name(n): bool(n["spec"].get("unschedulable")) for n in core},
        "nodes": {_name(n): n["spec"] for n in nodes},
        "images": {_name(i): _map(i["spec"]) for i in images},
        "minimum": {_name(i): i["spec"].get("minNumberOfCopies") for i in images},
        "volumes": {_name(v): v["spec"]["numberOfReplicas"] for v in volumes},
        "replicas": {_name(r): r["spec"].get("diskID") for r in api.items(f"{LONGHORN}/replicas")},
        "tickets": {
            _name(a): a["spec"].get("attachmentTickets") or {}
            for a in api.items(f"{LONGHORN}/volumeattachments")
        },
        "notes": [_name(item) for item in (*core, *nodes, *images, *volumes) if _noted(item)],
    }
    same: dict[str, Any] = json.loads(json.dumps(found))
    return same


def _name(item: dict[str, Any]) -> str:
    return str(item["metadata"]["name"])


def _map(spec: dict[str, Any]) -> Any:
    return spec.get("diskFileSpecMap") or spec.get("disks") or {}


def _noted(item: dict[str, Any]) -> bool:
    annotations = item["metadata"].get("annotations") or {}
    return any(key.startswith(PREFIX) for key in annotations)


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """One line for each part that is not the same."""
    return [
        f"{what}: before {json.dumps(value)}, now {json.dumps(after[what])}"
        for what, value in before.items()
        if after[what] != value
    ]


def main() -> int:
    """Exit status 0 when saved, or when nothing differs."""
    action, file = sys.argv[1], Path(sys.argv[2])
    now = take(Api(Path(os.environ["KUBECONFIG"])))
    if action == "save":
        file.write_text(json.dumps(now))
        return 0
    found = differences(json.loads(file.read_text()), now)
    print("\n".join(found) if found else "everything is as before")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
