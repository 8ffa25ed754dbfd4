# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers that images are downloaded from: what each URL does, and how that changes in time.

A URL that was given a behaviour follows it. Any other URL on a known host is read as a wish:
``/f/raw64.img`` serves 64 MiB at full speed, ``/slow/4096/raw64.img`` the same at 4096 KiB/s,
``/rate/2097152/raw64.img`` at 2097152 B/s, ``/drop/10000000/raw64.img`` breaks off after that many
bytes, ``/gate/<name>/raw64.img`` answers 404 until the gate is opened. Names that are not of that
form are not found.
"""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

MIB = 1 << 20
FAST = 400.0 * MIB
PAYLOAD = 16 * 1024
NAME_SERVER = "10.96.0.10:53"
HOSTS = frozenset({"images.rig", "images.local", "images.example.org"})
QCOW_EXTRA = 4980736


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds: a short payload that fixes its bytes, then zeros up to its size."""

    name: str
    size: int
    virtual_size: int

    @property
    def payload(self) -> bytes:
        """The first bytes of the file, made from its name."""
        return payload_of(self.name, self.size)

    @property
    def checksum(self) -> str:
        """SHA-512 of the whole file, as hex."""
        return checksum_of(self.name, self.size)


@lru_cache(maxsize=256)
def payload_of(name: str, size: int) -> bytes:
    """Bytes that differ from file to file, at most PAYLOAD of them."""
    block = hashlib.sha512(name.encode()).digest()
    length = min(size, PAYLOAD)
    head = _qcow2_head(name, size)
    return (head + block * (length // len(block) + 1))[:length]


def _qcow2_head(name: str, size: int) -> bytes:
    """The beginning of a qcow2 file of version 3, up to its virtual size; b"" for a raw one."""
    if not name.endswith(".qcow2"):
        return b""
    virtual = virtual_size_of(size)
    return b"QFI\xfb" + (3).to_bytes(4, "big") + bytes(16) + virtual.to_bytes(8, "big")


def virtual_size_of(size: int) -> int:
    """The virtual size of a qcow2 file of that many bytes, as this world makes them."""
    data = size - QCOW_EXTRA
    return data + data // 3


@lru_cache(maxsize=256)
def checksum_of(name: str, size: int) -> str:
    """SHA-512 of the payload followed by zeros, without building the file."""
    digest = hashlib.sha512(payload_of(name, size))
    left = size - min(size, PAYLOAD)
    zeros = bytes(MIB)
    while left > 0:
        digest.update(zeros[: min(left, MIB)])
        left -= MIB
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a download meets: an error text at once, or content with a rate and perhaps a cut.

    ``rate`` is in bytes per second; ``cut_after`` a number of bytes, None for a whole file.
    """

    error: str = ""
    content: Content | None = None
    rate: float = FAST
    cut_after: int | None = None


class Sources:
    """All URLs of the simulated world."""

    def __init__(self) -> None:
        self._set: dict[str, Answer] = {}
        self._open: set[str] = set()
        self._refusing: set[str] = set()
        self._all_open = False
        self.hosts = set(HOSTS)

    def serve(self, url: str, answer: Answer) -> None:
        """Give one URL a behaviour from now on; its host becomes known."""
        self._set[url] = answer
        self.hosts.add(urlsplit(url).hostname or "")

    def forget(self, url: str) -> None:
        """Take a behaviour away again."""
        self._set.pop(url, None)

    def open_gate(self, name: str) -> None:
        """Let the files behind ``/gate/<name>/`` be found."""
        self._open.add(name)

    def open_all_gates(self) -> None:
        """Let the files behind every gate be found, those to come included."""
        self._all_open = True

    def close_gate(self, name: str) -> None:
        """Let the files behind ``/gate/<name>/`` be missing again."""
        self._open.discard(name)

    def refuse(self, host: str, refused: bool = True) -> None:
        """Let a host refuse connections, or take them again."""
        (self._refusing.add if refused else self._refusing.discard)(host)

    def get(self, url: str) -> Answer:
        """What a request of this URL meets now, in the words of Go's HTTP client."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            return Answer(error=f'Head "{url}": unsupported protocol scheme "{parts.scheme}"')
        host = parts.hostname or ""
        if _is_address(host) and url not in self._set:
            return real_answer(url)
        if host not in self.hosts:
            text = f"dial tcp: lookup {host} on {NAME_SERVER}: no such host"
            return Answer(error=f'Head "{url}": {text}')
        if host in self._refusing:
            port = parts.port or (443 if parts.scheme == "https" else 80)
            text = f"dial tcp 10.0.0.9:{port}: connect: connection refused"
            return Answer(error=f'Head "{url}": {text}')
        answer = self._set.get(url) or self._wish(parts.path)
        return answer or Answer(error=f"expected status code 200 from {url}, got 404 Not Found")

    def _wish(self, path: str) -> Answer | None:
        step = re.fullmatch(r"/(f|slow|rate|drop|gate)(?:/([^/]+))?/([^/]+)", path)
        if step is None:
            return None
        content = content_named(step[3])
        if content is None:
            return None
        if step[1] == "slow" and (step[2] or "").isdigit():
            return Answer(content=content, rate=int(step[2]) * 1024.0)
        if step[1] == "rate" and (step[2] or "").isdigit():
            return Answer(content=content, rate=float(step[2]))
        if step[1] == "drop" and (step[2] or "").isdigit():
            return Answer(content=content, cut_after=int(step[2]))
        if step[1] == "gate":
            found = self._all_open or step[2] in self._open
            return Answer(content=content) if found else None
        return Answer(content=content) if step[1] == "f" else None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def real_answer(url: str) -> Answer:
    """What a server with an address of its own really answers, in the words of Go's client.

    Of the bytes only their number is taken; a file that breaks off does so here too.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=5)
    size = 0
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        size = int(answer.headers.get("Content-Length") or 0)
        if answer.status != 200:
            text = f"{answer.status} {answer.reason}"
            return Answer(error=f"expected status code 200 from {url}, got {text}")
        got = sum(len(piece) for piece in iter(lambda: answer.read(MIB), b""))
    except http.client.IncompleteRead as error:
        return Answer(content=Content(url, size, size), cut_after=max(1, len(error.partial)))
    except OSError as error:
        reason = "connection refused" if isinstance(error, ConnectionRefusedError) else str(error)
        return Answer(error=f'Head "{url}": dial tcp {parts.netloc}: connect: {reason}')
    finally:
        connection.close()
    return Answer(content=Content(url, size, size), cut_after=got if got < size else None)


def content_named(name: str) -> Content | None:
    """The content of "raw64.img" (64 MiB) or "qcow96.qcow2" (a bigger virtual disk), or None."""
    raw = re.fullmatch(r"raw(\d+)\.img", name)
    if raw is not None:
        size = int(raw[1]) * MIB
        return Content(name, size, size)
    qcow = re.fullmatch(r"qcow(\d+)\.qcow2", name)
    if qcow is not None:
        data = int(qcow[1]) * MIB
        size = data + QCOW_EXTRA
        return Content(name, size, virtual_size_of(size))
    return None
