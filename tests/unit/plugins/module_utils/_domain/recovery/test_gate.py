# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which image may be recovered, which is left alone, which is refused, and in what words."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Workload
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.gate import (
    Decision,
    Gate,
    decide,
)
from tests.unit.plugins.module_utils._domain.recovery.builders import Scene, ticket

BOTH_FAILED = {"d1": "failed", "d2": "failed"}


def gate(accept: bool = False, **scene: Any) -> Gate:
    return decide(Scene(**scene).window(), accept_unknown_loss=accept)


def test_a_lost_download_is_recovered() -> None:
    assert gate(states=BOTH_FAILED).decision is Decision.RECOVER


@pytest.mark.parametrize(
    "states", [{"d1": "ready", "d2": "ready"}, {"d1": "ready", "d2": "failed"}]
)
def test_an_image_with_a_ready_copy_is_left_alone(states: dict[str, str]) -> None:
    found = gate(states=states)
    assert found.decision is Decision.LEAVE
    assert "left alone" in found.text


@pytest.mark.parametrize("kind", ["upload", "export-from-volume", "restore", "clone"])
def test_another_type_is_refused_with_a_way_on(kind: str) -> None:
    found = gate(states=BOTH_FAILED, source_type=kind)
    assert found.decision is Decision.REFUSE
    assert "was not touched" in found.text
    assert "ways on:\n    1. " in found.text
    assert found.ways


def test_an_unknown_copy_needs_the_operators_word() -> None:
    states = {"d1": "failed", "d2": "unknown"}
    refused = gate(states=states, down=["n2"])
    assert refused.decision is Decision.REFUSE
    assert "n2/disk may come back" in refused.text
    assert "accept_unknown_loss=true" in refused.text
    assert gate(accept=True, states=states, down=["n2"]).decision is Decision.RECOVER


def test_a_disk_that_no_node_has_any_more_needs_no_word() -> None:
    states = {"d1": "failed", "d2": "unknown"}
    assert gate(states=states, gone=["d2"]).decision is Decision.RECOVER


def test_a_copy_reads_ready_on_a_node_that_is_down() -> None:
    found = gate(states={"d1": "failed", "d2": "ready"}, down=["n2"])
    assert found.decision is Decision.REFUSE


def test_no_copy_reported_and_its_manager_down_is_not_a_loss() -> None:
    found = gate(states={"d1": "failed", "d2": ""}, managers_down=["d2"])
    assert found.decision is Decision.REFUSE


def test_a_copy_that_was_ready_inside_the_window_stops_it() -> None:
    window = [
        Scene(states={"d1": "failed", "d2": "ready"}).sight(0.0),
        Scene(states=BOTH_FAILED).sight(5.0),
    ]
    assert decide(window).decision is Decision.REFUSE


@pytest.mark.parametrize("progress", [(10, 11), (10, 10), (100, 100)])
def test_a_copy_that_arrives_stops_it(progress: tuple[int, int]) -> None:
    """Also where the progress stands still: one per cent of a large file takes longer than the
    window, and at 100 its checksum is being computed.
    """
    moving = {"d1": "failed", "d2": "in-progress"}
    window = [
        Scene(states=moving, progress=p).sight(at)
        for at, p in zip((0.0, 12.0), progress, strict=True)
    ]
    found = decide(window)
    assert found.decision is Decision.REFUSE
    assert "still being transferred or checked" in found.text
    assert not found.verdict.recoverable


def test_progress_that_was_seen_inside_the_window_stops_it() -> None:
    window = [
        *(Scene(states={"d2": "in-progress"}, progress=p).sight(p) for p in (10, 11)),
        Scene(states={"d2": "failed"}).sight(12),
    ]
    assert decide(window).decision is Decision.REFUSE


@pytest.mark.parametrize("kind", ["csi-attacher", "share-manager-controller"])
def test_a_ticket_that_comes_back_by_itself_names_its_pod(kind: str) -> None:
    pods = (Workload("default", "db-0", "StatefulSet", "db"),)
    found = gate(states=BOTH_FAILED, tickets=ticket(kind), workloads=pods)
    assert found.decision is Decision.REFUSE
    assert "pod default/db-0 (StatefulSet db)" in found.text
    assert "scale it down" in found.text


