# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a recording: what was there, what was done, what was done without a note of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.simulator.recordings import background, beats, heldback, inferred, rig, steer
from tests.simulator.recordings.actions import (
    JSON_PATCH,
    MERGE,
    Drain,
    Files,
    Kill,
    Machine,
    Request,
    Server,
    actions,
    essence,
)
from tests.simulator.recordings.load import RecordingError, load
from tests.unit.simulator.recordings.made import (
    DISKS,
    NODES,
    ZERO,
    Object,
    at,
    image,
    made,
    meta,
    nodes,
    write,
)

PATCH = "kubectl -n longhorn-system patch backingimages.longhorn.io a --type=json -p"


def command(cmd: str, t: float = 1.0, rc: int = 0, **more: str) -> Object:
    return {"t": at(t), "t_end": at(t), "cmd": cmd, "rc": rc, "stdout": "", "stderr": ""} | more


def test_nodes_disks_and_end_come_from_the_files(tmp_path: Path) -> None:
    late = (80.0, "ADDED", image("b", [], {}))
    found = made(tmp_path, [], backingimages=[(1.0, "ADDED", image("a", [], {})), late])
    assert found.version == "1.12.1"
    assert found.nodes == NODES
    assert [(d.node, d.uuid) for d in found.disks] == list(zip(NODES, DISKS, strict=True))
    assert found.end - found.start == pytest.approx(60.0, abs=0.01)
    assert {event.name for event in found.of("backingimages.longhorn.io")} == {"a"}


def test_a_folder_without_a_version_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, [], {}, 10.0, version="somewhere")
    with pytest.raises(RecordingError, match="must name the version"):
        load(path)


def test_a_broken_line_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, [], {}, 10.0)
    (path / "actions.jsonl").write_text("{not json\n")
    with pytest.raises(RecordingError, match="actions.jsonl"):
        load(path)


def test_commands_become_requests(tmp_path: Path) -> None:
    body = '[{"op":"replace","path":"/spec/diskFileSpecMap","value":{}}]'
    stdin = json.dumps(image("a", [], {}))
    recording = made(
        tmp_path,
        [
            command("kubectl -n longhorn-system create -f -", stdin=stdin),
            command(f"{PATCH} '{body}'", 2.0),
            command("kubectl cordon rec-n1", 3.0),
            command("kubectl -n longhorn-system delete lhbids a --wait=false", 4.0),
            command("kubectl -n longhorn-system get lhbi", 5.0),
            command("kubectl -n longhorn-system delete lhbids", 6.0, rc=1),
            command("kubectl drain rec-n1 --ignore-daemonsets --timeout=1m15s", 7.0, rc=1),
            command("kubectl -n longhorn-system annotate lhbi/a rig=1 --overwrite", 8.0),
        ],
    )
    found = actions(recording)
    assert [type(action) for action in found] == [Request] * 4 + [Drain, Request]
    create, patch, cordon, delete, drain, annotate = found
    assert isinstance(create, Request) and create.body["metadata"]["name"] == "a"
    assert isinstance(patch, Request) and patch.content_type == JSON_PATCH
    assert isinstance(cordon, Request) and cordon.body == {"spec": {"unschedulable": True}}
    assert isinstance(delete, Request)
    assert (delete.resource, delete.name) == ("backingimagedatasources.longhorn.io", "a")
    assert isinstance(drain, Drain) and (drain.timeout, drain.accepted) == (75.0, False)
    assert isinstance(annotate, Request) and annotate.content_type == MERGE


def test_http_requests_keep_their_answer(tmp_path: Path) -> None:
    cause = {"field": "", "message": "not now"}
    answer = {"reason": "Invalid", "message": "long", "details": {"causes": [cause]}}
    raw = {
        "t": at(1),
        "request": ["PATCH", "/apis/longhorn.io/v1beta2/namespaces/longhorn-system/nodes/rec-n1"],
        "body": [{"op": "remove", "path": "/spec/disks/x"}],
        "content_type": JSON_PATCH,
        "http": 422,
        "answer": json.dumps(answer),
    }
    found = actions(made(tmp_path, [raw]))[0]
    assert isinstance(found, Request)
    assert (found.resource, found.name) == ("nodes.longhorn.io", "rec-n1")
    assert (found.accepted, found.text) == (False, "422 : not now")


