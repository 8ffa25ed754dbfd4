#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells what is one failure away from a loss, before it happens."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_audit
short_description: Tell which images and volumes one failure would take along
version_added: 0.1.0
description:
  - For every node and disk, and for every zone where there are several, tells which backing images
    would be lost and which volumes could not run if it failed now, and what a drain of each node
    would copy.
  - Lists what is weak. These are images without a proven copy, with a single one, with all copies
    on one node or in one zone, or below their minimum; map entries that Longhorn cannot write back
    or that name a disk which is gone; downloads without a checksum, and with O(probe_sources)
    those whose source no longer delivers; volumes whose complete replicas are all on one disk
    or node, or in one zone where there are several.
  - Up to Longhorn 1.6, also tells whether the step to 1.7 is safe. The served resource definition
    must know the new placement map before the new managers start, no eviction may be requested, and
    every image needs two proven copies.
  - Nothing is written to the cluster. M(nodecare.longhorn.backing_image_protect) makes the copies
    that are missing.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.source
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
  - nodecare.longhorn.attributes.info_module
options:
  copies:
    description:
      - How many copies on distinct nodes an image should have. Used only to tell what a repair
        would make.
    type: int
    default: 2
  upgrade:
    description:
      - Count an upgrade to 1.7 that is not safe as a weak point, so that it can fail the task.
    type: bool
    default: false
  probe_sources:
    description:
      - Also read the source of every downloaded image to its end, from the host where the module
        runs, and tell which no longer delivers what the image was. That takes as long as
        downloading them all.
    type: bool
    default: false
  format:
    description:
      - What is shown. V(text) is a table and plain lines, V(json) one JSON document.
    type: str
    choices: [text, json]
    default: text
  junit_file:
    description:
      - File to write the findings to as a JUnit report, on the host where the module runs. A
        test case fails when it is at O(fail_on) or worse, or is weak at all with V(never).
      - It holds no times, so an unchanged cluster gives the same file. It is not written in check
        mode, and never counts as a change.
      - A relative path is meant from the folder in which Ansible was started.
    type: path
  fail_on:
    description:
      - Fail, after everything was shown, when something is at this level or worse.
      - V(unavailable) is an image without a proven copy. V(at_risk) is an image or a volume that
        one disk or one node would take along. V(weak) is everything else that should be repaired.
    type: str
    choices: [unavailable, at_risk, weak, never]
    default: never
seealso:
  - module: nodecare.longhorn.backing_image_protect
  - module: nodecare.longhorn.backing_image_diagnosis
  - module: nodecare.longhorn.node_drain_plan
"""

EXAMPLES = r"""
- name: Show what is one failure away, and fail a pipeline when an image or volume is
  nodecare.longhorn.cluster_audit:
    fail_on: at_risk
    junit_file: audit.xml

- name: Is the step from Longhorn 1.6 to 1.7 safe?
  nodecare.longhorn.cluster_audit:
    upgrade: true
    fail_on: weak
"""

RETURN = r"""
lines:
  description: What is shown, in lines.
  returned: success
  type: list
  elements: str
  sample: ["weak: nothing"]
worst:
  description: The worst level of all findings, C(fine), C(weak), C(at_risk) or C(unavailable).
  returned: always, once the cluster was read
  type: str
  sample: at_risk
counts:
  description: How many images and volumes were looked at.
  returned: always, once the cluster was read
  type: dict
  sample: {"images": 14, "volumes": 30}
longhorn_version:
  description: The version of Longhorn.
  returned: success
  type: str
  sample: 1.12.1
failures:
  description: What each failure would cost, in the lists C(nodes), C(disks) and C(zones).
  returned: success
  type: dict
  sample:
    nodes:
      - kind: node
        name: worker-3
        images_lost: [appliance-7]
        images_downloadable: []
        volumes_lost: []
        volumes_not_startable: [pvc-91c0]
drain_costs:
  description: For every node, the copies and replicas that a drain for C(reboot) or C(remove)
    would make elsewhere, with their bytes. Those of replicas are nominal sizes, an upper bound.
  returned: success
  type: dict
  sample:
    worker-3:
      remove:
        copies: 4
        bytes: 23300407296
        replicas: 7
        replica_bytes: 75161927680
        images_without_enough_disks: []
findings:
  description: The weak points, worst first.
  returned: success
  type: list
  elements: dict
  sample:
    - rule: only_copy
      level: at_risk
      kind: image
      name: appliance-7
      text: its only copy is on worker-3/nvme0
      remedy: ansible-playbook nodecare.longhorn.audit -e fix=true
upgrade_to_1_7:
  description: The conditions of the step to 1.7, empty from 1.7 on. C(ok) is null where it could
    not be read.
  returned: success
  type: list
  elements: dict
  sample: []
fix:
  description: What a repair would make.
  returned: success
  type: dict
  sample: {"copies": 3, "bytes": 13099650253, "images": ["appliance-7"]}
junit:
  description: The JUnit report.
  returned: success
  type: str
  sample: "<?xml version='1.0' encoding='utf-8'?>"
requests:
  description: How many requests it took.
  returned: success
  type: int
  sample: 11
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodecare.longhorn.plugins.module_utils import argspec, document, task
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.audit import show


def main() -> None:
    """Read, judge, and say it."""
    module = AnsibleModule(
        argument_spec={
            **argspec.CONNECTION_OPTIONS,
            **argspec.SOURCE_OPTIONS,
            "probe_sources": {"type": "bool", "default": False},
            "copies": {"type": "int", "default": 2},
            "upgrade": {"type": "bool", "default": False},
            "format": {"choices": ["text", "json"], "default": "text"},
            "junit_file": {"type": "path"},
            "fail_on": {"choices": ["unavailable", "at_risk", "weak", "never"], "default": "never"},
        },
        supports_check_mode=True,
    )
    params = module.params
    document.check(module, "junit_file")
    with task.running(module) as running:
        found, failure = show(
            running,
            copies=params["copies"],
            upgrade=params["upgrade"],
            form=params["format"],
            fail_on=params["fail_on"],
            probe=argspec.source_way(params) if params["probe_sources"] else None,
        )
    if params["junit_file"] and not module.check_mode:
        document.write(module, "junit_file", found["junit"])
    if failure:
        # Ansible prints all of a failed result: everything was shown by then.
        short = {key: found[key] for key in ("lines", "worst", "counts")}
        module.fail_json(msg=failure, changed=False, **short)
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
