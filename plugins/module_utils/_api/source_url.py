# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""URLs of sources: what may be asked for, what a redirection leads to, and how they are shown."""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

SCHEMES = ("http", "https")


class SourceTrouble(Exception):
    """A source does not deliver. *word* is one of a fixed list; the text has no credential."""

    def __init__(self, word: str, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.word = word
        self.status = status


@dataclass(frozen=True)
class SourceUrl:
    """A URL that may be asked for. *plain* is without user, password and fragment."""

    plain: str
    scheme: str
    host: str
    port: int
    authorization: str = ""

    @property
    def origin(self) -> tuple[str, str, int]:
        """Whom a password may be told to."""
        return (self.scheme, self.host, self.port)


def parse(url: str) -> SourceUrl:
    """Take a URL apart. Raises SourceTrouble for what Longhorn would not fetch, or only from its
    own machine (longhorn-manager webhook/resources/backingimage/validator.go, v1.12.1).
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SourceTrouble("url", "is no URL") from None
    if any(character <= " " or character == "\x7f" for character in url):
        raise SourceTrouble("url", "holds blanks or control characters")
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if scheme not in SCHEMES:
        raise SourceTrouble("scheme", f"has the scheme {scheme!r}")
    if not host:
        raise SourceTrouble("url", "names no host")
    if _is_loopback(host):
        raise SourceTrouble("loopback", f"leads to {host}")
    name = f"[{host}]" if ":" in host else host
    netloc = f"{name}:{port}" if port else name
    return SourceUrl(
        urlunsplit((scheme, netloc, parts.path or "/", parts.query, "")),
        scheme,
        host,
        port or (443 if scheme == "https" else 80),
        _authorization(parts.username, parts.password),
    )


def follow(url: SourceUrl, location: str) -> SourceUrl:
    """Where a redirection leads. The password goes on only to the same scheme, host and port.

    Raises SourceTrouble like :func:`parse`.
    """
    target = parse(urljoin(url.plain, location))
    if target.authorization or target.origin != url.origin:
        return target
    return SourceUrl(target.plain, target.scheme, target.host, target.port, url.authorization)


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _authorization(user: str | None, password: str | None) -> str:
    if user is None:
        return ""
    pair = f"{unquote(user)}:{unquote(password or '')}".encode()
    return "Basic " + base64.b64encode(pair).decode("ascii")
