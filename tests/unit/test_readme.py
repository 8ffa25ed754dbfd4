# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the READMEs tell people to type exists: playbooks, their variables, make targets, links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.material import CHECKOUT

PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "roles").glob("*/README.md"))]
COMMAND = re.compile(r"ansible-playbook (?:-i \S+ )?nodecare\.longhorn\.(\w+)([^\n`#]*)")
MAKE = re.compile(r"`make ([a-z-]+)|^make ([a-z-]+)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
EVERY_PLAY = {"target"}


def variables(text: str) -> set[str]:
    """Names that follow -e in the rest of a command, as NAME=VALUE or as one JSON object."""
    words = shlex.split(text)
    given = [value for option, value in zip(words, words[1:], strict=False) if option == "-e"]
    return {
        name
        for value in given
        for name in (
            re.findall(r'"(\w+)":', value) if value.startswith("{") else [value.partition("=")[0]]
        )
    }


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub links them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_command_names_a_playbook_and_variables_that_it_has(page: Path) -> None:
    for name, rest in COMMAND.findall(page.read_text()):
        book = CHECKOUT / "playbooks" / f"{name}.yml"
        assert book.is_file(), name
        known = set(re.findall(r"\w+", book.read_text())) | EVERY_PLAY
        assert variables(rest) <= known, (name, variables(rest) - known)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        path, _sign, anchor = link.partition("#")
        if path.startswith("http"):
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    named = {a or b for page in PAGES for a, b in MAKE.findall(page.read_text())}
    assert len(named) > 5 and named <= targets, named - targets
