# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Furnishes a cluster in virtual time: what is planned is created, then waited for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.scenery import objects
from tests.scenery.plan import VOLUMES, ImagePlan, Place, VolumePlan, images
from tests.simulator.longhorn import names
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.longhorn.sources import MIB, Answer, Content

LIMIT_SECONDS = 1800.0
UPLOADED = Content("appliance-7.img", 32 * MIB, 32 * MIB)


class NotFurnished(Exception):
    """Something that was created did not become healthy within LIMIT_SECONDS of virtual time."""


class Furnisher:
    """Creates the planned objects in one cluster.

    apart: every volume is attached to the last node, so that the others can be drained in turn.
    """

    def __init__(self, cluster: Cluster, *, apart: bool = False) -> None:
        self._apart = apart
        self._cluster = cluster
        self._store = cluster.store

    def furnish(self) -> None:
        """Create everything and wait until all of it is healthy. Raises NotFurnished."""
        self._wait("disks", self._disks_ready)
        plans = images(self._cluster.profile.has)
        for volume in VOLUMES:
            if not volume.image:
                self._make_volume(volume)
        for image in plans:
            self._make_image(image)
        for volume in VOLUMES:
            if volume.image:
                self._make_volume(volume)

    def _make_image(self, plan: ImagePlan) -> None:
        wanted = [self._uuid(place) for place in plan.places]
        body = objects.image(self._cluster.profile, plan.name, plan.source, plan.parameters, wanted)
        self._store.create(names.IMAGES, body)
        if plan.source == "upload":
            self._wait(f"upload of {plan.name}", lambda: self._upload(plan.name))
        self._wait(f"image {plan.name}", lambda: self._image_ready(plan.name, wanted))

    def _upload(self, image: str) -> bool:
        """Send the bytes as soon as the data source's pod takes them; True once it did."""
        for pod in self._store.list("pods", names.NAMESPACE):
            if pod["metadata"].get("labels", {}).get(names.LABEL_DATA_SOURCE) == image:
                server = self._cluster.world.processes.server(str(pod["metadata"]["name"]))
                if server is not None:
                    server.upload(Answer(content=UPLOADED))
                    return True
        return False

    def _make_volume(self, plan: VolumePlan) -> None:
        nodes = self._nodes()
        hosts = {nodes[number] for number in plan.replicas}
        self._schedule_on(hosts, plan.image)
        body = objects.volume(plan.name, plan.size, len(plan.replicas), plan.image)
        self._store.create(names.VOLUMES, body)
        self._wait(f"volume {plan.name}", lambda: self._volume(plan.name, "detached"))
        self._attach(plan.name, nodes[-1 if self._apart else plan.attached])
        self._wait(
            f"volume {plan.name} attached",
            lambda: self._volume(plan.name, "attached") and self._healthy(plan.name),
        )
        self._schedule_on(set(nodes))

    def _schedule_on(self, hosts: set[str], image: str = "") -> None:
        """Let only these nodes take replicas; of their disks those with a copy, if any has one."""
        held = self._holding(image)

        def allow(node: dict[str, Any]) -> None:
            node["spec"]["allowScheduling"] = node["metadata"]["name"] in hosts
            disks = {
                name: status["diskUUID"] for name, status in node["status"]["diskStatus"].items()
            }
            for name, disk in node["spec"]["disks"].items():
                disk["allowScheduling"] = held.isdisjoint(disks.values()) or disks[name] in held

        for node in self._nodes():
            self._store.mutate(names.NODES, names.NAMESPACE, node, allow)

    def _holding(self, image: str) -> set[str]:
        found = self._store.find(names.IMAGES, names.NAMESPACE, image) or {}
        return set((found.get("status") or {}).get("diskFileStatusMap") or {})

    def _attach(self, volume: str, node: str) -> None:
        def add(found: dict[str, Any]) -> None:
            tickets = found["spec"].get("attachmentTickets") or {}
            found["spec"]["attachmentTickets"] = tickets | {objects.TICKET: objects.ticket(node)}

        self._store.mutate(names.ATTACHMENTS, names.NAMESPACE, volume, add)

    def _nodes(self) -> list[str]:
        found = self._store.list(names.NODES, names.NAMESPACE)
        return sorted(str(node["metadata"]["name"]) for node in found)

    def _uuid(self, place: Place) -> str:
        node = self._store.get(names.NODES, names.NAMESPACE, self._nodes()[place[0]])
        disk = sorted(node["status"]["diskStatus"])[place[1]]
        return str(node["status"]["diskStatus"][disk]["diskUUID"])

    def _disks_ready(self) -> bool:
        for node in self._store.list(names.NODES, names.NAMESPACE):
            disks = (node.get("status") or {}).get("diskStatus") or {}
            if len(disks) < len(node["spec"].get("disks") or {}) or not disks:
                return False
            for disk in disks.values():
                if not _is_true(disk.get("conditions"), "Schedulable"):
                    return False
        return True

    def _image_ready(self, name: str, wanted: list[str]) -> bool:
        found = self._store.get(names.IMAGES, names.NAMESPACE, name)
        copies = (found.get("status") or {}).get("diskFileStatusMap") or {}
        return all(copies.get(uuid, {}).get("state") == names.READY for uuid in wanted)

    def _volume(self, name: str, state: str) -> bool:
        found = self._store.get(names.VOLUMES, names.NAMESPACE, name)
        return (found.get("status") or {}).get("state") == state

    def _healthy(self, name: str) -> bool:
        found = self._store.get(names.VOLUMES, names.NAMESPACE, name)
        return (found.get("status") or {}).get("robustness") == "healthy"

    def _wait(self, what: str, condition: Callable[[], bool]) -> None:
        if not self._cluster.kernel.run_until_true(condition, limit=LIMIT_SECONDS):
            raise NotFurnished(f"{what}: not ready after {LIMIT_SECONDS:.0f} s")


def _is_true(conditions: list[dict[str, Any]] | None, kind: str) -> bool:
    return any(c.get("type") == kind and c.get("status") == "True" for c in conditions or [])
