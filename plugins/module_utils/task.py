# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module does around its one call: options, connection, deadline, and a clean end.

Utilities raise Failure; here, at the edge, it becomes the failure of the task.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodecare.longhorn.plugins.module_utils import argspec, reporting
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.connect import connect
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupt
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.progress import Progress
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task

# A module that only reads is done in this time, or the cluster is not usable.
READ_SECONDS = 120.0
PAUSE_SECONDS = 0.25


def pause(interrupt: Interrupt, progress: Progress, seconds: float) -> None:
    """Wait before a request is tried again: visibly, and not longer than somebody wants it."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        # Only the main thread talks; the watches only wait.
        if threading.current_thread() is threading.main_thread():
            progress.update("the API server does not answer; trying again")
            interrupt.check("The API server did not answer.")
        time.sleep(min(PAUSE_SECONDS, left))


def unchanged(text: str, params: Mapping[str, Any]) -> str:
    """A failure that came before any write, with a sentence that says so where it has none."""
    if any(words in text.lower() for words in ("nothing was changed", "was not touched")):
        return text
    # Within a play that has the lock, earlier steps may have changed something.
    within = params.get("lock_holder") or params.get("steps")
    sentence = "This step changed nothing." if within else "Nothing was changed."
    return f"{text}\n{sentence}" if "\n" in text else f"{text} {sentence}"


@contextmanager
def running(module: AnsibleModule) -> Iterator[Task]:
    """Connect, listen to signals, and turn every Failure inside the block into fail_json.

    What a Failure carries as `result` is returned with it.
    """
    params: dict[str, Any] = module.params
    module.no_log_values.update(argspec.secrets_in_kubeconfig(params.get("kubeconfig")))
    interrupt = Interrupt()
    client: Client | None = None
    try:
        with interrupt.installed(), Progress.from_environment(interrupt) as progress:
            deadline = Deadline(float(params.get("wait_timeout") or READ_SECONDS))
            client = connect(params, deadline)
            client.pause = partial(pause, interrupt, progress)
            yield Task(client, deadline, interrupt, progress)
    except Failure as failure:
        wrote = client is not None and client.writes > 0
        text = str(failure) if wrote else unchanged(str(failure), params)
        result = {"failed": True, "msg": text, **(failure.result or {})}
        if not module.check_mode:
            reporting.write(module, result)
        module.fail_json(**result)
