# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what the module of the same name has to say, and tells it which process to watch."""

from __future__ import annotations

import os
from typing import Any

from ansible.utils.display import Display

from ansible_collections.nodecare.longhorn.plugins.plugin_utils.live_progress import (
    LiveProgressAction,
    printable,
)

CONTROLLER = "NODECARE_LONGHORN_CONTROLLER"


class ActionModule(LiveProgressAction):
    """See the module. A worker's parent is the process of the playbook."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Run the module with the number of the playbook's process in its environment."""
        environment = self._task.environment
        if self._connection.transport == "local" and self._task.args.get("state") == "kept":
            self._task.environment = [*(environment or []), {CONTROLLER: str(os.getppid())}]
        try:
            result = super().run(tmp, task_vars)
        finally:
            self._task.environment = environment
        host = printable(str((task_vars or {}).get("inventory_hostname", "")))
        if not self._task.no_log and not result.get("failed"):
            for line in result.get("lines") or ():
                Display().display(f"  [{host}] {printable(str(line))}")
        return result
