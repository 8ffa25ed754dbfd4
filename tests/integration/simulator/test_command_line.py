# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.simulator`` and ``python -m tests.simulator.conformance`` as processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.material import CHECKOUT, shared
from tests.simulator.__main__ import main as serve
from tests.simulator.conformance.__main__ import main as examine


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.simulator", "--state-dir", str(folder), *words],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path, "--longhorn", "1.6", "--disks", "1")
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _unused in range(4)]
        assert lines[0].startswith("Longhorn 1.6, 3 nodes with 1 disks each")
        assert lines[2].startswith("export LONGHORN_SOURCE_PROXY=http://127.0.0.1:")
        assert lines[3] == f"export KUBECONFIG={tmp_path}/kubeconfig"
        assert int((tmp_path / "pid").read_text()) == process.pid
        second = start(tmp_path)
        assert "is in use by process" in second.communicate(timeout=30)[0]
        assert second.returncode == 2
        process.send_signal(number)
        assert process.communicate(timeout=30)[0].endswith("stopped\n")
        assert process.returncode == 0
        assert not (tmp_path / "pid").exists()
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--longhorn", "0.8"], "0.8"),
        (["--nodes", "0"], "must be at least 1"),
        (["--scale", "-1"], "must be above 0"),
        (["--port", "99999"], "must be from 0 to 65535"),
        (["--nodes", "three"], "invalid"),
    ],
)
def test_mistakes_are_told_in_a_line(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = serve([*words, "--state-dir", str(tmp_path / "state")])
    except SystemExit as leaving:
        code = int(str(leaving.code))
    assert code == 2
    assert message in capsys.readouterr().err


def test_the_examination_passes(capsys: pytest.CaptureFixture[str]) -> None:
    path = shared("kube-api-conformance.json")
    assert examine([str(path)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    agree, _unused, counted, *rest = last.split()
    assert (agree, rest) == (counted, ["cases", "agree"])
    assert int(counted) > 100


def test_the_examination_names_what_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = {"method": "GET", "path": "/readyz", "headers": {}}
    image = {"apiVersion": "longhorn.io/v1beta2", "kind": "BackingImage"}
    made = {
        "method": "POST",
        "path": "/apis/longhorn.io/v1beta2/namespaces/longhorn-system/backingimages",
        "headers": {"Content-Type": "application/json"},
        "body": {**image, "metadata": {"generateName": "x-"}, "spec": {}},
    }
    right = {"status": 200, "headers": {}, "body": {"_text": "ok"}}
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    body = {**image, "metadata": {"name": "x-<token>"}, "spec": {"dataEngine": "v2"}}
    cases = [
        {"name": "wrong", "request": request, "response": right},
        {"name": "right", "request": request, "response": {**right, "headers": headers}},
        {"name": "effect", "request": request, "response": None},
        {"name": "made", "request": made, "response": {"status": 201, "body": body}},
    ]
    path = tmp_path / "cases.json"
    path.write_text(json.dumps({"cases": cases}))
    assert examine([str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "DIFFERS  wrong",
        '    headers.Content-Type: expected nothing, got "text/plain; charset=utf-8"',
    ]
    assert '    body.spec.dataEngine: expected "v2", got "v1"' in lines
    assert not any("metadata.name:" in line for line in lines)
    assert lines[-1] == "1 of 3 cases agree"


def test_a_file_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert examine([str(tmp_path / "none.json")]) == 2
    (tmp_path / "empty.json").write_text("{}")
    assert examine([str(tmp_path / "empty.json")]) == 2
    assert "has no list of cases" in capsys.readouterr().err
