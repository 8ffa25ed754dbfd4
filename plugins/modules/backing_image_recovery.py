#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings lost backing images back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backing_image_recovery
short_description: Bring lost Longhorn backing images back from their download source
version_added: 0.1.0
description:
  - Looks at each image for a while and goes on only if its file is lost for good and can be
    downloaded again. An image that
    is whole, or that Longhorn is just copying, is left alone.
  - Takes the attachment tickets of the waiting volumes away (they are kept in an annotation),
    empties the placement map,
    waits until no running manager records the image any more, and deletes the data source only
    if it still counts its work
    as done. Then waits for the first file, gives the tickets back as they were, and waits until
    the wanted number of copies
    is there and the volumes are attached and healthy.
  - Before the first write to Longhorn the source is read to its end, by a pod in the cluster where
    that is possible and by the machine that the module runs on otherwise (O(source_probe)).
    It has to deliver the recorded bytes (SHA-512, length and virtual size), because Longhorn keeps
    the first checksum for good.
  - Several images are worked on in one loop, those that volumes wait for first.
  - Every write is conditional on what was read. A run that was stopped at any point is finished
    by the next one; a run on a
    finished job writes nothing.
  - Images of another source type than C(download) are refused before any write, with what can
    be done for them. With O(look_on_nodes) that includes a look at the files of failed copies.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.wait
  - nodecare.longhorn.report
  - nodecare.longhorn.source
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - Looks as long as a real run does, and tells what would be done.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  name:
    description:
      - Names of the images, or V(all) for every image that is not available.
      - With V(all), images that must be refused do not keep the others from being recovered;
        the task fails at the end.
    type: list
    elements: str
    required: true
  accept_unknown_loss:
    description:
      - Go on although a copy is C(unknown), because its node or disk is gone for good.
      - A copy that may be the last good one then leaves Longhorn's books.
    type: bool
    default: false
  skip_source_check:
    description:
      - Do not ask the source before the placement map is emptied.
      - If it does not deliver the recorded bytes any more, the image is gone then for good.
    type: bool
    default: false
  source_probe:
    description:
      - From where the sources are read.
      - V(cluster) makes a pod in O(namespace) that reads them as Longhorn will, over the network of
        the nodes. It runs for as long as the reading takes, without a service account token, not as
        root and with nothing writable; the URLs are in a Secret that belongs to it. It is removed
        afterwards; what a killed run has left ends by itself and is removed by the next one.
      - V(controller) reads them from the machine that the module runs on.
      - V(auto) does as V(cluster), and as V(controller) where the account may not make pods and
        Secrets, no pod starts within 15 seconds, a running one says nothing for 15 seconds, or the
        image has no C(curl). The text of the finding says so.
      - It needs the rights to create, get, list and delete pods, to get pods/log and to create
        secrets in O(namespace).
      - O(source_proxy) and O(source_ca_cert) are of no effect in the cluster, because Longhorn's
        own download has neither.
      - In check mode no pod is made. V(auto) then asks from the machine that the module runs on,
        V(cluster) does not ask.
    type: str
    choices: [auto, cluster, controller]
    default: auto
  source_probe_image:
    description:
      - Container image of that pod. It needs C(sh), C(curl) 7.63 or later and the GNU coreutils.
      - Without it, the image that Longhorn downloads with itself (its setting
        C(default-backing-image-manager-image)), which nodes with backing images have already.
      - The pods of O(look_on_nodes) run it, too; they need no C(curl).
    type: str
  look_on_nodes:
    description:
      - For an image that is refused because nothing can be fetched for it (another source type than
        C(download), a source that does not deliver it any more), look whether the file of a failed
        copy still has the recorded bytes. The way on C(salvage) then says it for each disk, with
        the disk, the node, the path and the size as C(evidence).
      - Makes one pod on each node that has such a disk. It mounts the folders C(backing-images) of
        these disks from the host and nothing else, read-only, prints sizes and SHA-512, and is
        removed; it ends by itself after the time in which a disk reads 10 MiB per second. What a
        killed run has left is removed by the next one.
      - Not by default, because a pod that mounts a folder of its node is a privilege of its own.
      - It needs the rights of O(source_probe), but for secrets, and pods with C(hostPath) must be
        let into O(namespace). Where there can be none the way on says why, with the commands that
        tell the same.
      - In check mode no pod is made.
    type: bool
    default: false
  experimental:
    description:
      - Where a look on the nodes (O(look_on_nodes) is implied) finds a failed copy with the
        recorded bytes, and every entry of the image has read C(failed) over the whole O(window),
        put that copy back.
      - The file is kept first by a hard link on the same disk (C(nodecare-kept), beside
        C(backing-images); it needs no room) and hashed through it, by a pod with that one disk
        mounted writable. Then Longhorn is made to look at the file anew. Where no replica uses the
        copy of that disk, the key of the disk is taken out of the map, the file linked back when
        Longhorn has forgotten the failed copy, and the key put in again. Else C(backing.cfg)
        beside the file is removed, so that the bytes are read, and the pod of that disk's backing
        image manager is deleted.
      - If Longhorn took the file away meanwhile it is linked back and tried again, three times at
        most. When the wanted copies are healthy and the volumes run, the kept link is removed.
      - All other copies of a manager whose pod was deleted read C(unknown) for up to a minute. It
        is not done while that manager transfers another image, has a failed copy of one, or has
        the only proven copy of one.
      - What fails leaves the kept link, says where it is, and gives the commands to go on by hand.
      - Experimental, because it relies on how Longhorn looks at files, tried on 1.12.1.
    type: bool
    default: false
  new_url:
    description:
      - Another URL for the image, when what it was made of lies there now. It is asked first; it
        has to deliver the recorded bytes.
      - Written into the image before its data source is made anew, because an edit alone does not
        reach the data source. An image that still has a copy is left alone.
      - Only with one name.
    type: str
  window:
    description:
      - Seconds that the picture must stay without a ready copy and without progress before
        anything is written.
    type: float
    default: 10
  lock_holder:
    description:
      - Name under which the maintenance lock is taken. Tasks of one play that give the same
        name share the lock.
      - Without it, a name that no other run has.
    type: str
  lock_wait:
    description:
      - Seconds to wait for another maintenance to end, or for the lock of a dead one to expire
        (60 seconds).
    type: float
    default: 90
