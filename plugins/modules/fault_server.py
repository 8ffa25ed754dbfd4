#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and ends the small HTTP server on which the downloads of a fault play fail."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fault_server
short_description: A small HTTP server whose downloads fail in chosen ways
version_added: 0.1.0
description:
  - Serves made-up bytes from the machine the task runs on, in a process of its own that ends at
    O(deadline) whatever becomes of the play. No file is ever served.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details:
      - There is nothing to compare.
  idempotent:
    support: partial
    details:
      - V(started) starts another server each time.
options:
  state:
    description: Whether the server runs.
    type: str
    choices: [started, stopped]
    default: started
  run:
    description: Name of the test run that it belongs to.
    type: str
    required: true
  address:
    description:
      - Address of this machine at which the nodes of the cluster reach it. Not a loopback address,
        which Longhorn refuses from 1.12.1. Required with O(state=started).
    type: str
  deadline:
    description: Seconds after which it ends by itself.
    type: int
    default: 1800
"""

EXAMPLES = r"""
- name: Serve failing downloads
  nodecare.longhorn.fault_server:
    run: demo
    address: 192.0.2.17
  register: server
"""

RETURN = r"""
urls:
  description: A URL for each kind of failure.
  returned: with O(state=started)
  type: dict
  sample:
    not_found: http://192.0.2.17:40123/missing.img
    cut: http://192.0.2.17:40123/cut.img
    wrong_checksum: http://192.0.2.17:40123/good.img
    refused: http://192.0.2.17:40124/good.img
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    fault_images,
    fault_server,
)


def main() -> None:
    """Start or stop."""
    module = AnsibleModule(
        argument_spec={
            "state": {"choices": ["started", "stopped"], "default": "started"},
            "run": {"type": "str", "required": True},
            "address": {"type": "str"},
            "deadline": {"type": "int", "default": 1800},
        },
        required_if=[("state", "started", ("address",))],
        supports_check_mode=True,
    )
    params = module.params
    result = {"changed": True}
    try:
        fault_images.name_of(params["run"])
        if not module.check_mode and params["state"] == "started":
            result["urls"] = fault_server.start(
                params["address"], params["run"], params["deadline"]
            )
        elif not module.check_mode:
            result["changed"] = fault_server.stop(params["run"])
    except Failure as failure:
        module.fail_json(msg=str(failure))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