def test_blows_to_machines_and_files(tmp_path: Path) -> None:
    folder = "rec-n1:/var/lib/longhorn/backing-images/a-12345678"
    recording = made(
        tmp_path,
        [
            {"t": at(1), "sh": f"rm -v {folder}/backing* && chattr +i {folder}", "rc": 0},
            {"t": at(2), "note": "chattr -i", "node": "rec-n1", "folder": folder},
            {"t": at(3), "sh": "touch ctl/rec-n2.down", "rc": 0},
            {"t": at(4), "note": "power on", "node": "rec-n2"},
            {"t": at(5), "note": "killed -9", "node": "rec-n1", "processes": []},
            {
                "t": at(6),
                "note": "killed -9",
                "node": "rec-n1",
                "processes": ["/x/longhorn --volume-name vol-1 replica /y"],
            },
            {"t": at(7), "note": "server now serves the file"},
            {"t": at(8), "note": "egress of BIM pods limited to 100mbit"},
            {"t": at(9), "note": "disk of the node made anew (new file system)", "node": "rec-n2"},
        ],
    )
    shown = [
        (type(a).__name__, getattr(a, "what", ""), getattr(a, "node", ""))
        for a in actions(recording)
    ]
    assert shown == [
        ("Files", "remove", "rec-n1"),
        ("Files", "lock", "rec-n1"),
        ("Files", "unlock", "rec-n1"),
        ("Machine", "off", "rec-n2"),
        ("Machine", "on", "rec-n2"),
        ("Kill", "replica", "rec-n1"),
        ("Server", "serve", ""),
        ("Server", "limit", ""),
        ("Machine", "wipe", "rec-n2"),
    ]
    assert {Files, Machine, Kill, Server} == {type(a) for a in actions(recording)}


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("Error from server (Conflict): it was changed", "it was changed"),
        ('Error from server (Conflict): error when replacing "STDIN": it was', "it was"),
        ("The request is invalid: : too few", ": too few"),
        (
            "the ResourceVersion in the precondition (17) differs",
            "the ResourceVersion in the precondition (#) differs",
        ),
    ],
)
def test_what_kubectl_adds_is_taken_off(printed: str, said: str) -> None:
    assert essence(printed) == said


def test_unlogged_writes_are_seen(tmp_path: Path) -> None:
    closed = [dict(row[2]) for row in nodes()][0]
    closed["spec"] = closed["spec"] | {"allowScheduling": False}
    more = image("a", [DISKS[0]], {}, minNumberOfCopies=2)
    recording = made(
        tmp_path,
        [],
        lhnodes=[*nodes(), (1.0, "MODIFIED", closed)],
        backingimages=[
            (2.0, "ADDED", image("a", [], {})),
            (3.0, "MODIFIED", image("a", [DISKS[0]], {})),
            (4.0, "MODIFIED", more),
        ],
    )
    found = inferred.inferred(recording, actions(recording))
    assert [(r.method, r.resource.partition(".")[0]) for r in found] == [
        ("PATCH", "nodes"),
        ("POST", "backingimages"),
        ("PATCH", "backingimages"),
    ]
    assert found[2].body == {"spec": {"minNumberOfCopies": 2}}


def test_logged_writes_are_not_inferred(tmp_path: Path) -> None:
    stdin = json.dumps(image("a", [], {}))
    logged = command("kubectl -n longhorn-system create -f -", 1.9, stdin=stdin)
    recording = made(tmp_path, [logged], backingimages=[(2.0, "ADDED", image("a", [], {}))])
    assert inferred.inferred(recording, actions(recording)) == ()


def manager(t: float, kind: str, images: list[str], created: float = -300) -> tuple:
    """An event of the manager of the first disk."""
    spec = {
        "diskUUID": DISKS[0],
        "nodeID": NODES[0],
        "backingImages": dict.fromkeys(images, "12345678"),
    }
    return (t, kind, {"metadata": meta("bim-x", created), "spec": spec})


def test_foreign_images_keep_a_manager(tmp_path: Path) -> None:
    recording = made(
        tmp_path,
        [],
        backingimages=[(1.0, "ADDED", image("a", [], {}))],
        backingimagemanagers=[
            manager(1.0, "MODIFIED", ["a", "other"]),
            manager(30.0, "MODIFIED", ["a"]),
        ],
    )
    (stay,) = background.stays(recording)
    assert (stay.uuid, stay.first < ZERO, stay.last - ZERO) == (DISKS[0], True, 30.0)


def test_a_late_pod_tells_the_window_before(tmp_path: Path) -> None:
    labels = {
        "longhorn.io/component": "backing-image-manager",
        "longhorn.io/disk-uuid": DISKS[0],
        "longhorn.io/node": NODES[0],
    }
    pod = {"metadata": meta("bim-x", 40.0, labels=labels), "spec": {"nodeName": NODES[0]}}
    recording = made(
        tmp_path,
        [],
        backingimagemanagers=[manager(1.0, "ADDED", ["a"], 1.0)],
        pods=[(41.0, "ADDED", pod)],
    )
    (history,) = heldback.histories(recording)
    assert history.seconds == 64.0
    assert history.opened + history.seconds <= ZERO + 41.0


def test_beats_come_from_the_disks(tmp_path: Path) -> None:
    found = beats.beats(made(tmp_path, []))
    assert found == {node: pytest.approx((ZERO - 47 + 0.3) % 30) for node in NODES}


def test_the_usual_delays_where_pods_tell_nothing(tmp_path: Path) -> None:
    assert rig.measure(made(tmp_path, [])) == rig.Rig()


def test_picks_follow_the_recording(tmp_path: Path) -> None:
    recording = made(
        tmp_path,
        [],
        backingimages=[
            (1.0, "ADDED", image("a", [], {})),
            (2.0, "MODIFIED", image("a", [DISKS[1]], {})),
        ],
    )
    picks = steer._picks(recording)
    assert [(p.t - ZERO, p.disk) for p in picks[("copy", "a")]] == [(2.0, DISKS[1])]
