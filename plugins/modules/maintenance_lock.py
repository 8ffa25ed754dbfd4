#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes or gives back the lock that keeps two maintenances apart."""

from __future__ import annotations

DOCUMENTATION = r"""
module: maintenance_lock
short_description: Take or give back the lock for a maintenance of Longhorn
version_added: 0.1.0
description:
  - One maintenance at a time. The lock is a Lease in Longhorn's namespace. It is renewed by the
    modules that work under it, and another run can take it over only after it has expired.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
options:
  state:
    description:
      - V(present) takes the lock, V(absent) gives it back if it is ours.
    type: str
    choices: [present, absent]
    default: present
  holder:
    description:
      - Name of the holder. Without it V(state=present) makes one up and returns it.
      - Required for O(state=absent).
    type: str
  purpose:
    description:
      - What the lock is for, part of a name that is made up.
    type: str
    default: maintenance
  lock_timeout:
    description:
      - Seconds to wait for another maintenance to end.
    type: int
    default: 120
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - Taking a lock that the same holder has renews it, which is a write.
"""

EXAMPLES = r"""
- name: Take the lock
  nodecare.longhorn.maintenance_lock:
    purpose: drain-worker-3
  register: lock

- name: Give it back
  nodecare.longhorn.maintenance_lock:
    state: absent
    holder: "{{ lock.holder }}"
"""

RETURN = r"""
holder:
  description: Name under which the lock is held. Give it to the modules that work under it.
  returned: success
  type: str
  sample: drain-worker-3@admin-host:4711-1f2e3d4c
"""

from ansible_collections.nodecare.longhorn.plugins.module_utils import maintenance
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import lock

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "holder": {"type": "str"},
    "purpose": {"type": "str", "default": "maintenance"},
    "lock_timeout": {"type": "int", "default": 120},
}


def main() -> None:
    module = maintenance.module(OPTIONS, required_if=[("state", "absent", ("holder",))])
    params = module.params
    with maintenance.reading(module) as work:
        if params["state"] == "present":
            timeout = float(params["lock_timeout"])
            result = lock.take(work, params["holder"], params["purpose"], timeout)
        else:
            result = lock.give_back(work, params["holder"])
    module.exit_json(**result)


if __name__ == "__main__":
    main()
