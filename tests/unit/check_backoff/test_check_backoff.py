# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judge of the back-off on every recording: each series once, and nothing that never was."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.check_backoff.__main__ import judged, main
from tests.material import shared

SYNC_RETRY_SECONDS = 60.0


def test_every_recording_has_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    folders = sorted(path.parent for path in shared("recordings").glob("v*/*/actions.jsonl"))
    assert main([str(folder) for folder in folders]) == 0
    told = capsys.readouterr().out.splitlines()
    for folder in folders:
        assert any(line.startswith(f"{folder.parent.name}/{folder.name}  ") for line in told)


def test_only_syncs_are_early_and_each_download_follows_the_rule() -> None:
    """Real Longhorn delays every download, and no sync (F§3.2)."""
    for path in shared("recordings").glob("v*/*/actions.jsonl"):
        for one in judged(path.parent):
            where = f"{path.parent.name} {one.series.image} {one.summary}"
            if one.series.retries == "download":
                assert one.verdict in ("follows_rule", "no_evidence"), where
            elif one.verdict == "deviates":
                first = one.windows[one.first_deviation or 0]
                assert first.seconds < SYNC_RETRY_SECONDS, where


def test_a_folder_that_is_no_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "is no recording" in capsys.readouterr().err
