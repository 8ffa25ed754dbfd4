# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts from the cluster as they may be shown: without credentials in URLs, on one line."""

from __future__ import annotations

import re

_URL = re.compile(
    r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)(?P<user>[^\s/\"'@]*@)?(?P<rest>[^\s\"'?#]*)"
    r"(?P<query>[?#][^\s\"']*)?"
)
LENGTH_MAX = 256


def _without_secrets(match: re.Match[str]) -> str:
    hidden = "?…" if match["query"] else ""
    return f"{match['scheme']}{match['rest']}{hidden}"


def printable(text: str) -> str:
    """The text with control characters replaced: a key of a map may be any text, and must not move
    the cursor of a terminal.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def plain(text: str) -> str:
    """The text with user names, passwords and queries of URLs taken out (a signed URL carries its
    signature there), control characters replaced, and at most 256 characters long.
    """
    shown = printable(_URL.sub(_without_secrets, text))
    return shown if len(shown) <= LENGTH_MAX else shown[: LENGTH_MAX - 1] + "…"
