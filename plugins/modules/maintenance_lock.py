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
  - It can also be looked at, kept alive while tasks of others run, and broken by naming its holder.
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
      - V(shown) tells who holds it, since when and for what.
      - V(kept) renews the lock of O(holder) for as long as the playbook runs that started this
        task, and ends when the playbook has ended or the lock is given back. Use it with C(async)
        and C(poll=0), for the time in which no module of this collection works. It needs
        C(connection=local), because it watches the playbook's process.
      - V(broken) takes the lock away from O(holder), which must be named exactly as it is held.
        That run stops before its next write. Only for a run that is known to be dead, when its
        expiry cannot be waited for.
    type: str
    choices: [present, absent, shown, kept, broken]
    default: present
  holder:
    description:
      - Name of the holder. Without it V(state=present) makes one up and returns it. With it the
        lock must have been taken under this name, and is renewed.
      - Required for O(state=absent), O(state=kept) and O(state=broken).
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
      - Going on under a lock renews it, which is a write that is not told as a change.
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

- name: Keep the lock while somebody else's tasks run
  nodecare.longhorn.maintenance_lock:
    state: kept
    holder: "{{ lock.holder }}"
  async: 86400
  poll: 0
"""

RETURN = r"""
holder:
  description: Name under which the lock is held. Give it to the modules that work under it.
  returned: O(state=present), O(state=absent) and O(state=kept)
  type: str
  sample: drain-worker-3@admin-host:4711-1f2e3d4c
taken_over_from:
  description:
    - Name of a holder that had not renewed the lock for its whole duration, and lost it now.
    - Empty where the lock was free.
  returned: O(state=present) without O(holder)
  type: str
  sample: ""
lock:
  description: The lock as it is, or as it was before it was broken.
  returned: O(state=shown) and O(state=broken), and when another maintenance holds it
  type: dict
  sample:
    held: true
    holder: drain-worker-3@admin-host:4711-1f2e3d4c
    purpose: drain-worker-3
    host: admin-host
    since: "2026-11-21T09:12:44.120000Z"
    renewed: "2026-11-21T09:14:02.740000Z"
    duration_seconds: 60
lines:
  description: The same for a person.
  returned: O(state=shown) and O(state=broken)
  type: list
  elements: str
  sample: [Nobody holds the lock.]
ended:
  description: Why the lock is no longer kept.
  returned: O(state=kept)
  type: str
  sample: the playbook has ended
"""

import os

from ansible_collections.nodecare.longhorn.plugins.module_utils import maintenance
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import lock

CONTROLLER = "NODECARE_LONGHORN_CONTROLLER"
OPTIONS = {
    "state": {
        "type": "str",
        "choices": ["present", "absent", "shown", "kept", "broken"],
        "default": "present",
    },
    "holder": {"type": "str"},
    "purpose": {"type": "str", "default": "maintenance"},
    "lock_timeout": {"type": "int", "default": 120},
}
NAMED = [("state", state, ("holder",)) for state in ("absent", "kept", "broken")]


def main() -> None:
    module = maintenance.module(OPTIONS, required_if=NAMED)
    params = module.params
    controller = os.environ.get(CONTROLLER, "")
    if params["state"] == "kept" and not controller.isdigit():
        module.fail_json(
            msg="The lock can only be kept by a task that runs where ansible-playbook runs "
            "(connection: local), because it watches that process."
        )
    with maintenance.reading(module) as work:
        if params["state"] == "present":
            timeout = float(params["lock_timeout"])
            result = lock.take(work, params["holder"], params["purpose"], timeout)
        elif params["state"] == "absent":
            result = lock.give_back(work, params["holder"])
        elif params["state"] == "shown":
            result = lock.show(work)
        elif params["state"] == "broken":
            result = lock.break_it(work, params["holder"])
        else:
            number = int(controller)
            result = lock.keep(work, params["holder"], lambda: lock.process_is_alive(number))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
