# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one failure costs, what is weak, and whether an upgrade is safe."""

from __future__ import annotations

import dataclasses
import json
from xml.etree import ElementTree

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit import junit, text
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Copy
from tests.unit.plugins.module_utils._domain.audit.scenes import ask, impact, rules, three
from tests.unit.plugins.module_utils._domain.build import (
    GIB,
    copy,
    disk,
    image,
    kube_node,
    node,
    replica,
    source,
    volume,
)


def test_the_only_copy_goes_with_its_disk_node_and_zone() -> None:
    found = ask(three("1.12.1", image("sole", [copy("c.0")], source_type="upload")))
    for kind, name in (("node", "c"), ("disk", "c/disk-0"), ("zone", "west")):
        assert impact(found, kind, name).images == ["sole"]
        assert impact(found, kind, name).again == []
    assert impact(found, "node", "a").harmless
    assert rules(found) == {("only_copy", "sole")}
    assert found.worst == "at_risk"


def test_two_copies_on_one_node_go_with_the_node_and_not_with_a_disk() -> None:
    twin = node("a", [disk("a"), disk("a", 1)], zone="east")
    found = ask(three("1.12.1", twin, image("pair", [copy("a.0"), copy("a.1")], min_copies=2)))
    assert impact(found, "node", "a").images == ["pair"]
    assert impact(found, "node", "a").again == ["pair"]
    assert impact(found, "disk", "a/disk-0").harmless
    assert rules(found) == {("one_node", "pair")}


def test_copies_in_one_zone_are_weak_where_there_is_another() -> None:
    pair = image("pair", [copy("a.0"), copy("b.0")])
    found = ask(three("1.12.1", pair))
    assert impact(found, "zone", "east").images == ["pair"]
    assert rules(found) == {("one_zone", "pair")}
    assert found.worst == "weak"
    alone = three("1.12.1", pair, node("c", zone="east"))
    assert ask(alone).impacts["zone"] == ()
    assert rules(ask(alone)) == set()


@pytest.mark.parametrize(
    "copies",
    [
        [copy("a.0"), copy("b.0", "failed")],
        [copy("a.0"), copy("b.0", in_map=False)],
        [copy("a.0"), copy("b.0", eviction_requested=True)],
    ],
)
def test_what_is_not_proven_protects_nothing(copies: list[Copy]) -> None:
    found = ask(three("1.12.1", image("one", copies)))
    assert impact(found, "node", "a").images == ["one"]


def test_a_node_that_is_off_or_under_maintenance_protects_nothing() -> None:
    pair = image("pair", [copy("a.0"), copy("b.0")])
    off = ask(three("1.12.1", pair, kube_node("b", ready=False)))
    assert impact(off, "node", "a").images == ["pair"]
    busy = ask(three("1.12.1", pair, node("b", zone="east", before={"intent": "reboot"})))
    assert impact(busy, "node", "a").images == ["pair"]


def test_volumes_go_with_their_replicas_or_with_the_image_they_start_from() -> None:
    held = three(
        "1.12.1",
        image("base", [copy("c.0")]),
        volume("alone", 1),
        replica("alone-1", "alone", "a"),
        volume("pair", 2, image="base"),
        replica("pair-1", "pair", "a", image="base"),
        replica("pair-2", "pair", "b", image="base"),
        volume("never-started", 2, image="base"),
    )
    found = ask(held)
    assert impact(found, "node", "a").volumes == ["alone"]
    assert impact(found, "node", "a").stopped == []
    assert impact(found, "node", "c").stopped == ["pair"]
    assert impact(found, "zone", "east").volumes == ["alone", "pair"]
    assert ("one_replica", "alone") in rules(found)


def test_volumes_in_one_zone_fail_the_report_and_the_play_alike() -> None:
    spread = [volume("pair", 2), replica("pair-1", "pair", "a"), replica("pair-2", "pair", "b")]
    found = ask(three("1.12.1", *spread))
    assert rules(found) == {("replicas_in_one_zone", "pair")}
    assert (found.worst, found.findings[0].text) == (
        "weak",
        "its complete replicas are all in zone east",
    )
    root = ElementTree.fromstring(junit.report(found, "weak"))
    failed = {
        case.get("name") for case in root.iter("testcase") if case.find("failure") is not None
    }
    assert failed == {"east", "pair"}
    assert text.too_bad(found, "weak") and not text.too_bad(found, "at_risk")
    assert ElementTree.fromstring(junit.report(found, "at_risk")).get("failures") == "0"


