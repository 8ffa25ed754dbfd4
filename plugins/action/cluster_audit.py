# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows an audit as a table and lines (or one JSON document), also when the task fails by it."""

from __future__ import annotations

from typing import Any

from ansible.utils.display import Display

from ansible_collections.nodecare.longhorn.plugins.plugin_utils.live_progress import (
    LiveProgressAction,
    printable,
)


class ActionModule(LiveProgressAction):
    """The module of the same name; its lines are for people."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Run the module, then show its lines; a JSON document stands without the host's name."""
        result = super().run(tmp, task_vars)
        if self._task.no_log:
            return result
        host = printable(str((task_vars or {}).get("inventory_hostname", "")))
        begin = "" if self._task.args.get("format") == "json" else f"  [{host}] "
        for line in result.get("lines") or ():
            Display().display(f"{begin}{printable(str(line))}".rstrip())
        if result.get("failed"):
            result.pop("lines", None)
        return result
