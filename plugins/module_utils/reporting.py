# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option report_file of the modules that end a maintenance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import report

OPTION: dict[str, dict[str, Any]] = {"report_file": {"type": "path"}}


def check(module: AnsibleModule) -> None:
    """Refuse a file that cannot be written before anything else happens."""
    try:
        if module.params["report_file"]:
            report.check(module.params["report_file"])
    except report.NotWritable as error:
        module.fail_json(msg=str(error))


def write(module: AnsibleModule, result: Mapping[str, Any]) -> None:
    """Write the task's result. The work is done by then: a full disk is told, not failed for."""
    path = module.params.get("report_file")
    if not path:
        return
    try:
        report.write(path, {key: value for key, value in result.items() if key != "diff"})
    except OSError as error:
        module.warn(f"report_file={path} was not written: {error.strerror or error}")
