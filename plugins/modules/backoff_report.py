#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges whether Longhorn's retries of backing images follow the rule of the back-off."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backoff_report
short_description: Judge the back-off of Longhorn's backing image retries
version_added: 0.1.0
description:
  - Works out from pod creations, transitions of the entries of an image and logs of the managers
    when Longhorn tried to prepare a file, and compares the windows between the attempts with the
    rule, 1 minute doubling to 5 minutes. An attempt may come up to 30 seconds after its window,
    because Longhorn looks at it only every half minute.
  - The verdict is V(follows_rule), V(deviates), V(no_backoff) or V(no_evidence). Real releases
    retry a failed sync about every 3 seconds, which is V(no_backoff).
  - V(no_evidence) always fails the task, and V(deviates) does unless it is expected. What was not
    seen is never taken for a pass.
  - Two syncs to a disk may have causes of their own, such as a node's return and a new copy. They
    are taken for retries only where the first was seen to fail, or where they follow one another
    as retries do.
  - The pod of a failing download lives only for seconds, and an image keeps only its last
    transition, so O(watch) the cluster while it retries, or have the logs of the managers read.
  - Nothing is written.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
  - nodecare.longhorn.attributes.info_module
options:
  name:
    description:
      - Names of the images to judge. Without it, all images.
    type: list
    elements: str
  watch:
    description:
      - Seconds to watch the cluster before judging. Four attempts at a download take about 9
        minutes.
      - V(0) judges from what objects and logs show now.
    type: float
    default: 0
  read_logs:
    description:
      - Whether to read the logs of the managers, which needs the right C(get) on C(pods/log).
        Logs that cannot be read are named in RV(not_read), and the rest is judged.
    type: bool
    default: true
  svg_file:
    description:
      - File on the host of the task, usually the control node, that gets the picture of the
        attempts, also where the task fails by its verdict. Check mode writes none.
      - A relative path is meant from the folder in which Ansible was started.
    type: path
  expect:
    description:
      - Verdicts with which the task succeeds. V(no_evidence) is not among the choices.
    type: list
    elements: str
    choices: [follows_rule, deviates, no_backoff]
    default: [follows_rule, no_backoff]
  observations:
    description:
      - Observations to judge in place of a cluster, which is then not connected to.
    type: list
    elements: dict
    suboptions:
      at:
        description: When, as an RFC 3339 time in any time zone.
        type: str
        required: true
      kind:
        description:
          - What was seen. V(pod) is the creation of a data source pod, V(entry) a transition of
            an entry of the image's status, V(source) the creation of a data source;
            V(log_download) and V(log_sync) are what a manager logged about the two kinds of
            attempt.
        type: str
        required: true
        choices: [pod, entry, source, log_download, log_sync]
      image:
        description: Name of the image.
        type: str
        required: true
      disk:
        description: UUID of the disk of an entry or of a sync.
        type: str
      state:
        description: State of the entry. The state before an attempt is empty.
        type: str
      error:
        description: Message of the entry.
        type: str
      clock:
        description: Node whose clock the time is from.
        type: str
      uid:
        description: UID of the data source.
        type: str
  logs:
    description:
      - Logs of managers to judge in place of a cluster, as Longhorn writes them. A line may be in
        more than one of them, as after a rotation.
    type: list
    elements: dict
    suboptions:
      text:
        description: The log.
        type: str
        required: true
      manager:
        description: Name of the manager's pod or node, for lines that do not name a node.
        type: str
seealso:
  - module: nodecare.longhorn.backing_image_info
"""

EXAMPLES = r"""
- name: Watch a failing download for ten minutes
  nodecare.longhorn.backoff_report:
    name: [bad-host]
    watch: 600
    expect: [follows_rule]
  register: judged

- name: Show the attempts on a time line
  ansible.builtin.debug:
    var: judged.text

- name: Judge a log that was saved before
  nodecare.longhorn.backoff_report:
    logs:
      - text: "{{ lookup('ansible.builtin.file', 'longhorn-manager.log') }}"
