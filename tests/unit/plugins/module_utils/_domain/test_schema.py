# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two generations of the placement map, and the versions that may not be worked on."""

from __future__ import annotations

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import (
    UnsupportedLonghorn,
    Version,
    detect,
    escape,
)


@pytest.mark.parametrize(
    ("version", "path", "entry"),
    [
        ("v1.5.5", "/spec/disks", ""),
        ("v1.6.4", "/spec/disks", ""),
        ("v1.7.3", "/spec/diskFileSpecMap", {"evictionRequested": False}),
        ("v1.8.0", "/spec/diskFileSpecMap", {"dataEngine": "v1", "evictionRequested": False}),
        ("v1.12.1", "/spec/diskFileSpecMap", {"dataEngine": "v1", "evictionRequested": False}),
    ],
)
def test_entries_are_written_in_full(version: str, path: str, entry: object) -> None:
    schema = detect(version, [])
    assert schema.map_path == path
    assert schema.entry() == entry


def test_an_image_of_the_second_engine_gets_its_own_entry() -> None:
    assert detect("1.11.3", []).entry("v2") == {"dataEngine": "v2", "evictionRequested": False}


@pytest.mark.parametrize("version", ["v1.4.4", "v1.13.0", "v2.0.0", "master-head", ""])
def test_unknown_releases_are_refused(version: str) -> None:
    with pytest.raises(UnsupportedLonghorn):
        detect(version, [])


def test_a_half_done_upgrade_is_refused() -> None:
    with pytest.raises(UnsupportedLonghorn, match="upgrade is going on"):
        detect("v1.6.4", [{"disks": {}, "diskFileSpecMap": {"uuid": {}}}])
    with pytest.raises(UnsupportedLonghorn, match="upgrade is going on"):
        detect("v1.6.4", [], served=["disks", "diskFileSpecMap"])
    with pytest.raises(UnsupportedLonghorn, match=r"no spec\.diskFileSpecMap"):
        detect("v1.7.3", [], served=["disks"])


def test_leftovers_of_the_old_map_do_not_disturb() -> None:
    assert (
        detect("v1.9.3", [{"disks": {"uuid": ""}, "diskFileSpecMap": {}}]).map_field
        == "diskFileSpecMap"
    )


@pytest.mark.parametrize(
    ("version", "refused"),
    [
        ("1.6.4", False),
        ("1.7.0", True),
        ("1.7.3", True),
        ("1.7.4", True),
        ("1.8.1", True),
        ("1.8.2", False),
        ("1.9.0", True),
        ("1.9.1", False),
        ("1.12.1", False),
    ],
)
def test_eviction_flags_only_where_they_are_safe(version: str, refused: bool) -> None:
    assert bool(detect(version, []).eviction_flags_refused) is refused


def test_versions_compare_as_numbers() -> None:
    assert Version.parse("v1.12.0") > Version.parse("1.9.3-rc1")
    assert str(Version.parse("1.9.3-rc1")) == "1.9.3"


def test_pointer_escape() -> None:
    assert escape("a/b~c") == "a~1b~0c"
