# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows live progress, and at the end what was done in one to three lines."""

from __future__ import annotations

from typing import Any

from ansible.utils.display import Display

from ansible_collections.nodecare.longhorn.plugins.plugin_utils.live_progress import (
    LiveProgressAction,
    printable,
)


class ActionModule(LiveProgressAction):
    """The module of the same name; its summary is for people."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Run the module, then show its summary (in a plain check the base class does)."""
        result = super().run(tmp, task_vars)
        host = printable(str((task_vars or {}).get("inventory_hostname", "")))
        shown_by_base = self._task.check_mode and not self._task.diff
        if not self._task.no_log and not result.get("failed") and not shown_by_base:
            for line in result.get("summary") or ():
                Display().display(f"  [{host}] {printable(str(line))}")
        return result
