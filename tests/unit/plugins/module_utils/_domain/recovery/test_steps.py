# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of a recovery, decided from one picture at a time."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    ManagerFile,
    Workload,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.steps import (
    Action,
    Step,
    next_step,
    own_targets,
    volume_trouble,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    see,
)
from tests.unit.plugins.module_utils._domain import build
from tests.unit.plugins.module_utils._domain.recovery.builders import NAME, Scene, ticket

NOTE = '{"recovery":{"emptied_for":"source-uid","keys":["d1","d2"]}}'
FAILED = {"d1": "failed", "d2": "failed"}


def step(accept: bool = False, **scene: Any) -> Step:
    return next_step(Scene(**scene).window(), accept_unknown_loss=accept)


def test_tickets_first() -> None:
    found = step(states=FAILED, tickets=ticket(), volume_state="attaching")
    assert (found.action, found.names) == (Action.TAKE_TICKETS, ("vol",))


def test_then_the_volume_is_waited_for() -> None:
    found = step(states=FAILED, saved=True, volume_state="detaching")
    assert found.action is Action.WAIT
    assert "vol" in found.text


def test_then_the_map_is_emptied() -> None:
    assert step(states=FAILED, saved=True).action is Action.EMPTY_MAP


def test_then_records_of_living_managers_are_waited_for() -> None:
    found = step(note=NOTE, recording=["d1"])
    assert found.action is Action.WAIT
    assert "1 manager " in found.text


def test_records_of_dead_managers_do_not_count() -> None:
    found = step(note=NOTE, recording=["d1"], down=["n1"])
    assert found.action is Action.DELETE_SOURCE


def test_then_the_data_source_is_deleted_if_it_counts_its_work_as_done() -> None:
    found = step(note=NOTE)
    assert (found.action, found.names) == (Action.DELETE_SOURCE, ("source-uid",))


def test_a_download_that_began_by_itself_is_not_cut_off() -> None:
    found = step(
        note=NOTE, states={"d1": "in-progress"}, transferred=False, source_state="starting"
    )
    assert found.action is Action.WAIT


def test_a_failing_try_is_waited_for_and_marked() -> None:
    found = step(
        note=NOTE,
        states={"d1": "failed"},
        transferred=False,
        source_state="failed-and-cleanup",
        source_message="no such host",
    )
    assert (found.action, found.failing) == (Action.WAIT, True)
    assert "no such host" in found.text


def test_with_the_first_copy_the_tickets_go_back() -> None:
    found = step(note=NOTE, states={"d1": "ready"}, saved=True)
    assert (found.action, found.names) == (Action.GIVE_TICKETS, ("vol",))


def test_then_more_copies_are_waited_for_where_longhorn_makes_them() -> None:
    found = step(note=NOTE, states={"d1": "ready", "d2": "in-progress"})
    assert found.action is Action.WAIT
    assert "1 of 2 copies" in found.text


def test_up_to_1_6_further_keys_are_ours() -> None:
    found = step(version="v1.6.4", note=NOTE, states={"d1": "ready"})
    assert found.action is Action.ADD_KEYS
    assert len(found.names) == 1
    assert found.names[0] in {"d2", "d3"}


def test_no_more_copies_are_asked_for_than_disks_can_take() -> None:
    found = step(states={"d1": "ready"}, min_copies=5, nodes=1)
    assert found.action is Action.DONE


def test_more_copies_than_wanted_are_told_as_such() -> None:
    found = step(states={"d1": "ready", "d2": "ready", "d3": "ready"})
    assert (found.action, found.text) == (Action.DONE, "3 copies healthy (2 wanted)")


def together(states: dict[str, str], **scene: Any) -> Step:
    """The next step where the disks d1 and d2 are both on node n1, and n2 has none."""
    cluster = Scene(states=states, **scene).cluster()
    first, second = cluster.nodes["n1"], cluster.nodes["n2"]
    moved = dataclasses.replace(second.disks[0], node="n1", name="second")
    nodes = {
        **cluster.nodes,
        "n1": dataclasses.replace(first, disks=(*first.disks, moved)),
        "n2": dataclasses.replace(second, disks=()),
    }
    cluster = dataclasses.replace(cluster, nodes=nodes)
    return next_step([see(cluster, cluster.images[NAME], at) for at in (0.0, 12.0)])


