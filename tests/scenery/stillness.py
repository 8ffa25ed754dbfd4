# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a cluster is byte for byte what it was, as far as anybody but Longhorn itself writes.

Longhorn may only do what it does with a lost image whose copies still flap: give it further disks.

``KUBECONFIG=... python -m tests.scenery.stillness save|compare FILE``: every spec and annotation of
Longhorn's kinds that a recovery could touch, the files of all copies, who wrote what, and whether a
pod which reads sources or files is left.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.observer.api import LONGHORN, Api

AGENT = "nodecare.longhorn"
MAPS = ("diskFileSpecMap", "disks")
KINDS = ("backingimages", "backingimagedatasources", "volumes", "volumeattachments", "nodes")
POD_LABELS = {"longhorn.nodecare.dev/source-probe", "longhorn.nodecare.dev/disk-look"}
# The lock, and what a pod takes that reads sources or files.
ALLOWED = ("leases", "pods", "secrets", "selfsubjectaccessreviews")


def take(api: Api, folder: Path) -> dict[str, Any]:
    """Specs and annotations by kind and name, and name and size of every file of an image."""
    found: dict[str, Any] = {
        kind: {
            item["metadata"]["name"]: [
                item["metadata"]["uid"],
                item["metadata"].get("annotations") or {},
                item["spec"],
            ]
            for item in api.items(f"{LONGHORN}/{kind}")
        }
        for kind in KINDS
    }
    found["files"] = {
        str(path.relative_to(folder)): path.stat().st_size
        for path in sorted(folder.glob("**/backing-images/*/backing"))
    }
    same: dict[str, Any] = json.loads(json.dumps(found))
    return same


def unchanged(kind: str, before: Any, now: Any) -> bool:
    """Whether a thing is what it was; an image may have keys more than before, none less."""
    if kind != "backingimages" or before is None or now is None:
        return bool(before == now)
    grown = json.loads(json.dumps(now))
    for field in MAPS:
        keys = before[2].get(field) or {}
        for key in set(grown[2].get(field) or {}) - set(keys):
            del grown[2][field][key]
    return bool(before == grown)


def written(api: Api) -> list[str]:
    """Writing requests of the collection that are none of its lock or its pods."""
    body = api.get(f"/simulator/requests?verb=write&agent={AGENT}")
    return [
        f"{entry['verb']} {entry['resource']}"
        for entry in body["entries"]
        if str(entry["resource"]).partition(".")[0] not in ALLOWED
    ]


def left(api: Api) -> list[str]:
    """Pods of ours that are still there."""
    pods = api.items("/api/v1/namespaces/longhorn-system/pods")
    return [
        str(pod["metadata"]["name"])
        for pod in pods
        if POD_LABELS & (pod["metadata"].get("labels") or {}).keys()
    ]


def main() -> int:
    """Exit status 0 when saved, or when nothing differs."""
    action, file = sys.argv[1], Path(sys.argv[2])
    config = Path(os.environ["KUBECONFIG"])
    api = Api(config)
    now = take(api, config.parent / "disks")
    if action == "save":
        file.write_text(json.dumps(now))
        return 0
    before = json.loads(file.read_text())
    wrong = [f"written: {line}" for line in written(api)]
    wrong += [f"left: pod {name}" for name in left(api)]
    for kind, things in before.items():
        for name in sorted(set(things) | set(now[kind])):
            if not unchanged(kind, things.get(name), now[kind].get(name)):
                wrong.append(f"{kind}/{name}: was {things.get(name)}, is {now[kind].get(name)}")
    print("\n".join(wrong) if wrong else "byte for byte as it was")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
