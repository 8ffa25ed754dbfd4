# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option of modules that read, to pick from what they have read."""

from __future__ import annotations


class ModuleDocFragment:
    """An expression over the result."""

    DOCUMENTATION = r"""
options:
  query:
    description:
      - A JMESPath expression over the whole result, as the C(--query) of the AWS command line
        has it. Its value is returned as RV(result).
      - Needs the Python library C(jmespath).
    type: str
"""
