# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Longhorn nodes as hosts of an Ansible inventory, with their disks as variables."""

from __future__ import annotations

DOCUMENTATION = r"""
name: longhorn
short_description: Longhorn nodes as an Ansible inventory
version_added: 0.1.0
description:
  - Every node that Longhorn manages becomes a host, with its disks as variables and the address of
    its Kubernetes node as C(ansible_host).
  - Hosts are in the group C(longhorn), in C(longhorn_ready) or C(longhorn_not_ready), in
    C(longhorn_zone_NAME) where the node has a zone, and in C(longhorn_version_MAJOR_MINOR).
  - The variables of a host are C(longhorn_node) (its name), C(longhorn_disks) (a list of
    dictionaries with C(name), C(uuid), C(path), C(type), C(ready), C(schedulable), C(tags),
    C(storage_maximum) and C(storage_available)), C(longhorn_ready), C(longhorn_schedulable),
    C(longhorn_cordoned), C(longhorn_zone), C(longhorn_region), C(longhorn_tags) and
    C(longhorn_version).
  - The file's name has to end in C(longhorn.yml) or C(longhorn.yaml).
  - The connection options work as those of the modules, their environment variables included.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - constructed
  - inventory_cache
options:
  plugin:
    description: Marks the file as one for this plug-in.
    type: str
    required: true
    choices: [nodecare.longhorn.longhorn]
  address_types:
    description:
      - Kinds of address of the Kubernetes node to log in to, the preferred first.
      - A node that has none of them gets no C(ansible_host), so its name is used.
    type: list
    elements: str
    default: [InternalIP, ExternalIP, Hostname]
  request_timeout:
    description: Seconds that reading the cluster may take.
    type: float
    default: 30
requirements:
  - kubernetes >= 24.2
"""

EXAMPLES = r"""
# workers.longhorn.yml, used as: ansible-inventory -i workers.longhorn.yml --graph
plugin: nodecare.longhorn.longhorn
context: test-cluster

# Log in as another user, group by tags, and name the nodes that hold a second disk.
---
plugin: nodecare.longhorn.longhorn
compose:
  ansible_user: "'rocky'"
keyed_groups:
  - key: longhorn_tags
    prefix: tag
groups:
  two_disks: longhorn_disks | length > 1
"""

import re
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.connect import connect
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.workers import (
    read_workers,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils.argspec import with_fallbacks

ENDINGS = ("longhorn.yml", "longhorn.yaml")
PASSED_ON = ("ready", "schedulable", "cordoned", "zone", "region", "tags", "version", "disks")
NOT_IN_A_GROUP = re.compile(r"[^A-Za-z0-9_]")


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """The plug-in: reads the cluster (or the cache), then fills the inventory."""

    NAME = "nodecare.longhorn.longhorn"

    def verify_file(self, path: str) -> bool:
        """Whether the file is meant for this plug-in, by its name."""
        return bool(super().verify_file(path)) and path.endswith(ENDINGS)

    def parse(self, inventory: Any, loader: DataLoader, path: str, cache: bool = True) -> None:
        """Fill the inventory. Raises AnsibleParserError with a sentence for a person."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        key = self.get_cache_key(path)
        workers = None
        if cache and self.get_option("cache"):
            workers = self._cache.get(key)
        if workers is None:
            workers = self._read()
            if self.get_option("cache"):
                self._cache[key] = workers
        for worker in workers:
            self._add(worker)

    def _read(self) -> list[dict[str, Any]]:
        try:
            params = with_fallbacks(self.get_options())
            client = connect(params, Deadline(float(self.get_option("request_timeout"))))
            found = read_workers(client, self.get_option("address_types"))
        except Failure as failure:
            raise AnsibleParserError(f"Longhorn's nodes cannot be read: {failure}") from failure
        return found

    def _add(self, worker: dict[str, Any]) -> None:
        host = worker["name"]
        for group in ("longhorn", *_groups(worker)):
            self.inventory.add_group(group)
            self.inventory.add_host(host, group)
            if group != "longhorn":
                self.inventory.add_child("longhorn", group)
        variables = {f"longhorn_{name}": worker[name] for name in PASSED_ON}
        variables["longhorn_node"] = host
        if worker["address"]:
            variables["ansible_host"] = worker["address"]
        for name, value in variables.items():
            self.inventory.set_variable(host, name, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, host, strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict)


def _groups(worker: dict[str, Any]) -> list[str]:
    """The groups of a host beside ``longhorn``, as names that Ansible accepts."""
    release = "_".join(worker["version"].split(".")[:2])
    found = ["longhorn_ready" if worker["ready"] else "longhorn_not_ready"]
    if worker["zone"]:
        found.append(NOT_IN_A_GROUP.sub("_", f"longhorn_zone_{worker['zone']}"))
    return [*found, f"longhorn_version_{release}"]
