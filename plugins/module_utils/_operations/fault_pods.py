# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Works on a node without a login there: a pod bound to it, whose own command does the step.

The container runs the same program that an SSH worker runs, with the disk and the folder of
markers mounted below /host, and reports by its log. The undo is a pod too, created first: it writes
the marker and then waits for the deadline.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import TimedOut
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import short_pods
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.fault_images import (
    RUN_LABEL,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work

ROOT = "/host"
MARKERS = "/var/lib/nodecare-longhorn"
CONTAINER = "fault"
STEP_LABEL = "longhorn.nodecare.dev/step"
UNDO = "guard"


class Place:
    """Where a step runs: the node, the paths it sees, the container image, whose program."""

    def __init__(self, node: str, paths: Sequence[str], image: str, run: str, program: str) -> None:
        self.node = node
        self.paths = tuple(dict.fromkeys(paths))
        self.image = image
        self.run = run
        self.program = program


def step(work: Work, place: Place, action: str, request: Object) -> Object:
    """Run one action and return what it printed last. Raises Failure, TimedOut.

    The pod of the undo stays; every other is removed when it has ended.
    """
    name = _name(place, action, str(request.get("id", "")))
    body = _pod(place, name, action, {**request, "root": ROOT})
    _remove_ended(work, name)
    try:
        created = work.client.create(kinds.PODS, body)
    except errors.Conflict as error:
        raise Failure(f"There is a pod {name} already: {error}") from error
    stays = action == UNDO
    answer: Object = {}
    try:
        answer = _answer(work, place, name, stays)
    finally:
        if not stays or not answer:
            _remove(work, name, str(created["metadata"]["uid"]))
    if "failed" in answer:
        _remove(work, name, str(created["metadata"]["uid"]))
        raise Failure(f"Refused on {place.node}: {answer['failed']}.")
    return answer


def _name(place: Place, action: str, identity: str) -> str:
    mark = hashlib.sha256(f"{place.node} {identity}".encode()).hexdigest()[:8]
    return f"nodecare-{action}-{place.run or 'cleanup'}-{mark}"


def _answer(work: Work, place: Place, name: str, stays: bool) -> Object:
    """The last line of JSON in the log: of an undo as soon as there is one, else at the end."""
    while True:
        pod = work.client.get(kinds.PODS, name)
        phase = short_pods.phase_of(pod)
        if phase in short_pods.ENDED or (stays and phase == "Running"):
            found = short_pods.last_object(short_pods.log_of(work.client, name, CONTAINER))
            if found is not None:
                return found
            if phase in short_pods.ENDED:
                raise Failure(f"The pod {name} on {place.node} ended without an answer ({phase}).")
        work.safe_point()
        work.progress.update(f"waiting for pod {name} on {place.node}: {phase or 'new'}")
        if work.deadline.expired:
            raise TimedOut(f"Waited for pod {name} on {place.node}; its phase is {phase or 'new'}.")
        work.pause(short_pods.TURN_SECONDS)


def _remove_ended(work: Work, name: str) -> None:
    old = work.client.find(kinds.PODS, name)
    if old is not None and short_pods.phase_of(old) in short_pods.ENDED:
        _remove(work, name, str(old["metadata"]["uid"]))


def _remove(work: Work, name: str, uid: str) -> None:
    short_pods.remove(work.client, name, uid, work.deadline, work.pause)


def _pod(place: Place, name: str, action: str, request: Object) -> Object:
    paths = [("markers", MARKERS, "DirectoryOrCreate")]
    paths += [(f"disk-{i}", path, "Directory") for i, path in enumerate(place.paths)]
    volumes: list[dict[str, Any]] = [
        {"name": key, "hostPath": {"path": path, "type": kind}} for key, path, kind in paths
    ]
    return {
        "metadata": {
            "name": name,
            "labels": {RUN_LABEL: place.run or "cleanup", STEP_LABEL: action},
        },
        "spec": {
            "nodeName": place.node,
            "restartPolicy": "OnFailure" if action == UNDO else "Never",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 5,
            "tolerations": [{"operator": "Exists"}],
            "volumes": volumes,
            "containers": [
                {
                    "name": CONTAINER,
                    "image": place.image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python3", "-c", place.program, action, json.dumps(request)],
                    # chattr +i needs CAP_LINUX_IMMUTABLE on a file system of the host.
                    "securityContext": {"privileged": True, "runAsUser": 0},
                    "volumeMounts": [
                        {"name": key, "mountPath": ROOT + path} for key, path, _kind in paths
                    ],
                }
            ],
        },
    }
