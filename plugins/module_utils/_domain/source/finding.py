# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a source delivers what the image was: the finding, its fixed word, and its sentence."""

from __future__ import annotations

from collections.abc import Mapping
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
NO_POD = "no_pod"
# Where a request came from.
CONTROLLER, CLUSTER, NOWHERE = "controller", "cluster", "nowhere"

# The cluster may reach a source that the machine which runs the playbook does not.
_FROM_HERE = (
    "where the cluster reaches it and only this machine does not: let a pod there read it "
    "(-e source_probe=cluster), -e source_proxy=URL of a proxy that does, or "
    "-e skip_source_check=true if you know that it delivers the same bytes"
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


# The same for what a pod in the cluster saw: Longhorn would see it, too.
_FROM_THERE = (
    "a pod in the cluster asked, as Longhorn does: give another URL with -e new_url=URL, or "
    "-e source_probe=controller if only pods other than Longhorn's are kept from it"
)
_HINTS_THERE = {
    **_HINTS,
    "host": _FROM_THERE,
    "unreachable": _FROM_THERE,
    "tls": "a pod with Longhorn's own image asked, so Longhorn would not trust it either",
}


@dataclass(frozen=True)
class Finding:
    """*ok*: nothing speaks against fetching from there. *proven*: the SHA-512 is the recorded one.
    *word* is one of a fixed list, *text* a sentence without any credential; *seen_from* says where
    the request came from, *because* why it did not come from the cluster where it should have.
    """

    word: str
    text: str
    ok: bool = False
    proven: bool = False
    seen_from: str = CONTROLLER
    delivered: Delivered = Delivered()
    because: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For the result of a module."""
        return {
            "finding": self.word,
            "text": self.text,
            "ok": self.ok,
            "proven": self.proven,
            "checked_from": self.seen_from,
            "because": self.because,
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
    return Finding(SKIPPED, "not checked (skip_source_check)", ok=True, seen_from=NOWHERE)


def no_url() -> Finding:
    """The image records no URL at all."""
    return Finding(NO_URL, "the image records no URL", seen_from=NOWHERE)


def not_asked(expected: Expected, why: str) -> Finding:
    """Nobody was asked yet; a real run asks first."""
    return Finding(
        NOT_ASKED, f"{redact.plain(expected.url)} was not asked: {why}", seen_from=NOWHERE
    )


def no_pod(expected: Expected, why: str) -> Finding:
    """The operator wants it asked by a pod, and there can be none."""
    text = (
        f"{redact.plain(expected.url)} was not asked: no pod can do it in the cluster, because "
        f"{redact.plain(why)}; -e source_probe=auto asks from this machine then"
    )
    return Finding(NO_POD, text, seen_from=NOWHERE)


def find(
    expected: Expected, delivered: Delivered, seen_from: str = CONTROLLER, because: str = ""
) -> Finding:
    """Compare what was delivered with what the image was. *because*: why a pod in the cluster was
    not asked.
    """
    word, text = _told(expected, delivered, _HINTS_THERE if seen_from == CLUSTER else _HINTS)
    because = redact.plain(because)
    if seen_from == CLUSTER:
        text += " (read by a pod in the cluster)"
    elif because:
        text += f" (read by this machine, because {because})"
    ok = word in (SAME, UNPROVEN)
    return Finding(
        word,
        f"{redact.plain(expected.url)} {text}",
        ok=ok,
        proven=word == SAME,
        seen_from=seen_from,
        delivered=delivered,
        because=because,
    )


def _told(expected: Expected, delivered: Delivered, hints: Mapping[str, str]) -> tuple[str, str]:
    """(fixed word, text) of the whole finding."""
    word, text = _against(expected, delivered, hints)
    if word:
        return word, text
    what = f"answers {delivered.status}, {spell_bytes(delivered.received)}"
    cuts = f", cut {delivered.cuts} times on the way" if delivered.cuts else ""
    if expected.checksum:
        return SAME, f"{what}, sha512 as recorded{cuts}"
    why = "no checksum is recorded, so nobody can tell whether it is the same"
    return UNPROVEN, f"{what}; {why}{cuts}"


def _against(expected: Expected, delivered: Delivered, hints: Mapping[str, str]) -> tuple[str, str]:
    """(fixed word, text) of the first thing that speaks against it; ("", "") where nothing does."""
    if expected.size and delivered.length >= 0 and delivered.length != expected.size:
        return CHANGED, (
            f"announces {delivered.length} bytes; the image had {expected.size}. "
            "Longhorn keeps the first size and checksum for good: fetching these fails every time"
        )
    if delivered.trouble == "too_long":
        return CHANGED, (
            f"goes on after {expected.size} bytes, which the image had. "
            "Longhorn keeps the first size and checksum for good: fetching these fails every time"
        )
    if delivered.trouble:
        hint = hints.get(delivered.trouble, "")
        return delivered.trouble, delivered.reason + (f"; {hint}" if hint else "")
    return _against_bytes(expected, delivered)


def _against_bytes(expected: Expected, delivered: Delivered) -> tuple[str, str]:
    size, head = delivered.received, delivered.head
    if expected.checksum and delivered.checksum != expected.checksum:
        return CHANGED, (
            f"delivers other bytes: sha512 {delivered.checksum[:12]}…, recorded is "
            f"{expected.checksum[:12]}…. Longhorn keeps the first checksum for good: "
            "fetching these fails every time"
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
