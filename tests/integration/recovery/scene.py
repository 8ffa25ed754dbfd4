# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated cluster with lost images, and our recovery run against it over HTTPS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.connect import connect
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupt
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.progress import Progress
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.source import Way
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.recover import (
    Recovery,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.recovery_report import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task
from tests.simulator.longhorn import names
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.server import ApiServer

AGENT = "nodecare.longhorn"
SCALE = 25.0
WINDOW_SECONDS = 0.8
SETTLED_SECONDS = 150.0


class Told(Progress):
    """Progress that is kept for the test, and may do something on the way."""

    def __init__(self, interrupt: Interrupt, hook: Callable[[str], None] | None) -> None:
        super().__init__(None, interrupt)
        self.texts: list[str] = []
        self._hook = hook

    def update(self, text: str, *, at_once: bool = False) -> None:
        """Keep the text; tell the hook."""
        self.texts.append(text)
        if self._hook is not None:
            self._hook(text)


class Scene:
    """Three nodes with a disk each; prepared in virtual time, then served at 25 times real time."""

    def __init__(self, longhorn: str, folder: Path, **options: Any) -> None:
        self.cluster = Cluster(longhorn, root=folder, time=SCALE, **options)
        self.server: ApiServer | None = None
        self.tasks: list[Task] = []
        self.texts: list[str] = []

    # -- preparing -----------------------------------------------------------------------------
    def volume(self, name: str, image: str, replicas: int = 2, attached: bool = True) -> None:
        """A volume made from an image; attached by a ticket of the API and healthy."""
        cluster = self.cluster
        spec = {
            "size": str(1 << 26),
            "numberOfReplicas": replicas,
            "frontend": "blockdev",
            "backingImage": image,
        }
        metadata = {"name": name, "namespace": names.NAMESPACE}
        cluster.store.create(names.VOLUMES, {"metadata": metadata, "spec": spec})
        assert cluster.run_until_true(lambda: self.volume_state(name)[0] == "detached")
        if attached:
            cluster.store.mutate(names.ATTACHMENTS, names.NAMESPACE, name, _attach)
            well = ("attached", "healthy")
            assert cluster.run_until_true(lambda: self.volume_state(name) == well)

    def lose(self, *images: str, settle: float = SETTLED_SECONDS) -> None:
        """Delete every file of these images on all nodes; Longhorn notices in virtual time."""
        for image in images:
            self.cluster.remove_files(image)
        self.cluster.kernel.run_for(settle)

    def serve(self) -> ApiServer:
        """Serve it from now on."""
        self.server = self.cluster.serve()
        return self.server

    # -- our side ------------------------------------------------------------------------------
    def task(
        self, seconds: float = 60.0, hook: Callable[[str, Task], None] | None = None, **options: Any
    ) -> Task:
        """What a module would hand to the operation."""
        server = self.server or self.serve()
        interrupt = Interrupt()
        deadline = Deadline(seconds)
        client = connect({"kubeconfig": str(server.kubeconfig), **options}, deadline)
        told = Told(interrupt, (lambda text: hook(text, made)) if hook else None)
        self.texts = told.texts
        made = Task(client, deadline, interrupt, told)
        self.tasks.append(made)
        return made

    def recover(self, *images: str, task: Task | None = None, **options: Any) -> dict[str, Any]:
        """Run the recovery; raises what it raises."""
        task = task or self.task()
        wanted: dict[str, Any] = {
            "holder": "test",
            "window_seconds": WINDOW_SECONDS,
            "way": Way(self.cluster.source_proxy),
            **options,
        }
        return Recovery(task, Request(list(images), **wanted)).run()

    # -- what is there -------------------------------------------------------------------------
    def call(self, what: Callable[[], Any]) -> Any:
        """Read from the store, in the server's thread once there is one."""
        return self.server.call(what) if self.server is not None else what()

    def object(self, kind: str, name: str) -> dict[str, Any]:
        """One object as it is stored."""
        store = self.cluster.store
        found: dict[str, Any] = self.call(lambda: store.get(kind, names.NAMESPACE, name))
        return found

    def volume_state(self, name: str) -> tuple[str, str]:
        """(state, robustness) of a volume."""
        status = self.object(names.VOLUMES, name).get("status") or {}
        return status.get("state", ""), status.get("robustness", "")

    def ready(self, image: str) -> int:
        """Ready copies that the map names and whose file is really on the disk."""
        cluster = self.cluster
        folders = self.call(
            lambda: [cluster.copy_dir(image, uuid) for uuid in cluster.ready_copies(image)]
        )
        return sum(1 for folder in folders if (folder / "backing").is_file())

    def tickets(self, volume: str) -> dict[str, Any]:
        """Attachment tickets of a volume."""
        found = self.object(names.ATTACHMENTS, volume)["spec"].get("attachmentTickets")
        return dict(found or {})

    def notes(self) -> list[str]:
        """Objects that carry a note of ours."""
        store = self.cluster.store
        return [
            f"{kind}/{obj['metadata']['name']}"
            for kind in (names.IMAGES, names.ATTACHMENTS, names.VOLUMES)
            for obj in self.call(lambda kind=kind: store.list(kind, names.NAMESPACE))
            if "longhorn.nodecare.dev/before" in (obj["metadata"].get("annotations") or {})
        ]

    def writes(self) -> list[str]:
        """Every writing request of ours, as verb and resource."""
        assert self.server is not None
        made = self.server.requests.select(verb="write", agent=AGENT)
        return [f"{entry.verb} {entry.resource}" for entry in made]

    def close(self) -> None:
        """Stop everything."""
        failure = self.server.failure if self.server is not None else None
        self.cluster.close()
        assert failure is None, failure


def _attach(attachment: dict[str, Any]) -> None:
    attachment["spec"]["attachmentTickets"] = {
        "ui": {
            "id": "ui",
            "type": "longhorn-api",
            "nodeID": "node-1",
            "parameters": {"disableFrontend": "false", "lastAttachedBy": ""},
        }
    }
