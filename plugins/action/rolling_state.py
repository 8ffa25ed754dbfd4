# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows the report of a return as plain lines, after the live progress of the module."""

from __future__ import annotations

from typing import Any

from ansible.utils.display import Display

from ansible_collections.nodecare.longhorn.plugins.plugin_utils.live_progress import (
    LiveProgressAction,
    printable,
)


class ActionModule(LiveProgressAction):
    """The module of the same name; its report is for people."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Run the module, then show its report."""
        result = super().run(tmp, task_vars)
        host = printable(str((task_vars or {}).get("inventory_hostname", "")))
        if not self._task.no_log and not result.get("failed"):
            for line in result.get("report") or ():
                Display().display(f"  [{host}] {printable(str(line))}")
        return result
