# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts about what a source delivers, disks that changed, and an upgrade that is half done."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import parse
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff import next_try
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import Condition
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster, Disk
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.gate import (
    Decision,
    decide,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import (
    UnsupportedLonghorn,
    detect,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.finding import (
    Finding,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import catalogue
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    see,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    Verdict,
)
from tests.unit.plugins.module_utils._domain.recovery.builders import NAME, Scene

LOST = {"d1": "failed", "d2": "failed"}
SYNC = "failed to process sync file: "
DIFFERS = f"{SYNC}the expected checksum aa doesn't match the file actual checksum bb"


def judge(**scene: Any) -> Verdict:
    return catalogue.judge(Scene(**scene).window())


def first(message: str, **scene: Any) -> Verdict:
    failing: dict[str, Any] = {"transferred": False, "source_state": "failed-and-cleanup"}
    states = {"d1": "failed-and-cleanup"}
    given = {"virtual_size": 0, "states": states, **failing, **scene}
    return judge(source_message=message, **given)


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (f'{SYNC}Head "x://h/f": unsupported protocol scheme "x"', "scheme"),
        (f'{SYNC}Head "http://h/f": dial tcp: lookup h on 10.96.0.10:53: no such host', "host"),
        (f"{SYNC}dial udp 10.96.0.10:53: connect: network is unreachable", "unreachable"),
        (f"{SYNC}dial tcp: lookup h on 10.96.0.10:53: server misbehaving", "unreachable"),
        (f"{SYNC}expected status code 200 from http://h/f, got 404 Not Found", "not_found"),
        (f"{SYNC}expected status code 200 from http://h/f, got 403 Forbidden", "denied"),
        (f"{SYNC}expected status code 200 from http://h/f, got 503 Busy", "status"),
        (DIFFERS, "checksum"),
        (f"{SYNC}the file size 1000 should be a multiple of 512 bytes", "size"),
        (f"{SYNC}unexpected EOF", "cut"),
        (f"{SYNC}context cancelled during the copy", "idle"),
        (f"{SYNC}Head: tls: failed to verify certificate: x509: unknown authority", "tls"),
        ("pod phase Failed", "interrupted"),
        ("", "other"),
    ],
)
def test_a_failing_first_download_names_its_cause(message: str, cause: str) -> None:
    verdict = first(message)
    assert (verdict.name, verdict.detail) == ("first_download_failing", cause)
    assert verdict.evidence[0].object == "backingimagedatasource/img"
    assert not verdict.heals_itself


@pytest.mark.parametrize(
    ("failed", "between"),
    [
        # The pods of the recording came 63, 213 and 483 s after the data source.
        (7, (60, 90)),
        (69, (180, 219)),
        (219, (420, 489)),
        (489, (720, 819)),
        (1500, (None, 1830)),
    ],
)
def test_the_next_try_by_the_rule(failed: int, between: tuple[int | None, int]) -> None:
    base = 1_795_000_000
    stamps = [next_try.moment.spell(base + seconds) for seconds in (0, failed)]
    found = next_try.next_try(*stamps)
    assert found is not None
    earliest = None if found[0] is None else found[0] - base
    assert (earliest, found[1] - base) == between


def test_without_times_nothing_is_promised() -> None:
    assert next_try.next_try("", "") is None
    assert next_try.text("", "2026-11-21T01:36:17Z") == "next at 01:41:47Z at the latest"


def test_a_redownload_that_ends_with_other_bytes_is_pinned() -> None:
    verdict = first(DIFFERS, virtual_size=1024)
    assert (verdict.name, verdict.recoverable) == ("checksum_pinned", False)
    assert "new_url=URL" in verdict.remedy


def test_a_redownload_that_fails_otherwise_is_not() -> None:
    verdict = first(f"{SYNC}unexpected EOF", virtual_size=1024)
    assert (verdict.name, verdict.detail) == ("redownload_failing", "cut")


