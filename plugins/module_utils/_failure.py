# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one base class of everything that ends a task with a sentence for a person.

Utilities raise; a module catches this class once, at its edge, and fails with the text.
"""

from __future__ import annotations

from typing import Any


class Failure(Exception):
    """A failure whose text is meant for the operator: what is true, and what can be done.

    *result* is what was found and done until then; it goes into the result of the failed task.
    """

    result: dict[str, Any] | None = None
