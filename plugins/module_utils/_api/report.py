# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a maintenance as a file: whole or not at all, for its owner only."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure


class NotWritable(Failure):
    """The file that was asked for cannot be written there."""


def check(path: str) -> None:
    """Before any work: could the file be written? Raises NotWritable."""
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path):
        raise NotWritable(f"report_file={path} is a folder: name a file. Nothing was changed.")
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK | os.X_OK):
        raise NotWritable(
            f"report_file={path}: the folder {folder} is not there or may not be written to. "
            "Nothing was changed."
        )


def write(path: str, result: Mapping[str, Any]) -> None:
    """Write it beside the place and move it there: a reader sees the old file or the new one.

    The file is readable by its owner only, since it names what runs in the cluster. Raises OSError.
    """
    folder = os.path.dirname(os.path.abspath(path))
    handle, partial = tempfile.mkstemp(prefix=".report-", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=2, sort_keys=True, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
        raise
