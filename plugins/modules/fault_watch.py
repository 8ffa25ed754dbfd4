#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches a test image under a fault and reports each expectation."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fault_watch
short_description: Watch a test image under a fault and report each expectation
version_added: 0.1.0
description:
  - Watches image, data source, pods and volume, and reads the logs of the managers, until every
    expectation of O(phase) is met or O(seconds) are over.
  - Each expectation is reported as C(met), C(not met) or C(no evidence), with what was seen. No
    evidence is never a pass.
  - The task itself does not fail for an expectation that is not met; RV(met) tells it.
  - With O(phase=download_failure) it also creates the image, because the pod that fails lives only
    for seconds.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
  - nodecare.longhorn.attributes.fault_module
options:
  phase:
    description:
      - V(sync_failure) is while a copy cannot be synced, V(sync_repair) after that was repaired,
        V(download_failure) from the creation of an image that cannot be downloaded.
      - V(copy_fault) is while a copy has another fault, V(copy_repair) after that was repaired.
        With O(kind=manager_killed) the fault is made here, when the watches are open.
      - V(report) watches nothing; it adds O(backoff) to O(earlier).
    type: str
    required: true
    choices: [sync_failure, sync_repair, download_failure, copy_fault, copy_repair, report]
  run:
    description: Name of the test run.
    type: str
    required: true
  kind:
    description:
      - The kind of fault, V(immutable) or V(immutable_during_transfer) of a sync, V(bad_scheme) to
        V(wrong_checksum) of a download, the others of a copy.
    type: str
    choices: [immutable, immutable_during_transfer, bad_scheme, unknown_host, not_found, refused,
      cut, wrong_checksum, wrong_bytes, files_removed, disk_full, no_space, manager_killed,
      all_copies_gone, node_down]
    default: immutable
  disk_uuid:
    description: Disk of the copy that has the fault. Required for a sync and for a copy.
    type: str
  other_disks:
    description: Disks whose copies have to stay ready.
    type: list
    elements: str
    default: []
  since:
    description:
      - The resourceVersion of images, as C(target.since) of M(nodecare.longhorn.fault_image) tells
        it, from which on their changes count; without it, what is seen from now on.
    type: str
    default: ''
  volume:
    description: Whether the volume of the run is judged too.
    type: bool
    default: true
  url:
    description: Where to download from. Required with O(phase=download_failure).
    type: str
  checksum:
    description: The checksum the image is said to have.
    type: str
    default: ''
  confirm_cluster:
    description:
      - The cluster, as for M(nodecare.longhorn.fault_image). Required with
        O(phase=download_failure) and O(phase=copy_fault).
    type: str
  seconds:
    description: Seconds to watch at most.
    type: float
    default: 120
  earlier:
    description: Expectations of earlier phases, to be reported with these.
    type: list
    elements: dict
    default: []
  backoff:
    description:
      - Reports of M(nodecare.longhorn.backoff_report) to be judged with these, as one expectation.
    type: list
    elements: dict
  backoff_expect:
    description: The verdicts of these reports that are right for this kind of retry.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Watch the copy fail
  nodecare.longhorn.fault_watch:
    phase: sync_failure
    run: demo
    disk_uuid: "{{ bed.target.disk_uuid }}"
    other_disks: "{{ bed.target.other_disks }}"
  register: failing
"""

RETURN = r"""
expectations:
  description: Every expectation, those of O(earlier) first.
  returned: success
  type: list
  elements: dict
  sample:
    - name: the copy fails
      outcome: met
      expected: the entry of the disk reads failed
      seen: failed 4 times
met:
  description: Whether all of them are met.
  returned: success
  type: bool
  sample: true
refused:
  description: Whether a webhook refused the image.
  returned: success
  type: bool
  sample: false
text:
  description: The report for a person.
  returned: success
  type: list
  elements: str
  sample: ["met          the copy fails: failed 4 times"]
