#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges backing images and shows the verdicts as plain lines, worst first."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backing_image_diagnosis
short_description: Show what is wrong with Longhorn backing images, worst first
version_added: 0.1.0
description:
  - Judges every backing image as M(nodecare.longhorn.backing_image_info) does, and shows the
    verdicts as plain lines while Ansible runs, worst first. A count of each comes before, healthy
    images that nothing waits for are only counted, and so is what follows the worst hundred.
  - Each image is told with since when, why, the volumes and replicas that wait on it, and a remedy.
  - Nothing is written.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.source
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
  - nodecare.longhorn.attributes.info_module
options:
  name:
    description:
      - Names of the images, or V(all). Without it, all images.
    type: list
    elements: str
  window:
    description:
      - Seconds that an image is watched before it is judged where one read may show a passing
        picture, because no copy is ready, or because nothing is reported for a copy that is wanted.
      - V(0) judges from one read.
    type: float
    default: 10
  format:
    description:
      - What is shown. V(text) is plain lines, V(json) one JSON document.
    type: str
    choices: [text, json]
    default: text
  probe_sources:
    description:
      - Ask the sources of downloaded images that have no copy left whether they still deliver the
        recorded bytes. Each is read to its end.
    type: bool
    default: false
  fail_on:
    description:
      - Fail, after everything was shown, when an image is at this level or worse.
      - V(lost) has no copy left and needs to be recovered. V(unknown) has none that can be
        proven, but what is out of reach may come back. V(degraded) is everything else that needs
        time or a person.
    type: str
    choices: [lost, unknown, degraded, never]
    default: never
seealso:
  - module: nodecare.longhorn.backing_image_info
  - module: nodecare.longhorn.backing_image_recovery
"""

EXAMPLES = r"""
- name: Show what is wrong, and fail when an image is lost
  nodecare.longhorn.backing_image_diagnosis:
    fail_on: lost

- name: Keep the verdicts for a program
  nodecare.longhorn.backing_image_diagnosis:
    format: json
  register: found
"""

RETURN = r"""
lines:
  description: What is shown, in lines.
  returned: success
  type: list
  elements: str
  sample: ["images 14: 13 healthy, 1 lost"]
worst:
  description: The worst level of all images, C(fine), C(degraded), C(unknown) or C(lost).
  returned: always, once the images were judged
  type: str
  sample: fine
counts:
  description: How many images have each verdict.
  returned: always, once the images were judged
  type: dict
  sample: {"healthy": 11, "degraded_syncing": 1}
longhorn_version:
  description: The version of Longhorn.
  returned: success
  type: str
  sample: 1.12.1
images:
  description: The images, worst verdict first, as M(nodecare.longhorn.backing_image_info) returns
    them.
  returned: success
  type: list
  elements: dict
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodecare.longhorn.plugins.module_utils import argspec, task
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.diagnose import (
    show,
)


def main() -> None:
    """Read, judge, and say it."""
    module = AnsibleModule(
        argument_spec={
            **argspec.CONNECTION_OPTIONS,
            **argspec.SOURCE_OPTIONS,
            "probe_sources": {"type": "bool", "default": False},
            "name": {"type": "list", "elements": "str"},
            "window": {"type": "float", "default": 10},
            "format": {"choices": ["text", "json"], "default": "text"},
            "fail_on": {"choices": ["lost", "unknown", "degraded", "never"], "default": "never"},
        },
        supports_check_mode=True,
    )
    with task.running(module) as running:
        params = module.params
        found, failure = show(
            running,
            params["name"] or [],
            params["window"],
            params["format"],
            params["fail_on"],
            argspec.source_way(params) if params["probe_sources"] else None,
        )
        if failure:
            # Ansible prints all of a failed result: the images were shown by then.
            short = {key: found[key] for key in ("lines", "worst", "counts")}
            module.fail_json(msg=failure, changed=False, **short)
        module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
