# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result as a file: whole, for its owner, or the old one untouched."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import report


def test_the_file_is_whole_and_for_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "drain.json"
    file.write_text("old")
    report.check(str(file))
    report.write(str(file), {"b": "ü", "a": [1]})
    assert json.loads(file.read_text()) == {"a": [1], "b": "ü"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["drain.json"]


def test_a_result_that_is_no_json_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "drain.json"
    file.write_text("old")
    with pytest.raises(TypeError):
        report.write(str(file), {"a": object()})
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("drain.json", "old")]


def test_a_place_that_cannot_be_written_is_refused_beforehand(tmp_path: Path) -> None:
    with pytest.raises(report.NotWritable, match="the folder .*absent is not there"):
        report.check(str(tmp_path / "absent" / "drain.json"))
    with pytest.raises(report.NotWritable, match="is a folder"):
        report.check(str(tmp_path))
