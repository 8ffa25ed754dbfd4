#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads backing images, their copies and consumers, and judges each."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backing_image_info
short_description: Read Longhorn backing images and say what is wrong with each
version_added: 0.1.0
description:
  - Reads every backing image with its copies, its data source and what uses it, in the same
    form for all Longhorn versions.
  - Gives a verdict on each image, with the evidence it rests on and a remedy.
  - A copy counts only if its key is in the placement map, it is C(ready), and its disk and node
    are Ready.
  - Nothing is written.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.query
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
  - nodecare.longhorn.attributes.info_module
options:
  name:
    description:
      - Names of the images to read. Without it, all images.
    type: list
    elements: str
  window:
    description:
      - Seconds that an image is watched before it is judged where one read may show a passing
        picture, because no copy is ready, or because nothing is reported for a copy that is wanted.
      - Where nothing of the kind is seen the module answers at once.
      - V(0) judges from one read.
    type: float
    default: 10
seealso:
  - module: nodecare.longhorn.backing_image_diagnosis
  - module: nodecare.longhorn.backing_image_recovery
"""

EXAMPLES = r"""
- name: Read all images
  nodecare.longhorn.backing_image_info:
  register: found

- name: Keep what is not healthy
  ansible.builtin.set_fact:
    unwell: "{{ found.images | rejectattr('verdict.name', 'eq', 'healthy') | list }}"

- name: Find the images that have only one proven copy
  nodecare.longhorn.backing_image_info:
    query: "images[?proven_copies==`1`].name"
  register: single
"""

RETURN = r"""
longhorn_version:
  description: The version of Longhorn.
  returned: success
  type: str
  sample: 1.12.1
counts:
  description: How many images have each verdict.
  returned: success
  type: dict
  sample: {"healthy": 11, "degraded_syncing": 1}
images:
  description: The images, worst verdict first.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the BackingImage.
      type: str
      sample: debian-13
    uuid:
      description: Longhorn's own identifier of the image, part of its directory names.
      type: str
      sample: 4b8e0c1d
    source_type:
      description: Where its first file came from.
      type: str
      sample: download
    source_parameters:
      description: Parameters of the source, without credentials or queries of URLs.
      type: dict
      sample: {"url": "https://images.example/debian-13.qcow2"}
    checksum:
      description: Recorded SHA-512 of the file.
      type: str
      sample: 9c1e5f0a
    size:
      description: Size of the file in bytes.
      type: int
      sample: 641728512
    virtual_size:
      description: Size of the disk in the image, in bytes.
      type: int
      sample: 2361393152
    real_size:
      description: Bytes that the file takes on a disk (0 before Longhorn 1.8).
      type: int
      sample: 641728512
    wanted_copies:
      description: The minimum number of copies from Longhorn 1.7 on, before that the number of
        keys in its map.
      type: int
      sample: 2
    proven_copies:
      description: Copies that can be relied on now.
      type: int
      sample: 2
    copies:
      description: One entry for each key of the placement map.
      type: list
      elements: dict
      sample:
        - disk: 11ccd573-4f60-4774-8499-cb739ea7e89d
          place: worker-1/nvme0
          node: worker-1
          state: ready
          progress: 100
          proven: true
          standing: proven
          reason: ""
          since: "2026-11-21T01:36:17Z"
          evicting: false
          entry_complete: true
    data_source:
      description: State of the data source, which prepares the first file.
      type: dict
      sample:
        state: ready
        file_transferred: true
        progress: 100
        message: ""
        place: worker-1/nvme0
    source_check:
      description: What asking the source has found. M(nodecare.longhorn.backing_image_diagnosis)
        may ask; null here.
      type: dict
      sample: {"finding": "same_bytes", "ok": true, "checked_from": "controller"}
    consumers:
      description: Volumes, replicas and cloned images that use it, and the volumes and
        replicas that wait for it.
      type: dict
      sample:
        volumes: [pvc-7f2a]
        replicas: [pvc-7f2a-r-8a1]
        waiting_volumes: []
        waiting_replicas: []
        clones: []
    ways_on:
      description: For an image without a usable copy that cannot be downloaded again, or whose
        source was asked and does not deliver it any more, what may be done, most promising first.
        Each has a fixed word in C(rule), C(state) (C(open), C(check) for what has to be looked at
        first, C(closed)), C(text), C(commands) to copy, and C(evidence), what a look on the nodes
        has found on each disk (empty where nobody looked).
      type: list
      elements: dict
      sample: []
    deleting:
      description: Whether it is being deleted.
      type: bool
      sample: false
    verdict:
      description: What is true of the image, the evidence for it, and what can be done.
      type: dict
      contains:
        name:
          description: One of C(healthy), C(degraded_syncing), C(degraded),
            C(failed_sync_retrying), C(all_failed_will_recover_itself),
            C(all_failed_needs_recovery), C(unknown_may_return), C(unknown_gone),
            C(blocked_by_unknown), C(first_download_running), C(first_download_failing),
            C(redownloading), C(redownload_failing), C(checksum_pinned), C(disk_uuid_drift),
            C(data_source_stuck), C(poisoned_entry), C(orphan_map_entry), C(name_collision),
            C(upgrade_hazard_1_7), C(undetermined), C(deleting),
            C(deleting_blocked_by_consumers).
          type: str
          sample: healthy
        detail:
          description: A second word where a verdict has several causes, as that of a failed sync
            (C(no_space), C(not_writable), C(checksum), ...) or of a failed download (C(scheme),
            C(host), C(not_found), C(checksum), C(size), C(cut), ...). C(degraded) with
            C(half_recovered) is a recovery of ours that has not ended.
          type: str
          sample: ""
        confidence:
          description: C(certain) or C(likely).
          type: str
          sample: certain
        summary:
          description: One sentence.
          type: str
          sample: 2 of 2 copies healthy (worker-1/nvme0, worker-2/nvme0)
        remedy:
          description: What a person can do.
          type: str
          sample: nothing to do
        recoverable:
          description: Whether M(nodecare.longhorn.backing_image_recovery) can bring it back.
          type: bool
          sample: false
        heals_itself:
          description: Whether Longhorn is expected to heal it without any action.
          type: bool
          sample: false
        evidence:
          description: The facts the verdict rests on.
          type: list
          elements: dict
          sample:
            - object: backingimage/debian-13
              field: status.diskFileStatusMap[11ccd573] (worker-1/nvme0)
              value: ready
              since: "2026-11-21T01:36:17Z"
result:
  description: The value of the expression in O(query).
  returned: when O(query) is given
  type: raw
  sample: [debian-13]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodecare.longhorn.plugins.module_utils import argspec, query, task
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.diagnose import (
    diagnose,
)


def main() -> None:
    """Read and judge."""
    module = AnsibleModule(
        argument_spec={
            **argspec.CONNECTION_OPTIONS,
            "name": {"type": "list", "elements": "str"},
            "window": {"type": "float", "default": 10},
            **query.OPTION,
        },
        supports_check_mode=True,
    )
    with task.running(module) as running:
        found = diagnose(running, module.params["name"] or [], module.params["window"])
        if module.params["query"]:
            found["result"] = query.search(module.params["query"], found)
        module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
