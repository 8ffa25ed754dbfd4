# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Somebody takes a drained node into use again: uncordoned, schedulable, an image put back on it.

``KUBECONFIG=... python -m tests.scenery.interfere NODE``
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.observer.api import LONGHORN, Api
from tests.scenery.plan import LOST

JSON_PATCH = "application/json-patch+json"


def interfere(api: Api, node: str) -> None:
    """Do so with the writes an operator would make. Raises Refused."""
    api.send(
        "PATCH",
        f"/api/v1/nodes/{node}",
        {"spec": {"unschedulable": None}},
        "application/merge-patch+json",
    )
    path = f"{LONGHORN}/nodes/{node}"
    status = api.get(path)["status"]["diskStatus"]
    uuid = status[sorted(status)[0]]["diskUUID"]
    api.send(
        "PATCH",
        path,
        [{"op": "replace", "path": "/spec/allowScheduling", "value": True}],
        JSON_PATCH,
    )
    image = f"{LONGHORN}/backingimages/{LOST}"
    spec = api.get(image)["spec"]
    field = "diskFileSpecMap" if spec.get("diskFileSpecMap") else "disks"
    entry = next(iter(spec[field].values()))
    api.send(
        "PATCH",
        image,
        [{"op": "add", "path": f"/spec/{field}/{uuid}", "value": entry}],
        JSON_PATCH,
    )


if __name__ == "__main__":
    interfere(Api(Path(os.environ["KUBECONFIG"])), sys.argv[1])