@pytest.mark.parametrize(
    ("states", "name"),
    [
        (LOST, "checksum_pinned"),
        ({"d1": "ready", "d2": "failed"}, "failed_sync_retrying"),
        ({"d1": "ready", "d2": "ready"}, "healthy"),
    ],
)
def test_a_probe_that_saw_other_bytes_matters_where_no_copy_is_left(
    states: dict[str, str], name: str
) -> None:
    found = Finding("changed", "http://h/f delivers other bytes")
    window = [dataclasses.replace(s, finding=found) for s in Scene(states=states).window()]
    verdict = catalogue.judge(window)
    assert verdict.name == name
    if name == "checksum_pinned":
        assert verdict.evidence[0].field == "HTTP, asked from the controller"


@pytest.mark.parametrize("word", ["same_bytes", "status"])
def test_another_finding_pins_nothing(word: str) -> None:
    found = Finding(word, "text", ok=word == "same_bytes")
    window = [dataclasses.replace(s, finding=found) for s in Scene(states=LOST).window()]
    assert catalogue.judge(window).name == "all_failed_will_recover_itself"


def test_an_entry_that_longhorn_compared_is_pinned() -> None:
    text = "Backing image recorded checksum aa doesn't match the file checksum bb in disk d1"
    assert judge(states=LOST, messages={"d1": text}).name == "checksum_pinned"


def test_a_copy_on_a_node_that_is_gone_is_gone() -> None:
    verdict = judge(states={"d1": "failed", "d2": "unknown"}, gone=["d2"])
    assert (verdict.name, verdict.recoverable) == ("unknown_gone", True)
    assert "disk d2 is gone for good" in verdict.summary


# -- disks -----------------------------------------------------------------------------------------
def replaced(said: str) -> Cluster:
    """The disk of n2 is not Ready, and Longhorn says why."""
    cluster = Scene(states={"d2": "unknown"}).cluster()
    node = cluster.nodes["n2"]
    conditions = (Condition("Ready", "False", "DiskFilesystemChanged", said, "2026-11-21T01:00Z"),)
    disk = dataclasses.replace(node.disks[0], conditions=conditions, path="/d")
    changed = dataclasses.replace(node, disks=(disk,))
    return dataclasses.replace(cluster, nodes={**cluster.nodes, "n2": changed})


def moved(path: str) -> Cluster:
    """The old disk of n2 is out of the node, another one is at */d/*; its manager remembers."""
    cluster = Scene(states={"d2": "unknown"}).cluster()
    node, manager = cluster.nodes["n2"], cluster.managers["m2"]
    disk = Disk("new", "n2", "other", path, conditions=node.disks[0].conditions)
    return dataclasses.replace(
        cluster,
        nodes={**cluster.nodes, "n2": dataclasses.replace(node, disks=(disk,))},
        managers={"m2": dataclasses.replace(manager, disk_path="/d/", state="unknown")},
    )


def looks(cluster: Cluster) -> list[Sight]:
    return [see(cluster, cluster.images[NAME], at) for at in (0.0, 12.0)]


@pytest.mark.parametrize(
    "cluster", [replaced("record diskUUID doesn't match the one on the disk"), moved("/d")]
)
def test_a_disk_that_changed_its_identity_may_still_hold_the_file(cluster: Cluster) -> None:
    window = looks(cluster)
    verdict = catalogue.judge(window)
    assert (verdict.name, verdict.recoverable) == ("disk_uuid_drift", False)
    assert "backing-images/img-abcd/backing" in verdict.remedy
    assert verdict.evidence[0].object == "node/n2"
    assert decide(window).decision is Decision.REFUSE
    assert decide(window, accept_unknown_loss=True).decision is Decision.RECOVER


@pytest.mark.parametrize(
    ("cluster", "name"),
    [
        (
            replaced("cannot find disk config file, maybe due to a mount error"),
            "unknown_may_return",
        ),
        (moved("/elsewhere"), "unknown_gone"),
    ],
)
def test_other_troubles_of_a_disk_are_no_drift(cluster: Cluster, name: str) -> None:
    assert catalogue.judge(looks(cluster)).name == name