"""

RETURN = r"""
reports:
  description:
    - One entry for the download of each image and for each disk it is synced to, as far as
      anything was tried again, worst verdict first. It is returned with a failure too.
  returned: always
  type: list
  elements: dict
  contains:
    image:
      description: Name of the image.
      type: str
      sample: bad-host
    retries:
      description: What was tried, C(download) or C(sync).
      type: str
      sample: download
    disk:
      description: UUID of the disk of a sync.
      type: str
      sample: ""
    verdict:
      description: One of C(follows_rule), C(deviates), C(no_backoff), C(no_evidence).
      type: str
      sample: follows_rule
    summary:
      description: One sentence.
      type: str
      sample: follows the rule (1 min doubling to 5 min; each up to 30 s late)
    confidence:
      description:
        - C(certain) with three windows, or two from the very first attempt; else C(likely), or
          C(none) without evidence. A window that is too long is at most C(likely), because an
          attempt in it may have been missed.
      type: str
      sample: certain
    first_deviation:
      description: Index of the first window that does not fit.
      type: int
      sample: 2
    attempts:
      description: When each attempt was, what it was seen in, and which manager made it.
      type: list
      elements: dict
      sample:
        - at: "2026-11-20T20:45:44Z"
          seen_in: [entry, log_download, pod]
          manager: worker-1
    windows:
      description:
        - The seconds between attempts, the shortest that the rule allows, and how they stand to
          it. C(free) is a window that the rule does not cover, for the reason in C(why).
      type: list
      elements: dict
      sample:
        - seconds: 63.0
          expected: 60.0
          standing: fits
          why: ""
    clock_skew:
      description: Seconds that were added to the times in the logs of each manager.
      type: dict
      sample: {"worker-1": -0.1}
text:
  description: The reports for a person, with a time line.
  returned: always
  type: list
  elements: str
  sample: ["download retries of bad-host (4 attempts in 8 min 3 s): follows the rule"]
svg:
  description: A picture of the attempts (an SVG document).
  returned: always
  type: str
  sample: <svg xmlns="http://www.w3.org/2000/svg"></svg>
not_read:
  description: What could not be read, and why.
  returned: always
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodecare.longhorn.plugins.module_utils import argspec, document, task
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import backoff

WORDS = ("disk", "state", "error", "clock", "uid")
VERDICTS = ["follows_rule", "deviates", "no_backoff"]
EXPECTED = ["follows_rule", "no_backoff"]
OBSERVATION = {
    "at": {"type": "str", "required": True},
    "kind": {
        "type": "str",
        "required": True,
        "choices": ["pod", "entry", "source", "log_download", "log_sync"],
    },
    "image": {"type": "str", "required": True},
    **{word: {"type": "str"} for word in WORDS},
}
LOG = {"text": {"type": "str", "required": True}, "manager": {"type": "str"}}


def main() -> None:
    """Gather, judge, and fail where nothing is proven."""
    module = AnsibleModule(
        argument_spec={
            **argspec.CONNECTION_OPTIONS,
            "name": {"type": "list", "elements": "str"},
            "watch": {"type": "float", "default": 0},
            "read_logs": {"type": "bool", "default": True},
            "svg_file": {"type": "path"},
            "expect": {
                "type": "list",
                "elements": "str",
                "choices": VERDICTS,
                "default": EXPECTED,
            },
            "observations": {"type": "list", "elements": "dict", "options": OBSERVATION},
            "logs": {"type": "list", "elements": "dict", "options": LOG},
        },
        supports_check_mode=True,
    )
    params = module.params
    document.check(module, "svg_file")
    names, not_read = params["name"] or [], []
    if params["observations"] is not None or params["logs"] is not None:
        try:
            seen = backoff.gather_data(params["observations"] or (), params["logs"] or ())
        except Failure as failure:
            module.fail_json(msg=str(failure))
        images = names or sorted({one.image for one in seen})
    else:
        params["wait_timeout"] = params["watch"] + task.READ_SECONDS
        with task.running(module) as running:
            images, seen, not_read = backoff.gather_live(
                running, names, params["watch"], params["read_logs"]
            )
    found = {**backoff.report(images, seen), "not_read": not_read}
    document.write(module, "svg_file", found["svg"])
    objection = backoff.objection(found["reports"], params["expect"])
    if objection:
        module.fail_json(msg=objection, **found)
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
