# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases: how they are named, and what differs between them."""

from __future__ import annotations

import pytest

from tests.simulator.longhorn import names
from tests.simulator.longhorn.profiles import UnknownVersion, profile_for


@pytest.mark.parametrize("text", ["1.12", "1.12.1", "v1.12.1"])
def test_a_release_has_three_spellings(text: str) -> None:
    assert profile_for(text).text == "v1.12.1"


def test_a_bare_minor_means_the_measured_patch() -> None:
    assert [profile_for(minor).text for minor in ("1.6", "1.7")] == ["v1.6.4", "v1.7.3"]


@pytest.mark.parametrize("text", ["1.4", "2.0", "latest", "", "1.12.x"])
def test_other_texts_name_no_release(text: str) -> None:
    with pytest.raises(UnknownVersion):
        profile_for(text)


@pytest.mark.parametrize(
    ("release", "field", "entry"),
    [
        ("1.6", "disks", ""),
        ("1.7", "diskFileSpecMap", {"evictionRequested": False}),
        ("1.8", "diskFileSpecMap", {"dataEngine": "v1", "evictionRequested": False}),
        ("1.12", "diskFileSpecMap", {"dataEngine": "v1", "evictionRequested": False}),
    ],
)
def test_the_placement_map_and_its_entries(release: str, field: str, entry: object) -> None:
    profile = profile_for(release)
    assert (profile.map_field, profile.new_entry()) == (field, entry)


def test_an_entry_without_engine_is_written_back_with_an_empty_one() -> None:
    written = profile_for("1.8").written_entry({})
    assert written == {"dataEngine": "", "evictionRequested": False}
    assert profile_for("1.7").written_entry({}) == {"evictionRequested": False}


@pytest.mark.parametrize(
    ("release", "guarded"),
    [
        ("1.7.4", False),
        ("1.8.1", False),
        ("1.8.2", True),
        ("1.9.0", False),
        ("1.9.1", True),
        ("1.10.0", True),
        ("1.12.1", True),
    ],
)
def test_a_fix_carried_back_counts_per_minor(release: str, guarded: bool) -> None:
    assert profile_for(release).has("guard_replicas") is guarded


@pytest.mark.parametrize(
    ("release", "crashes"),
    [("1.7.0", True), ("1.7.3", True), ("1.7.4", False), ("1.8.0", True), ("1.8.1", False)],
)
def test_a_fault_has_a_first_and_a_last_release(release: str, crashes: bool) -> None:
    assert profile_for(release).bug("crash_on_stale_entry") is crashes


def test_unknown_differences_are_mistakes() -> None:
    with pytest.raises(KeyError):
        profile_for("1.12").has("no_such_thing")


def test_names_of_managers_follow_the_release() -> None:
    disk = "2f10bb74-e671-4430-946e-e1fa94fbe1e9"
    assert names.manager_name(profile_for("1.6.4"), "d0b13131-a52d") == (
        "backing-image-manager-01ed-d0b1"
    )
    assert names.manager_name(profile_for("1.12.1"), disk).startswith("bim-357088d92d8860ed")
    assert len(names.manager_name(profile_for("1.9.2"), disk)) == len("bim-") + 64
