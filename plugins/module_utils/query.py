# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JMESPath over a result, for the option `query`; the library is imported only when it is used."""

from __future__ import annotations

import importlib
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure

OPTION: dict[str, dict[str, Any]] = {"query": {"type": "str"}}


def search(expression: str, data: Any) -> Any:
    """The value of the expression over *data*. Raises Failure with a sentence when it is none."""
    try:
        jmespath: Any = importlib.import_module("jmespath")
    except ImportError as error:
        raise Failure(
            "The option query needs the Python library 'jmespath' for the interpreter that runs "
            "the module: pip install jmespath."
        ) from error
    try:
        return jmespath.search(expression, data)
    except jmespath.exceptions.JMESPathError as error:
        first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Failure(f"query is not a valid JMESPath expression: {first_line}") from error
