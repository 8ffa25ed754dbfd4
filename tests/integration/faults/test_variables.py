# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slips in the variables of the plays that make faults: refused before any cluster is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.command import run

TREE = Path(__file__).resolve().parents[3] / ".build" / "collections"


@pytest.mark.parametrize(
    ("play", "typed", "told"),
    [
        (
            "inject_copy_fault",
            ("kind=wrong_byte", "copies=two", "watch=10m", "repair_watch=2.5", "deadline=90"),
            (
                "kind=wrong_byte is not known: kind is wrong_bytes (other bytes in one copy",
                "copies=two is not a whole number. watch=10m is not a number of seconds. url is "
                "missing. Nothing was changed.",
            ),
        ),
        (
            "inject_sync_failure",
            ("when_immutable=after", "worker_access=pods", "url=http://host/f"),
            (
                "when_immutable=after is not known: when_immutable is before",
                "worker_access=pods is not known: worker_access is ssh",
                "pod (pods bound to the node). Nothing was changed.",
            ),
        ),
        (
            "inject_download_failure",
            ("deadline=1h",),
            ("deadline=1h is not a whole number. Nothing was changed.",),
        ),
        (
            "inject_cleanup",
            ("worker_access=shh",),
            ("worker_access=shh is not known: worker_access is ssh",),
        ),
    ],
)
def test_slips_are_told_at_once_by_the_names_that_were_typed(
    tmp_path: Path, play: str, typed: tuple[str, ...], told: tuple[str, ...]
) -> None:
    words = [word for pair in typed for word in ("-e", pair)]
    done = run("ansible-playbook", f"nodecare.longhorn.{play}", *words, tree=TREE, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    for text in told:
        assert text in said
    assert "repair_watch" not in said and "deadline=90" not in said
    assert done.stdout.count("TASK [") == 1
