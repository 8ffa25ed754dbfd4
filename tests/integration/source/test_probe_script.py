# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that a pod runs, by real shells and curl against the server that misbehaves."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source import (
    finding,
    probe_log,
    probe_pod,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.delivered import (
    Expected,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.finding import (
    Finding,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.probe_pod import (
    Question,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.probe_script import (
    SCRIPT,
)
from tests.integration.source.server import BODY, CHECKSUM, MIB, SourceServer, qcow2

HOST = "http://images.example"
SHELLS = [shell for shell in ("bash", "dash", "busybox") if shutil.which(shell)]
OTHER = "9c1e" * 32


@pytest.fixture(scope="module")
def server() -> Iterator[SourceServer]:
    made = SourceServer()
    made.bodies["/odd.img"] = b"x" * 1000
    made.bodies["/empty.img"] = b""
    made.bodies["/disk.qcow2"] = qcow2(64 * MIB)
    made.bodies['/quo"te \\.img'] = BODY
    yield made
    made.close()


def ask(
    server: SourceServer, *wanted: Expected, shell: str = "sh", seconds: int = 20, idle: int = 5
) -> list[Finding]:
    """The findings for these sources, all asked by one run of the script."""
    questions = [Question(each.url, "http", "", each.size) for each in wanted]
    return [
        finding.find(each, probe_log.delivered(answer, each, seconds), finding.CLUSTER)
        for each, answer in zip(wanted, run(server, questions, shell, seconds, idle), strict=True)
    ]


def run(
    server: SourceServer, questions: list[Question], shell: str, seconds: int, idle: int
) -> list[probe_log.Answer]:
    """What the script answers."""
    argv = ["busybox", "sh"] if shell == "busybox" else [shell]
    done = subprocess.run(
        [*argv, "-c", SCRIPT],
        env={
            "PATH": os.environ["PATH"],
            "http_proxy": server.proxy,
            **probe_pod.environment(questions, seconds, idle),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    told = probe_log.read(done.stdout)
    assert told.begun and told.ended and not told.missing
    return [told.answers[number] for number in range(len(questions))]


def test_each_way_of_delivering_has_the_finding_of_a_read_by_this_machine(
    server: SourceServer,
) -> None:
    """More sources than are read at a time."""
    rows: list[tuple[Expected, str, str]] = [
        (Expected(f"{HOST}/whole.img", CHECKSUM, MIB, MIB), "same_bytes", "200, 1.0 MiB, sha512"),
        (Expected(f"{HOST}/whole.img"), "unproven", "no checksum is recorded"),
        (Expected(f"{HOST}/whole.img", OTHER, MIB), "changed", "delivers other bytes"),
        (Expected(f"{HOST}/whole.img", CHECKSUM, 2 * MIB), "changed", "announces 1048576 bytes"),
        (Expected(f"{HOST}/missing.img", CHECKSUM), "status", "answers 404 to HEAD"),
        (Expected(f"{HOST}/401"), "status", "answers 401 to HEAD"),
        (Expected(f"{HOST}/nohead.img"), "status", "answers 405 to HEAD"),
        (Expected(f"{HOST}/moved.img", CHECKSUM), "same_bytes", "sha512 as recorded"),
        (Expected(f"{HOST}/circle"), "redirects", "more than 10 times"),
        (Expected(f"{HOST}/odd.img"), "bad_size", "1000 bytes of raw data"),
        (Expected(f"{HOST}/empty.img"), "bad_size", "an empty file"),
        (Expected(f"{HOST}/disk.qcow2", virtual_size=64 * MIB), "unproven", "answers 200"),
        (Expected(f"{HOST}/disk.qcow2", virtual_size=65 * MIB), "changed", "a disk of 67108864"),
        (Expected(f"{HOST}/endless.img", CHECKSUM, MIB), "changed", "goes on after 1048576"),
        (Expected(f"{HOST}/cut.img", CHECKSUM, MIB), "same_bytes", "cut 1 times on the way"),
        (Expected(f"{HOST}/cut-changing.img", CHECKSUM, MIB), "changed", "delivers other"),
        (Expected(f"{HOST}/cut-unprovable.img", CHECKSUM, MIB), "same_bytes", "cut 1 times"),
    ]
    found = ask(server, *(row[0] for row in rows))
    for each, (expected, word, text) in zip(found, rows, strict=True):
        assert (each.word, each.seen_from) == (word, "cluster"), expected
        assert text in each.text and each.text.endswith("(read by a pod in the cluster)")
    resumed = [h for method, path, h in server.requests if path == "/cut.img"][-1]
    assert resumed["If-Range"] == '"one"' and resumed["Range"] != "bytes=0-"
    assert all("Range" not in h for _m, path, h in server.requests if "unprovable" in path)
    assert found[3].delivered.received == 0
    assert found[7].delivered.redirects == 1


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_does_the_same(server: SourceServer, shell: str) -> None:
    whole = Expected(f"{HOST}/whole.img", CHECKSUM, MIB)
    endless = Expected(f"{HOST}/endless.img", CHECKSUM, MIB)
    cut = Expected(f"{HOST}/missing.img")
    words = [each.word for each in ask(server, whole, endless, cut, shell=shell)]
    assert words == ["same_bytes", "changed", "status"]


def test_what_goes_on_for_ever_and_what_stands_still(server: SourceServer) -> None:
    before = time.monotonic()
    paths = ("trickle", "silent")
    wanted = [Expected(f"{HOST}/{path}.img") for path in paths]
    found = ask(server, *wanted, seconds=2, idle=1)
    assert found[0].word == "deadline"
    assert found[1].word in ("idle", "deadline")
    assert time.monotonic() - before < 6


def test_a_password_is_sent_to_its_own_host_only_and_any_url_is_taken_as_it_is(
    server: SourceServer,
) -> None:
    questions = [
        Question(f"{HOST}/401", "http", "user:s3cret"),
        Question(f"{HOST}/moved.img", "http", 'us"er:s3\\cret'),
        Question(f'{HOST}/quo"te%20\\.img', "http"),
        Question(f"{HOST}/whole.img?a=[1-3]&b={{x,y}}", "http"),
    ]
    answers = run(server, questions, "sh", 20, 5)
    assert [answer.status for answer in answers] == [200] * 4
    assert [answer.sha512 for answer in answers] == [CHECKSUM] * 4
    asked = {path: headers for _method, path, headers in server.requests}
    assert "Authorization" in asked["/moved.img"]
    assert "Authorization" not in asked["/whole.img"]


def test_an_image_without_curl_says_so(tmp_path: str) -> None:
    done = subprocess.run(
        [str(shutil.which("sh")), "-c", SCRIPT],
        env={"PATH": str(tmp_path), "SOURCES": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert probe_log.read(done.stdout) == probe_log.Told(missing="curl")
