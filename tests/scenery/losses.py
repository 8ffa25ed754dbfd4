# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to images in the recovery scenarios, done from outside as fate or an operator would.

``KUBECONFIG=... python -m tests.scenery.losses WHAT``; WHAT is a function of this module.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.observer.api import LONGHORN, Api, Refused
from tests.scenery import crowd
from tests.scenery.plan import FILES, LOST

JSON_PATCH = "application/json-patch+json"
LIMIT_SECONDS = 40.0
# Ten seconds of the cluster's: a copy that is tried again fails again after three.
LASTING_SECONDS = 1.0
SOLE, THIRD, UPLOADED = "ubuntu-24.04", "win-2025", "appliance-7"
AWAY = "node-3"


def all_failed(api: Api) -> None:
    """Three images lose every copy; of one the data source is deleted before the map is emptied,
    which hangs it. That one is lost first: where many are, each copy is tried again and again as
    long as another one is, and they may never all read failed at the same time.
    """
    lose(api, [THIRD])
    failed = lasting(lambda: states(api, THIRD) == {"failed"})
    wait(failed, f"{THIRD}: every copy failed and none is tried again")
    api.send("DELETE", f"{LONGHORN}/backingimagedatasources/{THIRD}")
    wait(lambda: hangs(api, THIRD), f"{THIRD} hangs")
    lose(api, [LOST, SOLE])


def node_gone(api: Api) -> None:
    """A node dies and is taken out of the cluster; an image had its only copy there."""
    wait(lambda: disks_ready(api), "the disks are ready")
    make(api, "only-there", AWAY)
    power_off(api, AWAY)
    path = f"{LONGHORN}/nodes/{AWAY}"
    closed = [{"op": "replace", "path": "/spec/allowScheduling", "value": False}]
    wait(lambda: states(api, "only-there") == {"unknown"}, "the copy is unknown")
    api.send("PATCH", path, closed, JSON_PATCH)
    api.send("DELETE", f"/api/v1/nodes/{AWAY}")
    wait(lambda: taken_out(api, path), f"{AWAY} is out of Longhorn")


def refused(api: Api) -> None:
    """Images that must not be touched, each for another reason."""
    keep_longhorn_still(api)
    make(api, "away", AWAY, size=4)
    make(api, "moved", "node-1", size=5)
    make(api, "changed", "node-1", size=6)
    lose(api, [UPLOADED, LOST, "moved", "changed"])
    power_off(api, AWAY)
    source(api, "raw5.img", None)
    source(api, "raw6.img", "raw6.img", other=True)
    wait(lambda: states(api, "away") == {"unknown"}, "the copy is unknown")
    keep_by_a_pod(api, "ci")


def source_changed(api: Api) -> None:
    """An image is lost, and its URL has other bytes of the same length since; the old ones are at
    another URL.
    """
    keep_longhorn_still(api)
    lose(api, [LOST])
    source(api, "raw48.img", "raw48.img", other=True)
    api.send(
        "POST",
        "/simulator/sources",
        {"url": "http://mirror.example.org/old/raw48.img", "file": "raw48.img"},
    )


def many(api: Api) -> None:
    """All images of a crowd lose every copy at once."""
    keep_longhorn_still(api)
    lose(api, [f"img-{number:02d}" for number in range(crowd.IMAGES)])


def salvageable(api: Api) -> None:
    """An uploaded image loses its files; when all its copies read failed for good, one node has a
    file again, but with other bytes.
    """
    files = sorted(disks().glob(f"*/*/backing-images/{UPLOADED}-*/backing"))
    shutil.copyfile(files[0], kept())
    (kept().with_suffix(".place")).write_text(str(files[0]))
    lose(api, [UPLOADED])
    failed = lasting(lambda: states(api, UPLOADED) == {"failed"})
    wait(failed, f"{UPLOADED}: every copy failed and none is tried again")
    put_back(bytes(kept().stat().st_size))


def repaired(api: Api) -> None:
    """That file gets its bytes again; Longhorn does not look at it any more."""
    put_back(kept().read_bytes())
    wait(lambda: states(api, UPLOADED) == {"failed"}, "nothing has changed for Longhorn")


def disks() -> Path:
    """The folder of the nodes' disks."""
    return Path(os.environ["KUBECONFIG"]).parent / "disks"


def kept() -> Path:
    """Where the bytes of the uploaded image are meanwhile."""
    return disks().parent / "uploaded.img"


def put_back(data: bytes) -> None:
    """Write the file of the uploaded image where it was."""
    path = Path(kept().with_suffix(".place").read_text())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def keep_longhorn_still(api: Api) -> None:
    """Let it not fetch anything again by itself for a day: these scenarios take their time."""
    name = "backing-image-recovery-wait-interval"
    body: dict[str, Any] = {"value": "86400"}
    try:
        kind = "application/merge-patch+json"
        api.send("PATCH", f"{LONGHORN}/settings/{name}", body, kind)
    except Refused as refusal:
        if refusal.status != 404:
            raise
        body |= {"apiVersion": "longhorn.io/v1beta2", "kind": "Setting", "metadata": {"name": name}}
        api.send("POST", f"{LONGHORN}/settings", body)