seealso:
  - module: nodecare.longhorn.backing_image_info
"""

EXAMPLES = r"""
- name: Bring one image back
  nodecare.longhorn.backing_image_recovery:
    name: debian-13

- name: Bring every unavailable image back
  nodecare.longhorn.backing_image_recovery:
    name: all
    wait_timeout: 7200
"""

RETURN = r"""
images:
  description: What was found and done for each image. With O(name=all), only those that were
    not healthy.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the BackingImage.
      type: str
      sample: debian-13
    decision:
      description: C(recover), C(continue), C(salvage), C(leave_alone) or C(refuse).
      type: str
      sample: recover
    outcome:
      description: C(recovered), C(leave_alone), C(refuse), C(failed), C(planned) (check mode)
        or C(interrupted).
      type: str
      sample: recovered
    text:
      description: The outcome in words.
      type: str
      sample: "debian-13: 2 of 2 copies healthy"
    steps:
      description: What was written, in order.
      type: list
      elements: str
      sample: ["emptying its placement map"]
    waits_for:
      description: What an unfinished image was waiting for.
      type: str
      sample: ""
    checks:
      description: What has to be shown before a map is emptied, each with C(name), C(shown) and
        C(text). Empty for an image that is left alone.
      type: list
      elements: dict
      sample: [{"name": "type", "shown": true, "text": "source type download"}]
    ways_on:
      description: What is left for an image that cannot be downloaded again, or whose source does
        not deliver it any more, as M(nodecare.longhorn.backing_image_info) returns it. Empty for
        others.
      type: list
      elements: dict
      sample: []
    data_at_risk:
      description: The copies that the emptied map discards, those that may still be whole first.
      type: list
      elements: dict
      sample: [{"place": "worker-1/nvme0", "state": "failed", "perhaps_whole": false}]
    source:
      description: What asking the source has found, from where it was asked, and why it was not
        asked in the cluster; null where it was not asked.
      type: dict
      sample: {"finding": "same_bytes", "ok": true, "checked_from": "cluster", "because": ""}
    verdict_before:
      description: The verdict at the beginning, as in M(nodecare.longhorn.backing_image_info).
      type: dict
      sample: {"name": "all_failed_needs_recovery"}
    verdict:
      description: The verdict at the end.
      type: dict
      sample: {"name": "healthy"}
seconds:
  description: How long it took.
  returned: always
  type: float
  sample: 31.4
writes:
  description: Number of writing requests, those for the lock included.
  returned: always
  type: int
  sample: 6
summary:
  description: The result in a few lines for a person.
  returned: success
  type: list
  elements: str
  sample: ["1 image recovered, 0 left alone (31 s)"]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodecare.longhorn.plugins.module_utils import argspec, reporting, task
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.lease import new_holder
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.recover import (
    Recovery,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.recovery_report import (
    Request,
)


def main() -> None:
    """Recover."""
    module = AnsibleModule(
        argument_spec={
            **argspec.CONNECTION_OPTIONS,
            **argspec.WAIT_OPTIONS,
            **reporting.OPTION,
            **argspec.SOURCE_OPTIONS,
            **argspec.PROBE_OPTIONS,
            "name": {"type": "list", "elements": "str", "required": True},
            "accept_unknown_loss": {"type": "bool", "default": False},
            "skip_source_check": {"type": "bool", "default": False},
            "look_on_nodes": {"type": "bool", "default": False},
            "experimental": {"type": "bool", "default": False},
            "new_url": {"type": "str"},
            "window": {"type": "float", "default": 10},
            "lock_holder": {"type": "str"},
            "lock_wait": {"type": "float", "default": 90},
        },
        supports_check_mode=True,
    )
    request = Request(
        images=module.params["name"],
        holder=module.params["lock_holder"] or new_holder("recovery"),
        accept_unknown_loss=module.params["accept_unknown_loss"],
        window_seconds=module.params["window"],
        lock_wait_seconds=module.params["lock_wait"],
        check_mode=module.check_mode,
        skip_source_check=module.params["skip_source_check"],
        way=argspec.source_way(module.params),
        probe=module.params["source_probe"],
        probe_image=module.params["source_probe_image"] or "",
        look_on_nodes=module.params["look_on_nodes"],
        experimental=module.params["experimental"],
        new_url=module.params["new_url"] or "",
    )
    reporting.check(module)
    module.no_log_values.update(argspec.secrets_in_url(request.new_url))
    if request.new_url and (len(request.images) != 1 or request.everything):
        module.fail_json(msg="new_url is for one image: give one name with it.")
    with task.running(module) as running:
        result = Recovery(running, request).run()
    if not module.check_mode:
        reporting.write(module, result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
