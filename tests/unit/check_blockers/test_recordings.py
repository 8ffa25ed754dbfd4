# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every recording with budgets agrees at all moments, and a broken rule is found out."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release import (
    engines as engine_lists,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release import protection
from tests.check_blockers.__main__ import main
from tests.check_blockers.examine import examine
from tests.material import shared
from tests.simulator.recordings.load import load

FAMILIES = ("v4-", "v6-", "v9-", "v10-", "v11-", "v12-", "g4-", "w")
DRAINS = ("v6-drain", "v10-drain", "w1-", "w2-drain")


def folders() -> list[Path]:
    root = shared("recordings")
    found = sorted(path.parent for path in root.glob("v*/*/actions.jsonl"))
    return [path for path in found if path.name.startswith(FAMILIES)]


def test_all_moments_agree() -> None:
    found = folders()
    assert len(found) > 50
    for folder in found:
        examination = examine(load(folder))
        assert examination.total > 0, folder
        assert examination.agreed == examination.total, folder
        if folder.name.startswith(DRAINS):
            assert any(m.compared and m.sample.cordoned for m in examination.moments), folder


def test_longhorns_own_log_is_read() -> None:
    folder = shared("recordings/v1.12.1/v10-drain-node-of-engine-manually-attached")
    assert len(examine(load(folder)).reasons) == 15


def test_broken_rules_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    last = load(shared("recordings/v1.6.4/v6-drain-block-if-contains-last-replica"))
    engines = load(shared("recordings/v1.6.4/v10-drain-node-of-engine-manually-attached"))
    with monkeypatch.context() as patch:
        patch.setattr(protection, "lack", lambda cluster, replica: protection.Lack.MANAGER)
        broken = examine(last)
        assert broken.agreed < broken.total
    with monkeypatch.context() as patch:
        patch.setattr(protection, "protected", lambda cluster, replica: True)
        broken = examine(last)
        assert broken.agreed < broken.total
    with monkeypatch.context() as patch:
        patch.setattr(engine_lists, "on_node", lambda cluster, node: ())
        broken = examine(engines)
        assert broken.agreed < broken.total


def test_the_command_says_how_many_agree(capsys: pytest.CaptureFixture[str]) -> None:
    folder = shared("recordings/v1.6.4/v6-drain-allow-if-replica-is-stopped")
    assert main([str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "26 of 26 moments agree"
    assert any("last_replica: replica vol-v6-one-r-" in line for line in lines)
    assert main([str(folder), str(folder)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "52 of 52 moments agree"


def test_a_budget_that_goes_too_early_fails_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = shared("recordings/v1.12.1/v6-drain-block-for-eviction")
    folder = tmp_path / "v1.12.1" / "tampered"
    shutil.copytree(source, folder)
    text = (folder / "pdbs.jsonl").read_text(encoding="utf-8")
    events = [json.loads(line) for line in text.splitlines()]
    for event in events:
        if event["type"] == "DELETED":
            event["t"] = (datetime.fromisoformat(event["t"]) - timedelta(seconds=9)).isoformat()
    text = "".join(json.dumps(event) + "\n" for event in events)
    (folder / "pdbs.jsonl").write_text(text, encoding="utf-8")
    assert main([str(folder)]) == 1
    assert "DIFFERS" in capsys.readouterr().out
    assert main([str(tmp_path)]) == 2
