# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node or disk is safe for, in one sentence: before the work (expected) and after (proven).

A node that is drained for a reboot still holds its data; who reinstalls it then loses them. So the
outcome is always told for every intent, with what speaks against the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.left_on_node import Left

TAKE_OUT = "take the disk out"
PUT_ASIDE = {
    Intent.REBOOT: "reboot",
    Intent.REINSTALL: "reinstall",
    Intent.REMOVE: "remove",
}


def proven_words(against: Mapping[Intent, Sequence[str]], left: Left, request: Request) -> str:
    """The outcome of what was proven. against: the reasons per intent, none for a safe one."""
    if request.disk:
        return _sentence({TAKE_OUT: _why(against[Intent.REMOVE], left)})
    return _sentence({PUT_ASIDE[intent]: _why(against[intent], left) for intent in Intent})


def expected_words(left: Left, request: Request) -> str:
    """The outcome that a plan without blockers leads to. left: what is there now."""
    if request.disk:
        return _sentence({TAKE_OUT: ""})
    stays = "" if request.intent.leaves or not left.data else remaining(left)
    return _sentence(
        {PUT_ASIDE[i]: stays if i.leaves and not request.intent.leaves else "" for i in Intent}
    )


def remaining(left: Left) -> str:
    """`2 copies and 1 replica remain`; everything that is left where neither is."""
    words = left.words(("copies", "replicas"), " and ") or left.words(joint=" and ")
    return f"{words} {'remains' if words.startswith('1 ') and ' and ' not in words else 'remain'}"


def _why(reasons: Sequence[str], left: Left) -> str:
    """What is left on it says more than the sentence that there is something."""
    others = [reason for reason in reasons if not reason.startswith(left.words())]
    data = [remaining(left)] if len(others) < len(reasons) else []
    return ", ".join([*data, *others])


def _sentence(against: Mapping[str, str]) -> str:
    """against: what might be done, and the reason against it ("" when it is safe)."""
    safe = [what for what, why in against.items() if not why]
    parts = [f"safe to {_or(safe)}"] if safe else []
    for why in dict.fromkeys(why for why in against.values() if why):
        parts.append(
            f"NOT safe to {_or([w for w, found in against.items() if found == why])}: {why}"
        )
    return "; ".join(parts)


def _or(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