def test_a_ticket_of_the_api_is_no_obstacle() -> None:
    assert gate(states=BOTH_FAILED, tickets=ticket()).decision is Decision.RECOVER


def test_a_running_replica_is_an_obstacle() -> None:
    found = gate(states=BOTH_FAILED, with_volume=True, replica_state="running")
    assert found.decision is Decision.REFUSE
    assert "vol-r" in found.text


def test_no_disk_for_a_new_copy_is_an_obstacle() -> None:
    found = gate(True, states={"d1": "failed"}, nodes=1, down=["n1"])
    assert found.decision is Decision.REFUSE
    assert "no disk can take a new copy" in found.text


def test_an_image_being_deleted_is_refused() -> None:
    assert gate(states=BOTH_FAILED, deleting=True).decision is Decision.REFUSE


def test_the_first_download_is_left_alone_while_it_runs_and_refused_when_it_fails() -> None:
    first: dict[str, Any] = {"states": {"d1": ""}, "transferred": False, "virtual_size": 0}
    assert gate(**first, source_state="in-progress").decision is Decision.LEAVE
    failing = gate(**first, source_state="failed-and-cleanup", source_message="got 404 Not Found")
    assert failing.decision is Decision.REFUSE
    assert "404" in failing.text


def test_longhorns_own_download_is_only_watched() -> None:
    found = gate(states={"d1": "in-progress"}, transferred=False, source_state="in-progress")
    assert found.decision is Decision.CONTINUE


def test_a_recovery_that_began_is_finished() -> None:
    note = '{"recovery":{"keys":["d1"]}}'
    assert gate(states={"d1": "ready"}, note=note).decision is Decision.CONTINUE
    assert gate(states={"d1": "ready", "d2": "ready"}, saved=True).decision is Decision.CONTINUE


def test_tickets_taken_but_nothing_emptied_goes_through_the_gate_again() -> None:
    states = {"d1": "failed", "d2": "unknown"}
    assert gate(states=states, saved=True, down=["n2"]).decision is Decision.REFUSE


def test_the_hang_of_a_data_source_is_recovered() -> None:
    found = gate(states={"d1": "failed", "d2": "failed"}, transferred=False)
    assert found.verdict.name == "data_source_stuck"
    assert found.decision is Decision.RECOVER


def test_no_secret_of_a_url_is_shown() -> None:
    message = 'Head "http://user:secret@images.local/f.img?sig=abc": no such host'
    found = gate(states=BOTH_FAILED, messages={"d1": message}, source_message=message)
    assert "secret" not in found.text
    assert "sig=" not in found.text
    assert "images.local/f.img" in found.text


def test_a_failing_first_download_says_when_it_is_tried_again_at_the_latest() -> None:
    scene = Scene(
        states={"d1": "failed-and-cleanup"},
        transferred=False,
        virtual_size=0,
        source_state="failed-and-cleanup",
        source_message="no such host",
        since="2026-11-21T01:36:17Z",
    )
    assert "next at 01:41:47Z at the latest" in decide(scene.window()).text


def test_what_a_dead_node_reported_last_keeps_nobody_from_the_recovery() -> None:
    scene = {
        "version": "v1.6.4",
        "states": {"d1": "unknown", "d2": "failed"},
        "with_volume": True,
        "volume_state": "detaching",
        "replica_state": "running",
    }
    assert gate(accept=True, down=["n1"], **scene).decision is Decision.RECOVER
    alive = gate(accept=True, **scene)
    assert alive.decision is Decision.REFUSE and "vol-r still run" in alive.text


def test_a_snapshot_that_waits_for_the_volume_does_not_stop_the_recovery() -> None:
    found = gate(states=BOTH_FAILED, tickets=ticket("snapshot-controller"))
    assert found.decision is Decision.RECOVER
    evicting = gate(states=BOTH_FAILED, tickets=ticket("volume-eviction-controller"))
    assert evicting.decision is Decision.REFUSE
