# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a cluster on which Longhorn was installed some time ago."""

from __future__ import annotations

from tests.simulator.kernel import Kernel
from tests.simulator.longhorn import names, settings
from tests.simulator.longhorn.disk_folder import DiskConfig
from tests.simulator.longhorn.profiles import Profile
from tests.simulator.longhorn.workers import Workers
from tests.simulator.objects import Object
from tests.simulator.store import Store

ACCOUNTS = ("longhorn-service-account", "longhorn-support-bundle", "longhorn-ui-service-account")
PRIORITY_CLASS = "longhorn-critical"
MANAGER = "longhorn-manager"


def disk_path(index: int) -> str:
    """Host path of a node's n-th disk, from 0."""
    return names.HOST_PATH if index == 0 else f"/var/lib/longhorn-{index + 1}/"


def seed_common(store: Store, profile: Profile) -> None:
    """Namespace, accounts, settings, priority class, DaemonSet."""
    if store.find("namespaces", None, names.NAMESPACE) is None:
        store.create("namespaces", {"metadata": {"name": names.NAMESPACE}})
    for account in ACCOUNTS:
        _create(store, "serviceaccounts", {"metadata": _meta(account)})
    priority = {"metadata": {"name": PRIORITY_CLASS}, "value": 1000000000}
    _create(store, "priorityclasses.scheduling.k8s.io", priority)
    for name in settings.RULES:
        if not settings.known(profile, name):
            continue
        value = settings.stored_default(profile, name)
        made = store.create(names.SETTINGS, {"metadata": _meta(name), "value": value})
        if profile.has("setting_applied"):
            applied = {**made, "status": {"applied": True}}
            store.update(names.SETTINGS, applied, subresource="status")


def manager_daemon_set(profile: Profile) -> Object:
    """The DaemonSet of the managers."""
    labels = {"app": MANAGER}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {**_meta(MANAGER), "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "serviceAccountName": ACCOUNTS[0],
                    "priorityClassName": PRIORITY_CLASS,
                    "tolerations": [{"operator": "Exists"}],
                    "containers": [
                        {
                            "name": MANAGER,
                            "image": profile.image_of(MANAGER),
                            "readinessProbe": {
                                "tcpSocket": {"port": 9500},
                                "initialDelaySeconds": 1,
                            },
                        }
                    ],
                },
            },
        },
    }


def engine_image(profile: Profile, nodes: list[str]) -> tuple[Object, Object]:
    """The default engine image, and its status."""
    image = profile.image_of("longhorn-engine")
    obj = {"metadata": _meta("ei-simulated"), "spec": {"image": image}}
    status = {
        "state": "deployed",
        "refCount": 0,
        "version": profile.text,
        "ownerID": nodes[0] if nodes else "",
        "nodeDeploymentMap": dict.fromkeys(nodes, True),
        "conditions": [],
    }
    return obj, status


def longhorn_node(
    kernel: Kernel, profile: Profile, workers: Workers, name: str, disks: int
) -> Object:
    """A Longhorn Node as its manager makes it; its disks get their identity now."""
    entries = {}
    for index in range(disks):
        folder = workers[name].add_disk(disk_path(index))
        config = folder.config()
        disk = f"default-disk-{kernel.new_uid().replace('-', '')[:16]}"
        if index:
            disk = f"disk-{index + 1}"
        if config is None:
            folder.write_config(DiskConfig(disk, kernel.new_uid()))
        entries[disk] = disk_spec(profile, disk_path(index), folder.capacity)
    return {
        "metadata": _meta(name),
        "spec": {
            "name": name,
            "allowScheduling": True,
            "evictionRequested": False,
            "instanceManagerCPURequest": 0,
            "tags": [],
            "disks": entries,
        },
    }


def disk_spec(profile: Profile, path: str, capacity: int) -> Object:
    """A disk entry with Longhorn's defaults."""
    entry: Object = {
        "path": path,
        "diskType": "filesystem",
        "allowScheduling": True,
        "evictionRequested": False,
        "storageReserved": capacity * 30 // 100,
        "tags": [],
    }
    if profile.has("disk_details"):
        entry["diskDriver"] = ""
    return entry


def _meta(name: str) -> Object:
    return {"name": name, "namespace": names.NAMESPACE}


def _create(store: Store, res: str, obj: Object) -> None:
    if res in store.registry:
        store.create(res, obj)
