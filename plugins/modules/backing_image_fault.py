#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a fault in one copy of a backing image on the worker it runs on, its undo armed first."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backing_image_fault
short_description: Make a fault in one copy of a test image, on the worker that holds it
version_added: 0.1.0
description:
  - Runs B(on the worker) and needs nothing there but Python and root. It is made for test images.
  - V(armed) writes a marker into C(/var/lib/nodecare-longhorn) and starts what takes the fault back
    at its deadline, even if the controller, the network or the play dies. Where systemd runs that
    is a transient timer, else a process of its own.
  - V(made) makes the fault that was armed, and nothing without that.
  - V(undone) takes the fault back and disarms it.
  - V(clean) finds and undoes what was left behind, by marker and by looking for immutable
    directories below the images of O(disks).
  - A fault is made only in the directory of exactly this copy, on a disk that Longhorn has marked
    with this UUID, and only if it holds what Longhorn puts there. Symbolic links are refused.
  - A machine that is started anew has lost that timer or process, while an immutable flag and the
    marker stay. V(clean) finds both, so run it on a machine that was started anew meanwhile. Each
    fault is also tried to be taken back for ten minutes after its deadline, as long as its disk is
    away.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.fault
  - nodecare.longhorn.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details:
      - What is done is in the returned values.
  idempotent:
    support: partial
    details:
      - V(undone) and V(clean) write nothing when there is nothing left. V(armed) and V(made) refuse
        to do their step twice.
options:
  moment:
    description:
      - With O(state=made) and O(kind=files_removed), when the files are removed, in seconds since
        1970 by the worker's clock and at most two minutes from now; V(0) is at once. So several
        workers remove theirs at the same moment. The module does not wait for it.
    type: float
    default: 0
  root:
    description:
      - Folder in which the worker's file system is seen, for a login that lands in a container
        which has the machine mounted somewhere.
    type: str
    default: /
"""

EXAMPLES = r"""
- name: Arm the undo
  nodecare.longhorn.backing_image_fault:
    state: armed
    id: demo-1
    kind: immutable
    image: fault-demo
    uuid: 1f3a9c0d
    disk_uuid: 3a0b4d3c-2f6e-4e0c-a7b9-2d9c0c1f5c11
    data_path: /var/lib/longhorn/
    deadline: 300
  delegate_to: worker-2
  become: true

- name: Make the fault
  nodecare.longhorn.backing_image_fault:
    state: made
    id: demo-1
  delegate_to: worker-2
  become: true

- name: Take it back
  nodecare.longhorn.backing_image_fault:
    state: undone
    id: demo-1
  delegate_to: worker-2
  become: true
"""

RETURN = r"""
until:
  description: When the fault is undone in any case, in seconds since 1970 by the worker's clock.
  returned: with O(state=armed)
  type: float
  sample: 1763673600.0
undo_by:
  description: What fires then, C(systemd), C(watchdog) or C(pod).
  returned: with O(state=armed)
  type: str
  sample: systemd
removed:
  description: Names of the files that were removed.
  returned: with O(state=made)
  type: list
  elements: str
  sample: [backing, backing.cfg]
flag_by:
  description: How the immutable flag was set, C(ioctl) or C(chattr).
  returned: when it was set
  type: str
  sample: ioctl
caught:
  description: Whether a transfer was caught in the middle.
  returned: with O(kind=immutable_during_transfer)
  type: bool
  sample: true
why:
  description: Why no transfer was caught.
  returned: when none was
  type: str
  sample: 8388608 bytes were sent in about 0.05 s, before the flag could be set
size_that_would_do:
  description: Bytes of an image whose transfer would last long enough.
  returned: when the file was too small
  type: int
  sample: 838860800
undone:
  description: What was taken back.
  returned: with O(state=undone) and O(state=clean)
  type: list
  elements: str
  sample: [immutable flag of fault-demo-1f3a9c0d]
problems:
  description: What could not be looked at or undone, and why.
  returned: with O(state=clean)
  type: list
  elements: str
  sample: []
found_text:
  description: What was found, for a person, RV(problems) among it.
  returned: with O(state=clean)
  type: list
  elements: str
  sample: [nothing was left here]
markers:
  description: The markers that were found.
  returned: with O(state=clean)
  type: list
  elements: dict
  sample: []
immutable:
  description: The immutable directories that were found.
  returned: with O(state=clean)
  type: list
  elements: dict
  sample: []
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodecare.longhorn.plugins.module_utils import fault_options
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker import bundle
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.arming import arm
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.faults import make
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.marker import read_marker
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.place import (
    Refused,
    checked,
    copy_of,
    usable,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.undo import clean, undo

OPTIONS: dict[str, dict[str, Any]] = {
    **fault_options.OPTIONS,
    "moment": {"type": "float", "default": 0},
    "root": {"type": "str", "default": "/"},
}
KEPT = (*fault_options.KEPT, "root")


def act(params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """One step, or what it would be. Raises Refused, OSError."""
    root, name = params["root"], params["id"]
    if params["state"] == "clean":
        done = clean(root, usable(params["disks"]), check_mode)
        left = done["markers"] or done["immutable"]
        return {"changed": bool(left if check_mode else done["undone"]), **done}
    if params["state"] == "armed":
        request = checked({key: params[key] for key in KEPT})
        if check_mode:
            with copy_of(request):
                return {"changed": True}
        return {"changed": True, **arm(request, bundle.source())}
    if check_mode:
        return {"changed": read_marker(root, name) is not None, "undone": []}
    if params["state"] == "made":
        return {"changed": True, **make({"root": root, "id": name, "moment": params["moment"]})}
    done = undo(root, name)
    return {"changed": bool(done["found"]), "undone": done["undone"]}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec=OPTIONS,
        required_if=fault_options.required("id"),
        supports_check_mode=True,
    )
    try:
        result = act(module.params, module.check_mode)
    except Refused as refused:
        module.fail_json(msg=f"Refused: {refused}.")
    except OSError as error:
        module.fail_json(msg=f"The worker could not do it: {error}.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