# -- upgrade ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("version", "served"),
    [("v1.7.2", ["disks"]), ("v1.6.2", ["disks", "diskFileSpecMap"])],
    ids=["new managers, old schema", "old managers, new schema"],
)
def test_an_upgrade_that_is_half_done(version: str, served: list[str]) -> None:
    with pytest.raises(UnsupportedLonghorn):
        detect(version, [], served)
    schema = detect(version, [], served, only_look=True)
    cluster = dataclasses.replace(Scene(states={"d1": "ready"}).cluster(), schema=schema)
    verdict = catalogue.judge(looks(cluster))
    assert verdict.name == "upgrade_hazard_1_7"
    assert version[1:] in verdict.summary


@pytest.mark.parametrize(
    ("scene", "name"),
    [
        ({"states": LOST}, "all_failed_will_recover_itself"),
        ({"states": LOST, "source_type": "upload"}, "all_failed_needs_recovery"),
        ({"states": {"d1": "ready"}, "down": ["n1"]}, "unknown_may_return"),
    ],
)
def test_an_image_that_is_lost_is_told_beside_the_upgrade(scene: dict[str, Any], name: str) -> None:
    schema = detect("v1.7.2", [], ["disks"], only_look=True)
    window = looks(dataclasses.replace(Scene(**scene).cluster(), schema=schema))
    verdict = catalogue.judge(window)
    assert verdict.name == name
    assert "1.7.2" in verdict.summary and "no copy" in verdict.summary
    assert verdict.remedy.startswith("first apply the CustomResourceDefinitions")
    assert len(set(verdict.evidence)) == len(verdict.evidence)
    gate = decide(window, accept_unknown_loss=True)
    assert gate.decision is Decision.REFUSE and "was not touched" in gate.text


def unread(
    version: str,
    old: list[str],
    new: list[str],
    state: str = "ready",
    recording: tuple[str, ...] = ("d1", "d2"),
) -> list[Sight]:
    """An image with keys in both maps, and an entry of the status for each of the old ones."""
    schema = detect(version, [])
    spec = {"disks": dict.fromkeys(old, ""), "diskFileSpecMap": {disk: {} for disk in new}}
    entries = {disk: {"state": state} for disk in old}
    raw = {
        "metadata": {"name": NAME, "uid": "image-uid"},
        "spec": {"sourceType": "download", "minNumberOfCopies": 1, **spec},
        "status": {"uuid": "u", "virtualSize": 1, "diskFileStatusMap": entries},
    }
    cluster = Scene(version=version, states={"d1": "ready"}, recording=recording).cluster()
    return looks(dataclasses.replace(cluster, images={NAME: parse.image(raw, schema)}))


def test_a_file_on_a_disk_that_cannot_be_asked_counts_as_one() -> None:
    window = unread("v1.7.3", ["d1"], [], "unknown", ())
    assert catalogue.judge(window).name == "upgrade_hazard_1_7"


@pytest.mark.parametrize("version", ["v1.7.3", "v1.12.1"])
def test_keys_that_only_the_map_of_1_6_has_are_a_hazard_of_that_image(version: str) -> None:
    window = unread(version, ["d1", "d2"], [])
    verdict = catalogue.judge(window)
    assert verdict.name == "upgrade_hazard_1_7"
    assert "n1/disk, n2/disk" in verdict.summary and "spec.disks alone" in verdict.summary
    assert '"evictionRequested": false' in verdict.remedy
    gate = decide(window, accept_unknown_loss=True)
    assert gate.decision is Decision.REFUSE and "was not touched" in gate.text


def test_an_old_map_beside_a_live_one_or_without_any_file_is_none() -> None:
    for window in (
        unread("v1.7.3", ["d1"], ["d1"]),
        unread("v1.7.3", ["d1"], [], "failed"),
        unread("v1.7.3", ["d1"], [], recording=()),
        unread("v1.6.4", ["d1"], []),
    ):
        assert catalogue.judge(window).name != "upgrade_hazard_1_7"


def test_a_cluster_of_one_generation_has_no_hazard() -> None:
    assert detect("v1.6.4", [], ["disks"], only_look=True).hazard == ""
    assert detect("v1.7.2", [], ["disks", "diskFileSpecMap"], only_look=True).hazard == ""