def test_a_failed_replica_counts_for_nothing() -> None:
    held = three(
        "1.12.1",
        volume("v", 2),
        replica("v-1", "v", "a"),
        replica("v-2", "v", "b", failed_at="2026-01-05T08:00:00Z"),
    )
    assert impact(ask(held), "node", "a").volumes == ["v"]


def test_weak_points_of_the_map_and_the_minimum() -> None:
    held = three(
        "1.12.1",
        image("few", [copy("a.0"), copy("c.0")], min_copies=3),
        image("broken", [copy("a.0"), copy("c.0", complete=False)]),
        image("orphan", [copy("a.0"), copy("c.0"), copy("gone.0", "unknown")]),
        image("lost", [copy("a.0", "failed")], virtual_size=GIB),
        image("new", [copy("a.0", "in-progress")]),
        source("new", done=False),
    )
    found = ask(held)
    assert rules(found) == {
        ("below_minimum", "few"),
        ("incomplete_entry", "broken"),
        ("orphan_map_entry", "orphan"),
        ("no_copy", "lost"),
        ("no_copy", "new"),
    }
    assert found.findings[0].name == "lost"
    assert found.worst == "unavailable"
    assert [finding.name for finding in found.at("unavailable")] == ["lost"]
    assert found.at("never") == ()
    assert "image lost (no_copy)" in text.too_bad(found, "unavailable")
    assert text.too_bad(found, "never") == ""


def test_downloads_without_a_checksum_and_sources_that_fail() -> None:
    copies = [copy("a.0"), copy("c.0")]
    held = three(
        "1.12.1",
        image("pinned", copies, wanted_checksum="f" * 128),
        image("recorded", copies, checksum="e" * 128),
        image("upload", copies, source_type="upload"),
    )
    found = ask(held, sources={"pinned": "https://u:p@x/y?sig=1 answers 404", "recorded": ""})
    assert {(f.rule, f.name) for f in found.findings} == {
        ("source_fails", "pinned"),
        ("no_checksum", "recorded"),
    }
    told = json.dumps(found.as_data())
    assert "404" in told and "sig=1" not in told and "u:p@" not in told
    assert "e" * 12 in told


def test_the_step_to_1_7() -> None:
    copies = [copy("a.0"), copy("c.0")]
    bad = three(
        "1.6.4",
        image("one", copies[:1]),
        node("b", [disk("b", eviction_requested=True)], zone="east"),
    )
    found = ask(bad, served={"disks"}, upgrade=True)
    assert [(c.rule, c.holds) for c in found.upgrade] == [
        ("definition_serves_map", False),
        ("no_eviction_flag", False),
        ("two_copies_each", False),
    ]
    assert "b/disk-0" in found.upgrade[1].text
    assert {f.rule for f in found.at("weak") if f.kind == "upgrade"} == {
        "upgrade_definition_serves_map", "upgrade_no_eviction_flag", "upgrade_two_copies_each",
    }  # fmt: skip
    told = next(line for line in text.lines(found) if line.startswith("weak: "))
    assert "3 obstacles to the upgrade" in told and "upgrade_" not in told
    assert not {f for f in ask(bad, served={"disks"}).findings if f.kind == "upgrade"}
    good = ask(three("1.6.4", image("two", copies)), served={"disks", "diskFileSpecMap"})
    assert all(check.holds for check in good.upgrade)
    assert "upgrade to 1.7: ready" in "\n".join(text.lines(good))
    assert ask(three("1.6.4")).upgrade[0].holds is None
    assert ask(three("1.7.2", image("two", copies)), served=set()).upgrade == ()


def test_the_table_is_that_of_the_cluster() -> None:
    held = three(
        "1.12.1",
        image("sole", [copy("c.0")], size=4 * GIB),
        image("pair", [copy("a.0"), copy("c.0")], min_copies=2, size=2 * GIB),
    )
    lines = text.lines(ask(held))
    assert lines[0].split() == ["a", "b", "c", "east", "west"]
    assert lines[1].split()[:7] == ["images", "lost", "0", "0", "1", "0", "1"]
    assert "sole (only on c)" in lines[1]
    assert " ".join(lines[3].split()) == "cost of a reboot 0 B 0 B 4.0 GiB"
    assert " ".join(lines[4].split()) == "cost of a drain 2.0 GiB 0 B 6.0 GiB"
    assert lines[-1].startswith("fix:  ansible-playbook nodecare.longhorn.audit -e fix=true")
    assert "makes 1 copy, 4.0 GiB; raises the minimum of 1 image" in lines[-1]


