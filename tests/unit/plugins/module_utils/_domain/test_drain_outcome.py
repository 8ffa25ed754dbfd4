# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcome in one sentence: for every intent, with what speaks against it."""

from __future__ import annotations

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_outcome import (
    expected_words,
    proven_words,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.left_on_node import Left

REBOOT, REMOVE = Request("n3", Intent.REBOOT), Request("n3", Intent.REMOVE)
DISK = Request("n3", Intent.REMOVE, disk="u", disk_name="nvme0")
FULL = Left(replicas=("r",), images=("a", "b"), entries=("a", "b"), disks=("nvme0",))


def against(left: Left, *more: str, reboot: tuple[str, ...] = ()) -> dict[Intent, tuple[str, ...]]:
    gone = (f"{left.words()} left on n3",) if left.data else ()
    return {
        Intent.REBOOT: (*more, *reboot),
        Intent.REINSTALL: (*more, *gone),
        Intent.REMOVE: (*more, *gone),
    }


def test_a_node_drained_for_a_reboot_still_holds_its_data() -> None:
    told = "safe to reboot; NOT safe to reinstall or remove: 2 copies and 1 replica remain"
    assert proven_words(against(FULL), FULL, REBOOT) == told
    assert expected_words(FULL, REBOOT) == told
    one = Left(images=("a",))
    assert proven_words(against(one), one, REBOOT).endswith("remove: 1 copy remains")
    assert expected_words(Left(disks=("nvme0",)), REBOOT) == "safe to reboot, reinstall or remove"


def test_an_empty_one_is_safe_for_everything() -> None:
    empty = Left()
    assert proven_words(against(empty), empty, REMOVE) == "safe to reboot, reinstall or remove"
    assert expected_words(FULL, REMOVE) == "safe to reboot, reinstall or remove"


def test_what_speaks_against_all_is_said_once() -> None:
    empty = Left()
    assert proven_words(against(empty, "n3 is not cordoned"), empty, REMOVE) == (
        "NOT safe to reboot, reinstall or remove: n3 is not cordoned"
    )
    found = against(FULL, reboot=("no proven copy elsewhere: a",))
    assert proven_words(found, FULL, REBOOT) == (
        "NOT safe to reboot: no proven copy elsewhere: a; "
        "NOT safe to reinstall or remove: 2 copies and 1 replica remain"
    )


def test_a_disk_has_one_purpose() -> None:
    assert expected_words(FULL, DISK) == "safe to take the disk out"
    assert proven_words(against(FULL), FULL, DISK) == (
        "NOT safe to take the disk out: 2 copies and 1 replica remain"
    )
    records = Left(manager_records=("a@m",), entries=("a",))
    assert proven_words(against(records), records, DISK) == (
        "NOT safe to take the disk out: 1 file record and 1 status entry remain"
    )
