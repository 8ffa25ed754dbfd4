# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a source to its end as Longhorn's downloader would, and keeps nothing but a SHA-512.

HEAD, then GET, both must answer 200; redirections are followed; nothing is decoded on the way
(longhorn/backing-image-manager pkg/sync/handler.go). Other than Longhorn this follows at most ten
redirections, goes on after a cut where the server can prove that the file is still the same, and
ends a body that is longer than it can be. Memory is bounded by one piece of 64 KiB.
"""

from __future__ import annotations

import hashlib
import importlib
import re
import ssl
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Clock, Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.source_url import (
    SourceTrouble,
    SourceUrl,
    follow,
    parse,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.transport import plain_reason

PIECE_BYTES = 1 << 16
HEAD_BYTES = 512
REDIRECTS_MAX = 10
CUTS_MAX = 5
# Longhorn's own limits for HEAD and for a body that stands still.
IDLE_SECONDS = 30.0
CONNECT_SECONDS = 10.0
_REDIRECTING = (301, 302, 303, 307, 308)
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


@dataclass(frozen=True)
class Way:
    """How sources are reached: *proxy* a URL ("" for what the environment says), *ca_cert* a file
    with further authorities, *seconds* the longest time for one source.
    """

    proxy: str = ""
    ca_cert: str = ""
    seconds: float = 1800.0
    idle_seconds: float = IDLE_SECONDS


@dataclass
class Reading:
    """What was read so far. *stop*, when set, ends it at the next piece."""

    status: int = 0
    length: int = -1
    received: int = 0
    head: bytes = b""
    cuts: int = 0
    redirects: int = 0
    downgraded: bool = False
    seconds: float = 0.0
    stop: bool = False
    digest: Any = field(default_factory=hashlib.sha512)

    @property
    def checksum(self) -> str:
        """SHA-512 of what was received, in hex."""
        return str(self.digest.hexdigest())

    def begin_anew(self) -> None:
        """Forget the bytes: the file is read from its first byte again."""
        self.received, self.head, self.digest = 0, b"", hashlib.sha512()

    def take(self, piece: bytes) -> None:
        """Count these bytes."""
        self.digest.update(piece)
        self.received += len(piece)
        if len(self.head) < HEAD_BYTES:
            self.head = (self.head + piece)[:HEAD_BYTES]


class Cut(Exception):
    """The connection ended before the body did."""


class SourceReader:
    """Reads one URL. Use it once; *reading* shows how far it is, also to another thread."""

    def __init__(self, url: str, way: Way, clock: Clock = time.monotonic) -> None:
        self._url = url
        self._way = way
        self._urllib3: Any = importlib.import_module("urllib3")
        self._deadline = Deadline(way.seconds, clock)
        self._pools: dict[str, Any] = {}
        self._validator = ""
        self.reading = Reading()

    def read(self, longest: int = 0) -> None:
        """Read it to its end into *reading*. *longest*: more bytes than this cannot be right (0: no
        such limit). Raises SourceTrouble.
        """
        reading = self.reading
        try:
            url = parse(self._url)
            self._announced(url)
            if longest and reading.length >= 0 and reading.length != longest:
                return
            while not self._body(url, longest):
                reading.cuts += 1
                if reading.cuts > CUTS_MAX:
                    at = f"after {reading.received} bytes"
                    raise SourceTrouble("cut", f"was cut {reading.cuts} times, the last time {at}")
        finally:
            reading.seconds = self._deadline.elapsed()
            for pool in self._pools.values():
                pool.clear()

    # -- requests ------------------------------------------------------------------------------
    def _announced(self, url: SourceUrl) -> None:
        answer, _where = self._ask("HEAD", url, {})
        answer.close()
        self._want(answer, 200, "HEAD")
        length = str(answer.headers.get("Content-Length", ""))
        self.reading.length = int(length) if length.isdigit() else -1

    def _body(self, url: SourceUrl, longest: int) -> bool:
        """One GET; True when the body came to its end, False when it was cut."""
        reading = self.reading
        resume = bool(reading.received and self._validator)
        if not resume:
            reading.begin_anew()
        headers = (
            {"Range": f"bytes={reading.received}-", "If-Range": self._validator} if resume else {}
        )
        try:
            answer, _where = self._ask("GET", url, headers)
        except SourceTrouble as trouble:
            if trouble.word == "reset" and reading.cuts:
                return False
            raise
        try:
            self._continue_or_begin(answer, resume)
            self._pieces(answer, longest)
        except Cut:
            return False
        finally:
            answer.close()
        return True

    def _continue_or_begin(self, answer: Any, resume: bool) -> None:
        reading = self.reading
        if resume and answer.status == 206:
            found = _RANGE.fullmatch(str(answer.headers.get("Content-Range", "")).strip())
            if found is None or int(found[1]) != reading.received:
                raise SourceTrouble("range", "answers a Range with other bytes than asked for", 206)
            return
        self._want(answer, 200, "GET")
        reading.begin_anew()
        length = str(answer.headers.get("Content-Length", ""))
        if length.isdigit():
            reading.length = int(length)
        self._validator = _validator(answer.headers)

    def _pieces(self, answer: Any, longest: int) -> None:
        reading, errors = self.reading, self._urllib3.exceptions
        try:
            while True:
                self._check_time()
                piece = answer.read1(PIECE_BYTES) if hasattr(answer, "read1") else answer.read(4096)
                if not piece:
                    break
                reading.take(piece)
                if longest and reading.received > longest:
                    raise SourceTrouble("too_long", f"goes on after {longest} bytes")
        except errors.ReadTimeoutError:
            self._check_time()
            text = f"stood still for {self._way.idle_seconds:.0f} s at {reading.received} bytes"
            raise SourceTrouble("idle", text) from None
        except (errors.HTTPError, OSError) as error:
            raise Cut(plain_reason(error)) from None
        if 0 <= reading.received < reading.length:
            raise Cut("too few bytes")

    def _ask(
        self, method: str, url: SourceUrl, headers: Mapping[str, str]
    ) -> tuple[Any, SourceUrl]:
        """The answer after all redirections, whatever its status, and where it came from."""
        self.reading.redirects = 0
        while True:
            self._check_time()
            answer = self._send(method, url, headers)
            location = str(answer.headers.get("Location", ""))
            if answer.status not in _REDIRECTING or not location:
                self.reading.status = int(answer.status)
                return answer, url
            answer.close()
            self.reading.redirects += 1
            if self.reading.redirects > REDIRECTS_MAX:
                raise SourceTrouble("redirects", f"redirects more than {REDIRECTS_MAX} times")
            target = follow(url, location)
            self.reading.downgraded |= url.scheme == "https" and target.scheme == "http"
            url = target

    def _send(self, method: str, url: SourceUrl, headers: Mapping[str, str]) -> Any:
        urllib3 = self._urllib3
        sent = {"Accept-Encoding": "identity", "User-Agent": "nodecare.longhorn", **headers}
        if url.authorization:
            sent["Authorization"] = url.authorization
        left = max(0.1, self._deadline.remaining())
        try:
            return self._pool(url).request(
                method,
                url.plain,
                headers=sent,
                timeout=urllib3.Timeout(
                    connect=min(CONNECT_SECONDS, left), read=min(self._way.idle_seconds, left)
                ),
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            self._check_time()
            raise _unreachable(error, url) from None

    def _pool(self, url: SourceUrl) -> Any:
        proxy = self._proxy_for(url)
        if proxy not in self._pools:
            context = ssl.create_default_context()
            if self._way.ca_cert:
                context.load_verify_locations(self._way.ca_cert)
            make: Callable[..., Any] = (
                self._urllib3.ProxyManager if proxy else self._urllib3.PoolManager
            )
            self._pools[proxy] = make(*([proxy] if proxy else []), ssl_context=context)
        return self._pools[proxy]

    def _proxy_for(self, url: SourceUrl) -> str:
        if self._way.proxy:
            return self._way.proxy
        if urllib.request.proxy_bypass(url.host):
            return ""
        return urllib.request.getproxies().get(url.scheme, "")

    def _want(self, answer: Any, status: int, method: str) -> None:
        if answer.status != status:
            said = f"{answer.status} {str(answer.reason or '')[:40]}".strip()
            text = f"answers {said} to {method}"
            raise SourceTrouble("status", text, int(answer.status))

    def _check_time(self) -> None:
        if self.reading.stop:
            raise SourceTrouble("stopped", "was not read to its end")
        if self._deadline.expired:
            text = f"had delivered {self.reading.received} bytes"
            raise SourceTrouble("deadline", f"{text} after {self._way.seconds:.0f} s")


def _validator(headers: Mapping[str, str]) -> str:
    """What proves in a later request that the file is the same: a strong ETag, else its date."""
    tag = str(headers.get("ETag", "")).strip()
    if tag.startswith('"'):
        return tag
    return str(headers.get("Last-Modified", "")).strip()


def _unreachable(error: BaseException, url: SourceUrl) -> SourceTrouble:
    """What a request without an answer means, by a fixed word."""
    reason = plain_reason(error)
    text = str(error)
    if isinstance(error, ssl.SSLError) or "CERTIFICATE" in text or "SSLError" in text:
        return SourceTrouble("tls", f"cannot be trusted: {reason}")
    if "host name" in reason:
        return SourceTrouble("host", f"cannot be reached: {reason} ({url.host})")
    if reason in ("the connection was reset", "the connection was closed without an answer"):
        return SourceTrouble("reset", f"does not answer: {reason}")
    if reason == "no answer in time":
        return SourceTrouble("idle", f"does not answer: {reason}")
    return SourceTrouble("unreachable", f"cannot be reached: {reason}")
