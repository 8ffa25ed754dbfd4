# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tickets are taken and given back exactly as they were, in one write each."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import tickets
from tests.simulator.patches import json_patch
from tests.unit.plugins.module_utils._domain.recovery.builders import raw_attachment

BEFORE = "longhorn.nodecare.dev/before"
API: dict[str, Any] = {
    "id": "ui",
    "type": "longhorn-api",
    "nodeID": "n1",
    "generation": 3,
    "parameters": {"disableFrontend": "false", "lastAttachedBy": ""},
}


def patched(raw: dict[str, Any], ops: list[dict[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = json_patch(copy.deepcopy(raw), ops)
    return result


def test_only_tickets_of_the_api_are_taken() -> None:
    csi = {**API, "id": "csi", "type": "csi-attacher"}
    raw = raw_attachment(ui=API, csi=csi)
    after = patched(raw, tickets.take(raw))
    assert after["spec"]["attachmentTickets"] == {"csi": csi}
    saved = json.loads(after["metadata"]["annotations"][BEFORE])
    assert saved == {"tickets": {"ui": API}}


def test_nothing_to_take_is_no_write() -> None:
    assert tickets.take(raw_attachment()) == []
    assert tickets.give_back(raw_attachment(ui=API)) == []


def test_a_second_taking_keeps_what_the_first_one_saved() -> None:
    raw = raw_attachment(ui=API)
    once = patched(raw, tickets.take(raw))
    once["spec"]["attachmentTickets"]["other"] = {**API, "id": "other"}
    twice = patched(once, tickets.take(once))
    saved = json.loads(twice["metadata"]["annotations"][BEFORE])["tickets"]
    assert sorted(saved) == ["other", "ui"]


def test_a_ticket_that_is_there_again_is_not_overwritten() -> None:
    raw = raw_attachment(ui=API)
    taken = patched(raw, tickets.take(raw))
    again = {**API, "nodeID": "n2"}
    taken["spec"]["attachmentTickets"] = {"ui": again}
    back = patched(taken, tickets.give_back(taken))
    assert back["spec"]["attachmentTickets"] == {"ui": again}
    assert BEFORE not in back["metadata"]["annotations"]


IDS = st.text("abc/~0", min_size=1, max_size=5)
TICKETS = st.dictionaries(
    IDS,
    st.fixed_dictionaries(
        {"type": st.just("longhorn-api"), "nodeID": st.sampled_from(["n1", "n2"])}
    ),
)
NOTES = st.none() | st.dictionaries(
    st.sampled_from(["other.example/x", BEFORE]), st.just('{"replicas":2}'), max_size=2
)


@given(live=TICKETS, annotations=NOTES)
def test_taking_and_giving_back_changes_nothing(
    live: dict[str, Any], annotations: dict[str, str] | None
) -> None:
    raw = raw_attachment(annotations, **{})
    raw["spec"]["attachmentTickets"] = {key: {**value, "id": key} for key, value in live.items()}
    taken = patched(raw, tickets.take(raw))
    assert live == {} or taken["spec"]["attachmentTickets"] == {}
    back = patched(taken, tickets.give_back(taken))
    assert back["spec"] == raw["spec"]
    assert (back["metadata"].get("annotations") or {}) == (annotations or {})


def test_the_ticket_of_a_snapshot_that_waits_for_the_lost_image_is_taken_and_comes_back() -> None:
    snapshot = {**API, "id": "snapshot-controller-x", "type": "snapshot-controller"}
    raw = raw_attachment(ui=API, **{"snapshot-controller-x": snapshot})
    taken = patched(raw, tickets.take(raw))
    assert taken["spec"]["attachmentTickets"] == {}
    back = patched(taken, tickets.give_back(taken))
    assert back["spec"]["attachmentTickets"] == raw["spec"]["attachmentTickets"]
