# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an undone drain must look like (procedures.md P2.5): everything as it was, except copies and
replicas that had left the node; each of those is named in the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.crash.observer import differences

EXACT = ("nodes", "cordoned", "notes", "tickets", "lock")


def told(results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The lines of the report, or of what was said where there was no report."""
    finish = results.get("finish") or results.get("proof") or {}
    return [str(line) for line in finish.get("report") or ()]


def judge(
    before: Mapping[str, Any], outcome: Mapping[str, Any], *, lucky: bool = False
) -> tuple[str, list[str]]:
    """What has moved, in words; and everything that is not as it must be.

    lucky: a replica that Longhorn has placed may have brought a copy beside our own target.
    """
    after = outcome["state"]
    problems = [line for what in EXACT for line in differences(before[what], after[what], what)]
    moved: list[str] = []
    for name, then in before["images"].items():
        kept = int(lucky) + sum(f"kept      image {name} on" in line for line in outcome["told"])
        left = _judge_image(name, then, after["images"].get(name) or {}, kept, problems)
        moved += [f"image {name}"] * left
    for name, then in before["volumes"].items():
        left = _judge_volume(name, then, after["volumes"].get(name) or {}, problems)
        moved += [f"volume {name}"] * left
    said = [line for line in outcome["told"] if line.strip().startswith("moved ")]
    problems += [
        f"{what} has moved and the report does not say so: {outcome['told']}"
        for what in sorted(set(moved))
        if not any(what.partition(" ")[2] in line for line in said)
    ]
    if said and not moved:
        problems.append(f"the report tells of moves that were none: {said}")
    return ", ".join(sorted(set(moved))), problems


def _judge_image(
    name: str, then: dict[str, Any], now: dict[str, Any], kept: int, problems: list[str]
) -> int:
    here, still = set(then["here"]), set(now.get("here") or ())
    if still - here:
        problems.append(f"image {name} has a key on the node that it did not have")
    left = len(here - still)
    total = len(here) + then["elsewhere"]
    keys = len(still) + int(now.get("elsewhere", 0))
    # What left is replaced elsewhere (kept, or by a drain that had ended), or it was one too many.
    if keys not in range(total - left, total - left + kept + 1) and keys != total:
        problems.append(f"image {name} has {keys} keys instead of {total}")
    if now.get("ready") != keys:
        problems.append(f"image {name} has {now.get('ready')} ready copies for {keys} keys")
    if now.get("minimum") != then["minimum"]:
        problems.append(f"image {name}: minNumberOfCopies {now.get('minimum')}")
    problems += differences(then["entries"], now.get("entries"), f"image {name} entries")
    return left


def _judge_volume(name: str, then: dict[str, Any], now: dict[str, Any], problems: list[str]) -> int:
    for field in ("number", "state", "robustness", "evicting"):
        problems += differences(then[field], now.get(field), f"volume {name} {field}")
    total = then["here"] + then["elsewhere"]
    held = int(now.get("here", 0)) + int(now.get("elsewhere", 0))
    if held != total:
        problems.append(f"volume {name} has {held} replicas instead of {total}")
    return max(0, int(then["here"]) - int(now.get("here", 0)))
