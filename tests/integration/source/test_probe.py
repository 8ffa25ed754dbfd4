# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source probe against a real HTTP server: each way of not delivering has its own finding."""

from __future__ import annotations

import dataclasses
import hashlib
import socket
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import (
    Interrupt,
    Interrupted,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.progress import Progress
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.source import Way
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.delivered import (
    Expected,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.finding import (
    Finding,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.check_sources import (
    check_sources,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task
from tests.integration.source.server import BIG, BODY, CHECKSUM, MIB, SourceServer, qcow2
from tests.simulator.http.tls import make_certificates

HOST = "http://images.example"


@pytest.fixture(scope="module")
def server() -> Iterator[SourceServer]:
    made = SourceServer()
    yield made
    made.close()


def task(interrupt: Interrupt | None = None, seconds: float = 60.0) -> Task:
    flag = interrupt or Interrupt()
    client: Any = object.__new__(Client)
    return Task(client, Deadline(seconds), flag, Progress(None, flag))


def ask(server: SourceServer, path: str, **options: Any) -> Finding:
    way = {key: options.pop(key) for key in ("seconds", "idle_seconds") if key in options}
    url = options.pop("url", f"{HOST}{path}")
    expected = Expected(url, **options)
    found = check_sources(task(), {"img": expected}, Way(server.proxy, **way))
    return found["img"]


def test_the_same_bytes(server: SourceServer) -> None:
    found = ask(server, "/whole.img", checksum=CHECKSUM, size=MIB, virtual_size=MIB)
    assert (found.word, found.ok, found.proven) == ("same_bytes", True, True)
    assert found.as_dict()["checked_from"] == "controller"
    assert server.methods("/whole.img")[-2:] == ["HEAD", "GET"]


def test_without_a_recorded_checksum_it_is_said(server: SourceServer) -> None:
    found = ask(server, "/whole.img")
    assert (found.word, found.ok, found.proven) == ("unproven", True, False)


def test_other_bytes_of_the_same_length(server: SourceServer) -> None:
    found = ask(server, "/whole.img", checksum="9c1e" * 32, size=MIB)
    assert (found.word, found.ok) == ("changed", False)
    assert CHECKSUM[:12] in found.text
    assert "9c1e9c1e9c1e…" in found.text


def test_another_length_is_known_without_reading_a_byte(server: SourceServer) -> None:
    before = len(server.methods("/whole.img"))
    found = ask(server, "/whole.img", checksum=CHECKSUM, size=2 * MIB)
    assert found.word == "changed"
    assert server.methods("/whole.img")[before:] == ["HEAD"]


def test_not_found(server: SourceServer) -> None:
    found = ask(server, "/missing.img")
    assert (found.word, found.delivered.status) == ("status", 404)
    assert "404" in found.text


def test_unauthorized_and_no_credential_anywhere(server: SourceServer) -> None:
    refused = ask(server, "/401", url="http://user:wrong@images.example/401?sig=secret")
    assert (refused.word, refused.delivered.status) == ("status", 401)
    assert "wrong" not in str(refused.as_dict()) and "secret" not in str(refused.as_dict())
    allowed = ask(server, "/401", url="http://user:s3cret@images.example/401", checksum=CHECKSUM)
    assert allowed.proven
    assert "s3cret" not in str(allowed.as_dict())


def test_a_server_that_refuses_head_is_of_no_use_to_longhorn(server: SourceServer) -> None:
    found = ask(server, "/nohead.img", checksum=CHECKSUM)
    assert (found.word, found.delivered.status) == ("status", 405)


def test_redirections_are_followed_without_the_password(server: SourceServer) -> None:
    found = ask(server, "/", url="http://user:s3cret@images.example/moved.img", checksum=CHECKSUM)
    assert found.proven
    assert found.delivered.redirects == 1
    last = server.requests[-1]
    assert last[1] == "/whole.img"
    assert "Authorization" not in last[2]


@pytest.mark.parametrize(("path", "word"), [("/circle", "redirects"), ("/to-loopback", "loopback")])
def test_redirections_that_lead_nowhere(server: SourceServer, path: str, word: str) -> None:
    assert ask(server, path).word == word


def test_a_cut_is_resumed_where_it_was(server: SourceServer) -> None:
    found = ask(server, "/cut.img", checksum=CHECKSUM, size=MIB)
    assert found.proven
    assert found.delivered.cuts == 1
    sent = [headers for _method, path, headers in server.requests if path == "/cut.img"][-1]
    assert sent["If-Range"] == '"one"'
    assert sent["Range"].startswith("bytes=") and sent["Range"] != "bytes=0-"


def test_a_cut_and_then_another_file_is_read_from_its_beginning(server: SourceServer) -> None:
    found = ask(server, "/cut-changing.img", checksum=CHECKSUM, size=MIB)
    assert found.word == "changed"
    assert found.delivered.checksum == hashlib.sha512(bytes(MIB)).hexdigest()


def test_a_cut_of_a_file_without_any_mark_begins_anew(server: SourceServer) -> None:
    found = ask(server, "/cut-unprovable.img", checksum=CHECKSUM, size=MIB)
    assert found.proven
    assert all("Range" not in h for _m, path, h in server.requests if path == "/cut-unprovable.img")


def test_an_endless_body_ends_with_the_known_size(server: SourceServer) -> None:
    found = ask(server, "/endless.img", checksum=CHECKSUM, size=MIB)
    assert found.word == "changed"
    assert found.delivered.received <= MIB + (1 << 16)


@pytest.mark.parametrize("path", ["/endless.img", "/trickle.img"])
def test_without_a_known_size_the_time_ends_it(server: SourceServer, path: str) -> None:
    found = ask(server, path, seconds=0.4)
    assert found.word == "deadline"
    assert found.delivered.seconds < 2.0


def test_a_body_that_stands_still(server: SourceServer) -> None:
    found = ask(server, "/silent.img", checksum=CHECKSUM, size=MIB, idle_seconds=0.3)
    assert found.word == "idle"
    assert "30 s" in found.text


def test_memory_is_bounded(server: SourceServer) -> None:
    tracemalloc.start()
    try:
        assert ask(server, "/big.img").delivered.received == BIG
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4 * MIB


@pytest.mark.parametrize(
    ("body", "expected", "word"),
    [
        (b"x" * 1000, {}, "bad_size"),
        (b"", {}, "bad_size"),
        (qcow2(64 * MIB), {"virtual_size": 64 * MIB}, "unproven"),
        (qcow2(65 * MIB), {"virtual_size": 64 * MIB}, "changed"),
        (b"QFI\xfb", {"virtual_size": 64 * MIB}, "changed"),
        (b"x" * 1024, {"virtual_size": 512}, "changed"),
    ],
)
def test_sizes(server: SourceServer, body: bytes, expected: dict[str, int], word: str) -> None:
    server.bodies["/sized.img"] = body
    assert ask(server, "/sized.img", **expected).word == word


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("ftp://images.example/a.img", "scheme"),
        ("httpsinvalid://images.example/a.img", "scheme"),
        ("http://127.0.0.2/a.img", "loopback"),
        ("http://localhost:80/a.img", "loopback"),
        ("http://[::1]/a.img", "loopback"),
        ("http:///a.img", "url"),
        ("http://images.example/a b.img", "url"),
        ("http://images.example:99999/", "url"),
        ("", "no_url"),
    ],
)
def test_urls_that_longhorn_would_not_fetch(server: SourceServer, url: str, word: str) -> None:
    before = len(server.requests)
    found = ask(server, "", url=url)
    assert (found.word, found.ok) == (word, False)
    assert len(server.requests) == before


def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{taken.getsockname()[1]}"
        found = check_sources(task(), {"i": Expected(f"{HOST}/a.img")}, Way(proxy))["i"]
    assert found.word == "unreachable"


def test_https_is_verified_and_a_downgrade_needs_a_checksum(
    server: SourceServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = make_certificates()
    certificates.write(tmp_path)
    secure = SourceServer(certificates.context(tmp_path))
    secure.redirections["/down"] = f"http://kubernetes:{server.port}/whole.img"
    real = socket.getaddrinfo
    names = {"kubernetes": "127.0.0.1"}

    def resolve(host: Any, *rest: Any, **more: Any) -> Any:
        return real(names.get(host, host), *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    try:
        url = f"https://kubernetes:{secure.port}/whole.img"
        wanted = {"img": Expected(url, checksum=CHECKSUM)}
        assert check_sources(task(), wanted, Way())["img"].word == "tls"
        trusting = Way(ca_cert=str(tmp_path / "ca.crt"))
        assert check_sources(task(), wanted, trusting)["img"].proven
        down = Expected(f"https://kubernetes:{secure.port}/down")
        pinned = dataclasses.replace(down, checksum=CHECKSUM)
        found = check_sources(task(), {"open": down, "pinned": pinned}, trusting)
        assert (found["open"].word, found["pinned"].word) == ("downgraded", "same_bytes")
    finally:
        secure.close()


def test_the_same_source_is_read_once_for_all_its_images(server: SourceServer) -> None:
    before = len(server.methods("/whole.img"))
    wanted = {f"img-{n}": Expected(f"{HOST}/whole.img", checksum=CHECKSUM) for n in range(9)}
    found = check_sources(task(), wanted, Way(server.proxy))
    assert len(found) == 9 and all(each.proven for each in found.values())
    assert len(server.methods("/whole.img")) == before + 2


def test_it_stops_when_it_is_asked_to(server: SourceServer) -> None:
    interrupt = Interrupt()
    interrupt.request("asked to stop (SIGTERM)")
    with pytest.raises(Interrupted, match="nothing was written"):
        check_sources(task(interrupt), {"img": Expected(f"{HOST}/endless.img")}, Way(server.proxy))


def test_the_body_is_what_the_tests_think() -> None:
    assert len(BODY) == MIB