def test_a_large_cluster_is_told_in_rows_the_worst_first() -> None:
    names = [f"n{number:02}" for number in range(30)]
    things = [node(name, zone="x") for name in names]
    things += [image(f"i{n}", [copy(f"n{n % 2 + 7:02}.0")]) for n in range(3)]
    lines = text.lines(ask(three("1.12.1", *things)))
    assert lines[0].startswith("node n07") and "2 images lost" in lines[0]
    assert lines[1].startswith("node n08") and "1 image lost" in lines[1]
    assert lines[2].startswith("zone")
    assert any(line.endswith("may fail without a loss") for line in lines)


@pytest.mark.parametrize(
    ("fail_on", "failing"),
    [
        ("never", {"c", "c/disk-0", "west", "sole", "pair"}),
        ("at_risk", {"c", "c/disk-0", "sole"}),
        ("unavailable", set()),
    ],
)
def test_junit_fails_what_is_at_the_level(fail_on: str, failing: set[str]) -> None:
    held = three(
        "1.12.1",
        image("sole", [copy("c.0")], source_type="upload"),
        image("pair", [copy("a.0"), copy("c.0")]),
    )
    document = junit.report(ask(held), fail_on)
    root = ElementTree.fromstring(document)
    cases = [case for suite in root for case in suite]
    failed = {case.get("name") for case in cases if case.find("failure") is not None}
    assert failed == failing
    assert root.get("tests") == str(len(cases)) and root.get("failures") == str(len(failing))
    assert document == junit.report(ask(held), fail_on)


def test_commands_name_a_namespace_that_is_not_the_usual_one() -> None:
    held = three("1.6.4", image("sole", [copy("c.0")]), image("lost", [copy("c.0", "failed")]))
    usual, other = ask(held), ask(dataclasses.replace(held, namespace="storage"))
    for found, ending in ((usual, ""), (other, " -e longhorn_namespace=storage")):
        commands = {f.remedy for f in found.findings if f.remedy.startswith("ansible-playbook")}
        assert commands == {
            f"ansible-playbook nodecare.longhorn.audit -e fix=true{ending}",
            f"ansible-playbook nodecare.longhorn.diagnose -e image=lost{ending}",
        }
        assert f"-e image=all{ending}" in found.upgrade[-1].remedy
        assert text.lines(found)[-1].startswith(f"fix:  {found.fix}   (makes 1 copy")


@pytest.mark.parametrize("asked", [False, True])
def test_an_upgrade_that_nobody_asked_about_fails_no_pipeline(asked: bool) -> None:
    held = three("1.6.4", image("pair", [copy("a.0"), copy("c.0")]))
    found = ask(held, served={"disks"}, upgrade=asked)
    root = ElementTree.fromstring(junit.report(found, "weak"))
    failed = root.findall(".//testsuite[@name='upgrade to 1.7']/testcase/failure")
    assert [f.get("type") for f in failed] == (["weak"] if asked else [])
    assert bool(failed) == any(f.kind == "upgrade" for f in found.at("weak"))


def test_junit_of_a_name_that_xml_does_not_allow() -> None:
    held = three("1.12.1", image("x", [copy("c.0")]))
    found = ask(held)
    odd = dataclasses.replace(found.findings[0], text="\x1b[1m & <b> \ud7ff")
    document = junit.report(dataclasses.replace(found, findings=(odd,)), "weak")
    failure = ElementTree.fromstring(document).find(".//testcase[@name='x']/failure")
    assert failure is not None and "& <b>" in str(failure.get("message"))


def test_a_copy_that_reads_ready_and_proves_nothing_is_told_with_its_reason() -> None:
    sole = image("sole", [copy("c.0")])
    drained = node("c", before={"intent": "reboot"})
    finding = next(f for f in ask(three("1.12.1", sole, drained)).findings if f.rule == "no_copy")
    assert finding.text == "no copy of it can be proven: node c is under maintenance"
    assert finding.remedy == "ansible-playbook nodecare.longhorn.restore_node -e node=c"
    off = three("1.12.1", sole, kube_node("c", ready=False))
    finding = next(f for f in ask(off).findings if f.rule == "no_copy")
    assert finding.text.endswith(": node c is not Ready in Kubernetes")
    assert "diagnose -e image=sole" in finding.remedy
