# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which lines of a module's result a person is shown when it has ended, and where files go."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.plugin_utils.live_progress import (
    from_here,
    lines_at_the_end,
)

FOUR = ["one", "two", "three", "four"]


@pytest.mark.parametrize(
    ("result", "name", "plain_check", "also_failed", "shown"),
    [
        ({"report": FOUR}, "report", False, False, FOUR),
        ({"report": FOUR, "failed": True}, "report", False, False, []),
        ({"lines": FOUR, "failed": True}, "lines", False, True, FOUR),
        ({"summary": FOUR}, "summary", False, False, FOUR),
        ({"summary": FOUR}, "summary", True, False, FOUR[:3]),
        ({"summary": FOUR}, "", True, False, FOUR[:3]),
        ({"summary": FOUR}, "", False, False, []),
        ({"report": FOUR}, "report", True, False, FOUR),
        ({"ansible_job_id": "j1.2"}, "report", False, False, []),
    ],
)
def test_shown_is_what_is_for_people(
    result: dict[str, Any], name: str, plain_check: bool, also_failed: bool, shown: list[str]
) -> None:
    assert lines_at_the_end(result, name, plain_check, also_failed) == shown


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("run.json", "/where/i stand/run.json"),
        ("../run.json", "/where/i stand/../run.json"),
        ("/tmp/run.json", "/tmp/run.json"),
        ("~/run.json", "~/run.json"),
        ("$HOME/run.json", "$HOME/run.json"),
        ("$FOLDER/run.json", "/where/i stand/reports/run.json"),
        ("", ""),
        (None, None),
    ],
)
def test_a_relative_file_is_meant_from_where_ansible_was_started(
    monkeypatch: pytest.MonkeyPatch, given: str | None, meant: str | None
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("FOLDER", "reports")
    args = {"report_file": given, "kubeconfig": "relative"}
    found = from_here(args, "/where/i stand")
    assert found == {"report_file": meant, "kubeconfig": "relative"}
    assert args["report_file"] == given