def test_wanted_copies_on_one_node_get_one_on_another() -> None:
    found = together({"d1": "ready", "d2": "ready"})
    assert (found.action, found.names) == (Action.ADD_KEYS, ("d3",))
    assert "all copies are on n1" in found.text
    arriving = together({"d1": "ready", "d2": "ready", "d3": "in-progress"})
    assert arriving.action is Action.WAIT and "n3/disk" in arriving.text
    apart = {"d1": "ready", "d2": "ready", "d3": "ready"}
    assert together(apart).action is Action.DONE


def test_where_no_other_node_can_take_one_it_is_done() -> None:
    assert together({"d1": "ready", "d2": "ready"}, down=["n3"]).action is Action.DONE
    assert together({"d1": "ready"}, min_copies=1).action is Action.DONE
    failed = {"d1": "ready", "d2": "ready", "d3": "failed"}
    assert together(failed).action is Action.DONE


def test_pods_that_still_wait_are_named_at_the_end() -> None:
    pods = (
        Workload("default", "db-0", "StatefulSet", "db", "Pending"),
        Workload("default", "web-0", "StatefulSet", "web", "Running"),
    )
    found = step(states={"d1": "ready", "d2": "ready"}, with_volume=True, workloads=pods)
    assert found.action is Action.DONE
    assert found.text == "2 of 2 copies healthy; waiting for it: pod default/db-0 (Pending)"


def test_then_volumes_that_somebody_wants_must_be_healthy() -> None:
    ready = {"d1": "ready", "d2": "ready"}
    waiting = step(note=NOTE, states=ready, tickets=ticket(), volume_state="attaching")
    assert waiting.action is Action.WAIT
    well: dict[str, Any] = {"volume_state": "attached", "robustness": "healthy"}
    assert step(note=NOTE, states=ready, tickets=ticket(), **well).action is Action.FORGET
    assert step(states=ready, tickets=ticket(), **well).action is Action.DONE


def test_the_way_out_of_the_hang() -> None:
    hang: dict[str, Any] = {"transferred": False, "source_state": "ready"}
    assert step(states=FAILED, **hang).action is Action.EMPTY_MAP
    # The data source has put its own key back; the record is still there, then it is gone.
    recorded = Scene(note=NOTE, states={"d1": "failed"}, recording=["d1"], **hang)
    assert next_step(recorded.window(8.0)).action is Action.WAIT
    # It was put back before the managers had looked: once more.
    assert next_step(recorded.window(12.0)).action is Action.EMPTY_MAP
    assert step(note=NOTE, states={"d1": ""}, **hang).action is Action.DELETE_SOURCE


STATES = st.sampled_from(
    ["", "pending", "starting", "in-progress", "ready", "failed", "failed-and-cleanup", "unknown"]
)
DISKS = ["d1", "d2", "d3"]
SCENES = st.builds(
    Scene,
    version=st.sampled_from(["v1.6.4", "v1.7.3", "v1.12.1"]),
    states=st.dictionaries(st.sampled_from(DISKS), STATES),
    progress=st.integers(0, 100),
    transferred=st.booleans(),
    source=st.booleans(),
    source_state=STATES,
    down=st.lists(st.sampled_from(["n1", "n2", "n3"]), max_size=2),
    gone=st.lists(st.sampled_from(DISKS), max_size=1),
    managers_down=st.lists(st.sampled_from(DISKS), max_size=2),
    recording=st.lists(st.sampled_from(DISKS), max_size=2),
    tickets=st.sampled_from([{}, ticket(), ticket("csi-attacher")]),
    saved=st.booleans(),
    volume_state=st.sampled_from(["detached", "attaching", "attached"]),
    note=st.sampled_from(["", NOTE]),
    min_copies=st.integers(1, 3),
)


@settings(max_examples=400, deadline=None)
@given(scenes=st.lists(SCENES, min_size=1, max_size=3))
def test_the_map_is_never_emptied_while_a_file_is_or_may_be_somewhere(scenes: list[Scene]) -> None:
    window = [scene.sight(6.0 * index) for index, scene in enumerate(scenes)]
    found = next_step(window)
    if found.action is Action.EMPTY_MAP:
        assert not any(sight.exists or sight.may_exist for sight in window)
        assert not window[-1].cluster.attachments or all(
            kind.type != "longhorn-api"
            for attachment in window[-1].cluster.attachments.values()
            for kind in attachment.tickets.values()
        )
    if found.action is Action.DELETE_SOURCE:
        assert not window[-1].exists


