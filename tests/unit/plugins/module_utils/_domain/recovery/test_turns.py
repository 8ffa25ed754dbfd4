# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many lost images: the most urgent first, one after the other per disk, and not all at once."""

from __future__ import annotations

import dataclasses
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import turns
from tests.unit.plugins.module_utils._domain.recovery.builders import Scene, ticket

LOST = Scene(states={"d1": "failed", "d2": "failed"})


def emptied(*keys: str, **more: Any) -> Scene:
    """Its map was emptied; the keys it had are in our note."""
    listed = ",".join(f'"{key}"' for key in keys)
    note = f'{{"recovery":{{"keys":[{listed}]}}}}'
    return Scene(states=more.pop("states", {}), note=note, **more)


def fetching(disk: str) -> Scene:
    return emptied(
        "d1", "d2", states={disk: ""}, transferred=False, source_disk=disk, source_state="starting"
    )


def test_what_waits_comes_first() -> None:
    idle = LOST.sight()
    used = dataclasses.replace(LOST, with_volume=True).sight()
    wanted = dataclasses.replace(LOST, tickets=ticket()).sight()
    assert sorted([idle, used, wanted], key=turns.urgency) == [wanted, used, idle]


def test_an_image_waits_while_another_leaves_its_disk() -> None:
    wait = turns.why_not_yet(LOST.sight(), [emptied("d2", "d3").sight()])
    assert wait == "its turn on a disk, after img"
    assert turns.why_not_yet(LOST.sight(), [emptied("d3").sight()]) == ""


def test_a_manager_that_keeps_other_images_is_no_reason_to_wait() -> None:
    sight = LOST.sight()
    cluster = sight.cluster
    kept = {
        name: dataclasses.replace(manager, images={"another": "uuid"})
        for name, manager in cluster.managers.items()
    }
    beside = dataclasses.replace(sight, cluster=dataclasses.replace(cluster, managers=kept))
    assert turns.why_not_yet(beside, [emptied("d2", "d3").sight()]) == ""


def test_an_image_that_is_fetched_already_is_in_nobodys_way() -> None:
    assert turns.why_not_yet(LOST.sight(), [fetching("d1").sight()]) == ""


def test_one_that_began_in_this_round_counts_with_the_keys_it_still_shows() -> None:
    assert turns.why_not_yet(LOST.sight(), [LOST.sight()])


def test_no_more_at_once_than_the_nodes_take() -> None:
    limit = turns.most_at_once(LOST.cluster())
    assert limit == 15
    assert turns.why_not_yet(LOST.sight(), [fetching("d1").sight()] * (limit - 1)) == ""
    assert "at most 15" in turns.why_not_yet(LOST.sight(), [fetching("d1").sight()] * limit)
    assert turns.most_at_once(dataclasses.replace(LOST, down=["n1", "n2"]).cluster()) == 5


def test_one_that_is_back_takes_no_place() -> None:
    back = emptied("d1", states={"d1": "ready"}).sight()
    assert turns.has_begun(back)
    assert turns.why_not_yet(LOST.sight(), [back]) == ""
