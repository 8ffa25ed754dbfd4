# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes of modules, written once; a module adds only its support and why."""

from __future__ import annotations


class ModuleDocFragment:
    """Descriptions of the attributes."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and tell what would change without changing anything.
  diff_mode:
    description: Tells what has changed (or would change in C(check_mode)) as a diff.
  idempotent:
    description: When run again on a finished job, nothing is written.
"""

    ACTION_GROUP = r"""
options: {}
attributes:
  action_group:
    description: >-
      Use C(group/nodecare.longhorn.longhorn) in C(module_defaults) to set the connection
      options for all modules.
    support: full
    membership:
      - nodecare.longhorn.longhorn
"""

    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This module only reads.
  diff_mode:
    support: N/A
    details:
      - This module only reads.
  idempotent:
    support: full
    details:
      - This module only reads.
"""

    STEP_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
"""

    PLAN_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - The diff is the plan.
  idempotent:
    support: full
    details:
      - This module only reads.
"""

    FAULT_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details:
      - What is done is in the returned values.
  idempotent:
    support: full
"""