@settings(max_examples=200, deadline=None)
@given(scenes=st.lists(SCENES, min_size=1, max_size=2))
def test_the_operators_word_never_covers_a_copy_that_is_ready(scenes: list[Scene]) -> None:
    window = [scene.sight(6.0 * index) for index, scene in enumerate(scenes)]
    found = next_step(window, accept_unknown_loss=True)
    if found.action is Action.EMPTY_MAP:
        assert not any(sight.exists for sight in window)


# -- Longhorn begins in the moment the map is empty ------------------------------------------------
def early(record: str, *keys: str, times: int = 1, state: str = "starting") -> list[Sight]:
    """It turned the data source over before d1's manager had dropped its record."""
    note = f'{{"recovery":{{"keys":["d1"],"emptied_for":"source-uid","times":{times}}}}}'
    scene = Scene(
        states=dict.fromkeys(keys or ("d1",), ""), transferred=False, source_state=state, note=note
    )
    cluster = scene.cluster()
    manager = dataclasses.replace(
        cluster.managers["m1"],
        images={NAME: "abcd"},
        files={NAME: ManagerFile(NAME, state=record)} if record else {},
    )
    cluster = dataclasses.replace(cluster, managers={**cluster.managers, "m1": manager})
    return [see(cluster, cluster.images[NAME], at) for at in (0.0, 12.0)]


def test_a_download_that_its_old_record_would_hang_is_begun_anew_at_once() -> None:
    step = next_step(early("failed"))
    assert (step.action, step.names) == (Action.DELETE_SOURCE, ("source-uid",))


@pytest.mark.parametrize(
    "window",
    [early(""), early("in-progress"), early("failed", "d1", "d2"), early("failed", times=0)],
    ids=["no record", "its own record", "other keys are there", "not emptied by us"],
)
def test_any_other_download_is_only_watched(window: list[Sight]) -> None:
    assert next_step(window).action is Action.WAIT


def test_a_hang_that_outlasts_two_emptyings_ends_with_its_data_source() -> None:
    assert next_step(early("failed", times=2, state="ready")).action is Action.DELETE_SOURCE


def test_a_data_source_of_another_url_is_replaced_when_the_operator_gave_a_new_one() -> None:
    url = "http://user:secret@images.local/f.img?sig=abc"
    assert next_step(early(""), new_url="http://new/f.img").action is Action.SET_URL
    window = early("")
    source = dataclasses.replace(window[-1].source, parameters={"url": "http://old/f.img"})
    moved = [dataclasses.replace(sight, source=source) for sight in window]
    step = next_step(moved, new_url=url)
    assert (step.action, step.text) == (
        Action.DELETE_SOURCE,
        "deleting the data source that still fetches from the old URL",
    )


def test_without_a_new_url_only_a_recovery_of_ours_replaces_it() -> None:
    def moved(window: list[Sight]) -> list[Sight]:
        source = dataclasses.replace(window[-1].source, parameters={"url": "http://old/f.img"})
        return [dataclasses.replace(sight, source=source) for sight in window]

    assert next_step(moved(early(""))).action is Action.DELETE_SOURCE, "ours: it has our note"
    bare = Scene(states={"d1": ""}, transferred=False, source_state="starting")
    cluster = bare.cluster()
    manager = dataclasses.replace(cluster.managers["m1"], images={NAME: "abcd"})
    cluster = dataclasses.replace(cluster, managers={**cluster.managers, "m1": manager})
    window = [see(cluster, cluster.images[NAME], at) for at in (0.0, 12.0)]
    assert next_step(moved(window)).action is Action.WAIT, "Longhorn's own work is left alone"


def going(states: dict[str, str], *, transferred: bool = False, after: float = 60.0) -> Step:
    """The next step for a data source that has been in its deletion for so long."""
    cluster = Scene(states=states, transferred=transferred, note=NOTE).cluster()
    source = cluster.data_sources[NAME]
    source = dataclasses.replace(source, meta=dataclasses.replace(source.meta, deleting=True))
    cluster = dataclasses.replace(cluster, data_sources={NAME: source})
    return next_step([see(cluster, cluster.images[NAME], at) for at in (0.0, after)])


