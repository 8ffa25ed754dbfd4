# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option of modules that write their result into a file."""

from __future__ import annotations


class ModuleDocFragment:
    """What the fragments of this file say."""

    DOCUMENTATION = r"""
options:
  report_file:
    description:
      - File on the host of the task, usually the control node, that gets the result as JSON.
      - It is written in one go, replaces an earlier one, and only its owner may read it.
      - A relative path is meant from the folder in which Ansible was started.
      - A module that only plans writes it where nothing follows, which is in check mode, when the
        plan is refused, and when there is nothing to do. No other module writes it in check mode.
    type: path
"""

    FAILURE = r"""
options:
  report_file:
    description:
      - File on the host of the task, usually the control node, that gets the result of a failure as
        JSON. A step that succeeds leaves it to the end of the play, and check mode writes nothing.
      - It is written in one go, replaces an earlier one, and only its owner may read it.
      - A relative path is meant from the folder in which Ansible was started.
    type: path
"""
