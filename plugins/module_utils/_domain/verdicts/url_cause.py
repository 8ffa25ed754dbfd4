# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why the first file of an image failed, read from the message of its data source."""

from __future__ import annotations

import re
from dataclasses import dataclass

SERVE = "serve the file at that URL, or give the image another one: {new_url}"


@dataclass(frozen=True)
class UrlCause:
    """A fixed *word*, what it means, and what to do ("{new_url}" stands for the command that
    gives the image another URL).
    """

    word: str
    meaning: str
    remedy: str


SCHEME = UrlCause("scheme", "the URL scheme is not http or https", SERVE)
HOST = UrlCause("host", "the host name is not known", SERVE)
NOT_FOUND = UrlCause("not_found", "the server answers 404", SERVE)
DENIED = UrlCause("denied", "the server refuses access", SERVE)
STATUS = UrlCause("status", "the server does not answer 200", SERVE)
TLS = UrlCause(
    "tls",
    "the server's certificate is not trusted",
    "have it signed by an authority that the nodes' data source pods trust, or serve it elsewhere",
)
UNREACHABLE = UrlCause("unreachable", "the server cannot be reached", SERVE)
IDLE = UrlCause("idle", "the server sent nothing for 30 s", SERVE)
CUT = UrlCause("cut", "the server cuts the connection", SERVE)
CHECKSUM = UrlCause(
    "checksum",
    "the file has another checksum than spec.checksum",
    "serve the file that the checksum was made of; simplest is to delete the image and create it "
    "anew with the right one",
)
SIZE = UrlCause(
    "size",
    "its size is no multiple of 512",
    "convert the file (qemu-img convert), serve it, delete the image and create it anew",
)
NO_SPACE = UrlCause("no_space", "no space on the disk", "free space on that disk")
NOT_SENT = UrlCause("not_sent", "nobody sent the file", "send the file again")
INTERRUPTED = UrlCause(
    "interrupted",
    "its pod or data source was ended",
    "wait for the next try; look at why the pod ended if it fails again",
)
OTHER = UrlCause("other", "", "repair the source")

LASTING = frozenset({SCHEME, HOST, NOT_FOUND, DENIED, TLS, CHECKSUM, SIZE, NO_SPACE})
"""Causes that the next try meets again: somebody has to act first. The others may pass."""

# The first text found in the message, in small letters, counts (longhorn/backing-image-manager
# pkg/sync, longhorn-manager controller/backing_image_data_source_controller.go; the texts are those
# of the recordings of v1.6.4 to v1.12.1 and of Go's HTTP client).
_TEXTS: tuple[tuple[str, UrlCause], ...] = (
    ("unsupported protocol scheme", SCHEME),
    ("no such host", HOST),
    ("x509", TLS),
    ("tls:", TLS),
    ("certificate", TLS),
    ("actual checksum", CHECKSUM),
    ("the file checksum", CHECKSUM),
    ("multiple of 512", SIZE),
    ("no space left", NO_SPACE),
    ("timeout waiting for the datasource", NOT_SENT),
    ("context cancelled during the copy", IDLE),
    ("unexpected eof", CUT),
    ("connection reset", CUT),
    ("connection refused", UNREACHABLE),
    ("no route to host", UNREACHABLE),
    ("network is unreachable", UNREACHABLE),
    ("server misbehaving", UNREACHABLE),
    ("i/o timeout", UNREACHABLE),
    ("context deadline exceeded", UNREACHABLE),
    ("backing image is deleted, requesting", INTERRUPTED),
    ("pod", INTERRUPTED),
)
_STATUS = re.compile(r"expected status code 200 .*got (\d{3})")
_BY_STATUS = {"404": NOT_FOUND, "410": NOT_FOUND, "401": DENIED, "403": DENIED}


def url_cause(message: str) -> UrlCause:
    """The cause that a data source's message tells."""
    small = message.lower()
    status = _STATUS.search(small)
    if status is not None:
        return _BY_STATUS.get(status[1], STATUS)
    return next((cause for text, cause in _TEXTS if text in small), OTHER)