def test_a_data_source_that_hangs_in_its_deletion_gets_a_manager_to_clean_up() -> None:
    found = going({})
    assert (found.action, found.names) == (Action.ADD_KEYS, ("d1",))
    assert going({}, after=5.0).action is Action.WAIT
    assert going({"d1": ""}).action is Action.WAIT, "it has one"


def test_own_targets_are_where_a_replica_waits_and_no_more_than_asked_for() -> None:
    cluster = Scene(version="v1.6.4", states={"d1": "ready"}, with_volume=True).cluster()
    replica = cluster.replicas["vol-r"]
    waiting = {
        f"r{number}": dataclasses.replace(
            replica, disk=f"d{number}", meta=dataclasses.replace(replica.meta, name=f"r{number}")
        )
        for number in (1, 2, 3)
    }
    cluster = dataclasses.replace(cluster, replicas=waiting)
    image = cluster.images[NAME]
    assert own_targets(cluster, image, 2) == ("d2", "d3"), "d1 has a copy"
    assert own_targets(cluster, image, 1) == ("d2",)
    off = dataclasses.replace(cluster.nodes["n2"].disks[0], allow_scheduling=False)
    nodes = {**cluster.nodes, "n2": dataclasses.replace(cluster.nodes["n2"], disks=(off,))}
    assert own_targets(dataclasses.replace(cluster, nodes=nodes), image, 2) == ("d3",)


def volume_told(wanted: int, running: int, modes: int, nodes: int = 3, **fields: Any) -> str:
    """What is wrong with an attached, degraded volume of which so many replicas run."""
    things: list[Any] = [build.node(f"n{number}") for number in range(1, nodes + 1)]
    names = [f"r{number}" for number in range(1, running + 1)]
    things += [build.replica(name, "v", f"n{name[1:]}") for name in names]
    volume = build.volume("v", wanted, **{"robustness": "degraded", **fields})
    cluster = build.cluster("1.12.1", *things, volume, build.engine("v", "n1", names[:modes]))
    return volume_trouble(cluster, volume)


def test_a_volume_is_well_with_as_many_replicas_as_nodes_can_have() -> None:
    assert not volume_told(3, 2, 2, nodes=2)
    assert not volume_told(1, 1, 1, robustness="healthy")
    degraded = "volume v is attached, degraded"
    assert volume_told(3, 2, 2) == degraded, "a third node could have one"
    assert volume_told(3, 2, 1, nodes=2) == degraded, "the engine does not have it yet"
    assert volume_told(3, 1, 1, nodes=2) == degraded
    assert volume_told(2, 2, 2, robustness="faulted") == "volume v is attached, faulted"
    assert volume_told(2, 2, 2, state="detached") == "volume v is detached"


def stranded_scene(**more: Any) -> Scene:
    """A volume that stays detaching because the node of its replica is down (Longhorn 1.6.4)."""
    return Scene(
        version="v1.6.4",
        down=["n1"],
        with_volume=True,
        volume_state="detaching",
        replica_state="running",
        **more,
    )


def test_a_volume_that_only_a_dead_node_keeps_detaching_is_not_waited_for() -> None:
    lost = stranded_scene(states={"d1": "unknown", "d2": "failed"})
    assert next_step(lost.window(), accept_unknown_loss=True).action is Action.EMPTY_MAP
    alive = Scene(version="v1.6.4", states={"d2": "failed"}, with_volume=True)
    alive.volume_state, alive.replica_state = "detaching", "running"
    assert next_step(alive.window()).action is Action.WAIT


def test_the_end_of_a_recovery_names_a_volume_that_a_dead_node_holds() -> None:
    back = stranded_scene(states={"d2": "ready"}, tickets=ticket())
    step = next_step(back.window())
    assert step.action is Action.DONE
    assert "volume vol stays detaching" in step.text and "n1" in step.text


def test_the_key_of_a_dead_disk_does_not_ask_for_ever_more_copies() -> None:
    note = '{"recovery":{"emptied_for":"uid","keys":["d1","d2"],"times":1}}'
    more: dict[str, Any] = {"version": "v1.6.4", "nodes": 6, "down": ["n2"], "note": note}
    short = Scene(states={"d1": "ready", "d2": "unknown"}, **more)
    step = next_step(short.window())
    assert (step.action, len(step.names)) == (Action.ADD_KEYS, 1)
    enough = Scene(states={"d1": "ready", "d2": "unknown", "d3": "ready"}, **more)
    assert next_step(enough.window()).action is Action.FORGET
