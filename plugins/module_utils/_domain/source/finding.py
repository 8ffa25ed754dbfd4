# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a source delivers what the image was: the finding, its fixed word, and its sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import redact
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.delivered import (
    QCOW2_MAGIC,
    SECTOR,
    Delivered,
    Expected,
    virtual_size_of,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import spell_bytes

SAME = "same_bytes"
UNPROVEN = "unproven"
CHANGED = "changed"
BAD_SIZE = "bad_size"
DOWNGRADED = "downgraded"
SKIPPED = "skipped"
NOT_ASKED = "not_checked"
NO_URL = "no_url"

# The cluster may reach a source that the machine which runs the playbook does not.
_FROM_HERE = (
    "where the cluster reaches it and only this machine does not: -e source_proxy=URL of a proxy "
    "that does, or -e skip_source_check=true if you know that it delivers the same bytes"
)
# A hint for each fixed word of trouble, after what was seen.
_HINTS = {
    "host": _FROM_HERE,
    "unreachable": _FROM_HERE,
    "scheme": "Longhorn fetches http and https only",
    "loopback": "on a loopback address every machine reaches only itself",
    "status": "Longhorn wants 200 for HEAD and for GET",
    "redirects": "it redirects too often or in a circle",
    "cut": "the connection was cut too often; Longhorn begins from 0 after each cut",
    "idle": "no byte came for a while; Longhorn gives up after 30 s",
    "deadline": "it was not read to its end in the time given (source_timeout)",
    "tls": "give source_ca_cert if an authority of your own has signed its certificate",
}


@dataclass(frozen=True)
class Finding:
    """*ok*: nothing speaks against fetching from there. *proven*: the SHA-512 is the recorded one.
    *word* is one of a fixed list, *text* a sentence without any credential; *seen_from* says where
    the request came from.
    """

    word: str
    text: str
    ok: bool = False
    proven: bool = False
    seen_from: str = "controller"
    delivered: Delivered = Delivered()

    def as_dict(self) -> dict[str, Any]:
        """For the result of a module."""
        return {
            "finding": self.word,
            "text": self.text,
            "ok": self.ok,
            "proven": self.proven,
            "checked_from": self.seen_from,
            "status": self.delivered.status,
            "length": self.delivered.length,
            "received": self.delivered.received,
            "sha512": self.delivered.checksum,
            "cuts": self.delivered.cuts,
            "redirects": self.delivered.redirects,
            "seconds": round(self.delivered.seconds, 1),
        }


def skipped() -> Finding:
    """The operator did not want it checked."""
    return Finding(SKIPPED, "not checked (skip_source_check)", ok=True, seen_from="nowhere")


def no_url() -> Finding:
    """The image records no URL at all."""
    return Finding(NO_URL, "the image records no URL", seen_from="nowhere")


def find(expected: Expected, delivered: Delivered) -> Finding:
    """Compare what was delivered with what the image was."""
    url = redact.plain(expected.url)
    word, text = _against(expected, delivered)
    if word:
        return Finding(word, f"{url} {text}", delivered=delivered)
    what = f"{url} answers {delivered.status}, {spell_bytes(delivered.received)}"
    cuts = f", cut {delivered.cuts} times on the way" if delivered.cuts else ""
    if expected.checksum:
        text = f"{what}, sha512 as recorded{cuts}"
        return Finding(SAME, text, ok=True, proven=True, delivered=delivered)
    text = f"{what}; no checksum is recorded, so nobody can tell whether it is the same{cuts}"
    return Finding(UNPROVEN, text, ok=True, delivered=delivered)


def _against(expected: Expected, delivered: Delivered) -> tuple[str, str]:
    """(fixed word, text) of the first thing that speaks against it; ("", "") where nothing does."""
    if expected.size and delivered.length >= 0 and delivered.length != expected.size:
        return CHANGED, (
            f"announces {delivered.length} bytes; the image had {expected.size}. "
            "Longhorn keeps the first size and checksum for good, so other bytes fail for ever"
        )
    if delivered.trouble == "too_long":
        return CHANGED, (
            f"goes on after {expected.size} bytes, which the image had. "
            "Longhorn keeps the first size and checksum for good, so other bytes fail for ever"
        )
    if delivered.trouble:
        hint = _HINTS.get(delivered.trouble, "")
        return delivered.trouble, delivered.reason + (f"; {hint}" if hint else "")
    return _against_bytes(expected, delivered)


def _against_bytes(expected: Expected, delivered: Delivered) -> tuple[str, str]:
    size, head = delivered.received, delivered.head
    if expected.checksum and delivered.checksum != expected.checksum:
        return CHANGED, (
            f"delivers other bytes: sha512 {delivered.checksum[:12]}…, recorded is "
            f"{expected.checksum[:12]}…. Longhorn keeps the first checksum for good, so it fails "
            "for ever"
        )
    if expected.size and size != expected.size:
        return CHANGED, f"delivers {size} bytes; the image had {expected.size}"
    if size == 0:
        return BAD_SIZE, "delivers an empty file"
    if not head.startswith(QCOW2_MAGIC) and size % SECTOR:
        return BAD_SIZE, f"delivers {size} bytes of raw data, which is no multiple of {SECTOR}"
    virtual = virtual_size_of(head, size)
    if expected.virtual_size and virtual != expected.virtual_size:
        return CHANGED, (
            f"holds a disk of {virtual} bytes; the image had one of {expected.virtual_size}"
        )
    if delivered.downgraded and not expected.checksum:
        return DOWNGRADED, (
            "redirects from https to http, and no checksum is recorded: anybody on the way could "
            "change the bytes"
        )
    return "", ""
