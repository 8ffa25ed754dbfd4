# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what the module of the same name has to say, and tells it which process to watch."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.plugin_utils.live_progress import (
    LiveProgressAction,
)

CONTROLLER = "NODECARE_LONGHORN_CONTROLLER"


class ActionModule(LiveProgressAction):
    """See the module. The parent of a worker is the process of the playbook."""

    SHOWN = "lines"

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Run the module, to keep the lock with the playbook's process in its environment."""
        if self._connection.transport != "local" or self._task.args.get("state") != "kept":
            return super().run(tmp, task_vars)
        with self._environment({CONTROLLER: str(os.getppid())}):
            return super().run(tmp, task_vars)
