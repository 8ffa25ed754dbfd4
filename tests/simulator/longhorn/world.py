# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all controllers of Longhorn share: release, disks, managers, settings, events."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulator.errors import ApiError
from tests.simulator.kernel import Kernel, rfc3339_micro
from tests.simulator.longhorn import names
from tests.simulator.longhorn.choices import Choices
from tests.simulator.longhorn.manager_processes import ManagerProcesses
from tests.simulator.longhorn.processes import Processes
from tests.simulator.longhorn.profiles import Profile
from tests.simulator.longhorn.settings import default_of
from tests.simulator.longhorn.sources import Sources
from tests.simulator.longhorn.workers import Workers
from tests.simulator.objects import Object, name_of, namespace_of, uid_of
from tests.simulator.store import Store


class World:
    """The surroundings of a controller."""

    def __init__(
        self, kernel: Kernel, store: Store, profile: Profile, workers: Workers, sources: Sources
    ) -> None:
        self.kernel = kernel
        self.store = store
        self.profile = profile
        self.workers = workers
        self.sources = sources
        self.choices = Choices(kernel.rng)
        self.managers = ManagerProcesses(kernel, store, self.choices)
        self.processes = Processes(kernel, store, workers, sources)
        self.log: Callable[[str, str], None] = lambda node, text: None
        self._events: dict[tuple[str, str, str], str] = {}

    def setting(self, name: str) -> str:
        """Value of a setting, or its default."""
        found = self.store.find(names.SETTINGS, names.NAMESPACE, name)
        value = str(found.get("value", "")) if found is not None else ""
        return value or default_of(self.profile, name)

    def setting_int(self, name: str) -> int:
        """A setting that is a number."""
        return int(self.setting(name))

    def setting_bool(self, name: str) -> bool:
        """A setting that is true or false."""
        return self.setting(name) == "true"

    def manager_log(self, node: str, level: str, message: str, **fields: object) -> None:
        """Write a line to the log of a node's manager, as logrus does (F§3.1)."""
        stamp = rfc3339_micro(self.kernel.now())
        told = " ".join(f"{key}={value}" for key, value in sorted(fields.items()))
        self.log(node, f'time="{stamp}" level={level} msg="{message}" {told} node={node}')

    def event(
        self, about: Object, component: str, reason: str, message: str, kind: str = "Normal"
    ) -> None:
        """Record a Kubernetes Event about an object, where events are served."""
        if "events" not in self.store.registry:
            return
        stamp = self.kernel.timestamp()
        seen = (uid_of(about), reason, message)
        if self._count_again(seen, stamp):
            return
        reference = {
            "apiVersion": about.get("apiVersion", names.API_VERSION),
            "kind": about.get("kind", ""),
            "name": name_of(about),
            "namespace": namespace_of(about),
            "uid": uid_of(about),
        }
        event: Object = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{name_of(about)}.", "namespace": names.NAMESPACE},
            "involvedObject": reference,
            "reason": reason,
            "message": message,
            "type": kind,
            "source": {"component": component},
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
            "reportingComponent": component,
        }
        try:
            self._events[seen] = name_of(self.store.create("events", event))
        except ApiError:
            return

    def _count_again(self, seen: tuple[str, str, str], stamp: str) -> bool:
        """The same event once more only grows in number; False where there is none yet."""
        name = self._events.get(seen)
        if name is None or self.store.find("events", names.NAMESPACE, name) is None:
            return False

        def grow(event: Object) -> None:
            event["count"] = int(event.get("count") or 1) + 1
            event["lastTimestamp"] = stamp

        self.store.mutate("events", names.NAMESPACE, name, grow)
        return True