# -- what they are made of ---------------------------------------------------------------------
def lose(api: Api, images: Iterable[str]) -> None:
    """Delete the files of every copy of these images; wait until none reads ready."""
    names = set(images)
    # Time nearly stands still meanwhile: a copy that is left is where Longhorn heals others from.
    scale = api.get("/simulator/time")["scale"]
    api.send("POST", "/simulator/time", {"scale": 0.2})
    for name in sorted(names):
        api.send("POST", "/simulator/files", {"remove": name})
    api.send("POST", "/simulator/time", {"scale": scale})
    wait(lambda: not (names & ready(api)), f"{', '.join(sorted(names))} are lost")


def make(api: Api, name: str, node: str, size: int = 3) -> None:
    """An image with one copy, on the first disk of a node."""
    disks = api.get(f"{LONGHORN}/nodes/{node}")["status"]["diskStatus"]
    uuid = disks[sorted(disks)[0]]["diskUUID"]
    spec: dict[str, Any] = {
        "sourceType": "download",
        "sourceParameters": {"url": f"{FILES}/raw{size}.img"},
        **wanted_on(api, uuid),
    }
    body = {
        "apiVersion": "longhorn.io/v1beta2",
        "kind": "BackingImage",
        "metadata": {"name": name, "namespace": "longhorn-system"},
        "spec": spec,
    }
    api.send("POST", f"{LONGHORN}/backingimages", body)
    wait(lambda: states(api, name) == {"ready"}, f"{name} is ready")


def wanted_on(api: Api, uuid: str) -> dict[str, Any]:
    """The part of an image's spec that asks for one copy, on this disk."""
    version = api.get(f"{LONGHORN}/settings/current-longhorn-version")["value"]
    minor = int(version.split(".")[1])
    if minor < 7:
        return {"disks": {uuid: ""}}
    engine = {"dataEngine": "v1"} if minor > 7 else {}
    return {
        "diskFileSpecMap": {uuid: {**engine, "evictionRequested": False}},
        "minNumberOfCopies": 1,
    }


def disks_ready(api: Api) -> bool:
    """Every node has told the UUIDs of its disks."""
    nodes = api.longhorn("nodes")
    return len(nodes) >= 3 and all(
        disk.get("diskUUID")
        for node in nodes
        for disk in (node.get("status") or {}).get("diskStatus", {"": {}}).values()
    )


def source(api: Api, served: str, file: str | None, *, other: bool = False) -> None:
    """What the URL of a file delivers from now on."""
    body: dict[str, Any] = {"url": f"{FILES}/{served}"}
    if file is not None:
        body |= {"file": file, "bytes": "other" if other else ""}
    api.send("POST", "/simulator/sources", body)


def power_off(api: Api, node: str) -> None:
    """Cut a machine's power."""
    api.send("POST", "/simulator/power", {"node": node, "on": False})


def keep_by_a_pod(api: Api, volume: str) -> None:
    """The tickets of a volume become those of a CSI driver whose pod lives."""
    path = f"{LONGHORN}/volumeattachments/{volume}"
    tickets = api.get(path)["spec"]["attachmentTickets"]
    made = {
        f"csi-{key}": {**t, "id": f"csi-{key}", "type": "csi-attacher"}
        for key, t in tickets.items()
    }
    change = [{"op": "replace", "path": "/spec/attachmentTickets", "value": made}]
    api.send("PATCH", path, change, JSON_PATCH)


def states(api: Api, image: str) -> set[str]:
    """States of the copies that the map names."""
    found = api.get(f"{LONGHORN}/backingimages/{image}")
    keys = found["spec"].get("diskFileSpecMap") or found["spec"].get("disks") or {}
    entries = (found.get("status") or {}).get("diskFileStatusMap") or {}
    return {str(entries.get(key, {}).get("state", "")) for key in keys}


def ready(api: Api) -> set[str]:
    """Images with a copy that reads ready and that the map names."""
    found = set()
    for image in api.longhorn("backingimages"):
        keys = image["spec"].get("diskFileSpecMap") or image["spec"].get("disks") or {}
        entries = (image.get("status") or {}).get("diskFileStatusMap") or {}
        if any(entries.get(key, {}).get("state") == "ready" for key in keys):
            found.add(str(image["metadata"]["name"]))
    return found


def hangs(api: Api, image: str) -> bool:
    """The data source is ready, and nobody takes its file over."""
    try:
        found = api.get(f"{LONGHORN}/backingimagedatasources/{image}")
    except Refused:
        return False
    ready = (found.get("status") or {}).get("currentState") == "ready"
    return ready and not found["spec"].get("fileTransferred")


def taken_out(api: Api, path: str) -> bool:
    """Longhorn takes a node out by itself once Kubernetes has none, some versions when told to."""
    try:
        api.send("DELETE", path)
    except Refused as refusal:
        return refusal.status == 404
    return False


def lasting(condition: Callable[[], bool]) -> Callable[[], bool]:
    """Whether it has held at every look for LASTING_SECONDS."""
    since = time.monotonic()

    def held() -> bool:
        nonlocal since
        if not condition():
            since = time.monotonic()
        return time.monotonic() - since > LASTING_SECONDS

    return held


def wait(condition: Callable[[], bool], what: str) -> None:
    """Until it holds. Raises TimeoutError."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {LIMIT_SECONDS:.0f} s: {what}")
        time.sleep(0.1)


_ALL = (all_failed, node_gone, refused, source_changed, many, salvageable, repaired)
KNOWN = {f.__name__: f for f in _ALL}

if __name__ == "__main__":
    KNOWN[sys.argv[1]](Api(Path(os.environ["KUBECONFIG"])))