"""

from typing import Any
from urllib.parse import urlsplit

from ansible_collections.nodecare.longhorn.plugins.module_utils import maintenance
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.faults import (
    copies,
    expectations,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    fault_guard,
    fault_images,
    fault_janitor,
    fault_watch,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work

KINDS = ["immutable", "immutable_during_transfer", *expectations.DOWNLOAD_MESSAGES, *copies.KINDS]
PHASES = [
    "sync_failure", "sync_repair", "download_failure", "copy_fault", "copy_repair", "report",
]  # fmt: skip
LOOPBACK = ("localhost", "127.", "::1")
OPTIONS: dict[str, dict[str, Any]] = {
    "phase": {"choices": PHASES, "required": True},
    "run": {"type": "str", "required": True},
    "kind": {"type": "str", "choices": KINDS, "default": "immutable"},
    "disk_uuid": {"type": "str"},
    "other_disks": {"type": "list", "elements": "str", "default": []},
    "since": {"type": "str", "default": ""},
    "volume": {"type": "bool", "default": True},
    "url": {"type": "str"},
    "checksum": {"type": "str", "default": ""},
    "confirm_cluster": {"type": "str"},
    "seconds": {"type": "float", "default": 120},
    "earlier": {"type": "list", "elements": "dict", "default": []},
    "backoff": {"type": "list", "elements": "dict"},
    "backoff_expect": {"type": "list", "elements": "str", "default": []},
}


def wanted_of(params: dict[str, Any]) -> fault_watch.Wanted:
    """What the options ask for."""
    order = None
    if params["phase"] == "download_failure":
        order = fault_images.Order(
            params["run"], params["url"], copies=1, checksum=params["checksum"], wait=False
        )
    host = urlsplit(params["url"] or "").hostname or ""
    return fault_watch.Wanted(
        phase=params["phase"],
        run=params["run"],
        kind=params["kind"],
        disk=params["disk_uuid"] or "",
        others=params["other_disks"],
        volume=params["volume"],
        order=order,
        loopback=host.startswith(LOOPBACK),
        seconds=params["seconds"],
        since=params["since"],
    )


def writes(params: dict[str, Any]) -> bool:
    """Whether the phase makes an image or a fault, and does not only watch."""
    kills = params["phase"] == "copy_fault" and params["kind"] == "manager_killed"
    return kills or params["phase"] == "download_failure"


def look(work: Work, params: dict[str, Any]) -> list[dict[str, Any]]:
    """Watch, and add what others have judged."""
    wanted = wanted_of(params)
    if writes(params):
        cluster = fault_guard.cluster_of(work.client)
        fault_janitor.require_armed(fault_janitor.Run(cluster, wanted.run))
    found = [] if wanted.phase == "report" else fault_watch.watch(work, wanted)
    if params["backoff"] is not None:
        found.append(expectations.from_backoff(params["backoff"], params["backoff_expect"]))
    return [one.as_dict() for one in found]


def main() -> None:
    """Watch and report."""
    module = maintenance.module(
        OPTIONS,
        required_if=[
            ("phase", "sync_failure", ("disk_uuid",)),
            ("phase", "sync_repair", ("disk_uuid",)),
            ("phase", "copy_fault", ("disk_uuid", "confirm_cluster")),
            ("phase", "copy_repair", ("disk_uuid",)),
            ("phase", "download_failure", ("url", "confirm_cluster")),
        ],
    )
    params = module.params
    if module.check_mode:
        module.exit_json(changed=writes(params), expectations=[], met=True, refused=False, text=[])
    module.params["wait_timeout"] = params["seconds"] + 60
    guard = fault_guard.of(params) if writes(params) else None
    with maintenance.reading(module, guard) as work:
        found = [*params["earlier"], *look(work, params)]
    module.exit_json(
        changed=writes(params),
        expectations=found,
        met=all(one["outcome"] == expectations.MET for one in found),
        refused=any(one["seen"].startswith("refused: ") for one in found),
        text=expectations.lines(found),
    )


if __name__ == "__main__":
    main()
