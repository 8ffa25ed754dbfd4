# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module does around its one call: options, connection, deadline, and a clean end.

Utilities raise Failure; here, at the edge, it becomes the failure of the task.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodecare.longhorn.plugins.module_utils import argspec
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.connect import connect
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupt
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.progress import Progress
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task

# A module that only reads is done in this time, or the cluster is not usable.
READ_SECONDS = 120.0


@contextmanager
def running(module: AnsibleModule) -> Iterator[Task]:
    """Connect, listen to signals, and turn every Failure inside the block into fail_json.

    What a Failure carries as `result` is returned with it.
    """
    params: dict[str, Any] = module.params
    module.no_log_values.update(argspec.secrets_in_kubeconfig(params.get("kubeconfig")))
    interrupt = Interrupt()
    try:
        with interrupt.installed(), Progress.from_environment(interrupt) as progress:
            deadline = Deadline(float(params.get("wait_timeout") or READ_SECONDS))
            yield Task(connect(params, deadline), deadline, interrupt, progress)
    except Failure as failure:
        module.fail_json(msg=str(failure), **(failure.result or {}))
