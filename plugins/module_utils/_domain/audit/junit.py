# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit as a JUnit report, so that a pipeline shows it as tests.

Suites: nodes, disks and zones (does its failure cost nothing?), images and volumes (nothing weak
about it?) and the upgrade. A case fails when it is at the given level or worse; what is milder is
in its system-out. The names of suites and cases stay the same from run to run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from xml.etree import ElementTree

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit import weak
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.audit import (
    NEVER,
    Audit,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.impact import (
    ZONE,
    Impact,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names

CLASS = "nodecare.longhorn.audit"


class Case:
    """One test case: its name, its level, what is said about it, and what to do."""

    def __init__(self, name: str, level: str = weak.FINE, text: str = "", remedy: str = "") -> None:
        self.name = name
        self.level = level
        self.text = text
        self.remedy = remedy


def report(audit: Audit, fail_on: str) -> str:
    """The document. *fail_on*: level from which a case fails; never is read as weak, because a
    report in which nothing can fail says nothing.
    """
    least = weak.LEVELS.index(weak.WEAK if fail_on == NEVER else fail_on)
    root = ElementTree.Element("testsuites", name="nodecare.longhorn audit")
    for title, cases in _suites(audit):
        _append(root, title, list(cases), least)
    totals = [suite.attrib for suite in root]
    for key in ("tests", "failures"):
        root.set(key, str(sum(int(attributes[key]) for attributes in totals)))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suites(audit: Audit) -> Iterator[tuple[str, Iterable[Case]]]:
    for kind, units in audit.impacts.items():
        yield f"{kind}s", [_of_unit(unit) for unit in units]
    found: dict[tuple[str, str], list[weak.Finding]] = {}
    for finding in audit.findings:
        found.setdefault((finding.kind, finding.name), []).append(finding)
    yield "images", [_of_findings(name, found.get(("image", name), [])) for name in audit.names]
    volumes = sorted(name for kind, name in found if kind == "volume")
    yield "volumes", [_of_findings(name, found[("volume", name)]) for name in volumes]
    # Only where it was asked for: else a pipeline would fail that the exit status lets pass.
    bad = weak.WEAK if audit.upgrade_counts else weak.FINE
    yield (
        "upgrade to 1.7",
        [Case(c.rule, weak.FINE if c.holds else bad, c.text, c.remedy) for c in audit.upgrade],
    )


def _of_unit(unit: Impact) -> Case:
    if unit.harmless:
        return Case(unit.name)
    parts: Mapping[str, list[str]] = {
        "images lost": unit.images,
        "volumes without a replica": unit.volumes,
        "volumes that could not start": unit.stopped,
    }
    text = "; ".join(f"{what}: {names(which, 20)}" for what, which in parts.items() if which)
    return Case(unit.name, weak.WEAK if unit.kind == ZONE else weak.AT_RISK, text)


def _of_findings(name: str, findings: list[weak.Finding]) -> Case:
    text = "; ".join(finding.text for finding in findings)
    remedies = "\n".join(f"{f.rule} ({f.level}): {f.remedy}" for f in findings)
    return Case(name, weak.worst(findings), text, remedies)


def _append(root: ElementTree.Element, title: str, cases: list[Case], least: int) -> None:
    if not cases:
        return
    suite = ElementTree.SubElement(root, "testsuite", name=title, errors="0", skipped="0")
    failures = 0
    for case in cases:
        element = ElementTree.SubElement(
            suite, "testcase", name=_clean(case.name), classname=f"{CLASS}.{title}"
        )
        if weak.LEVELS.index(case.level) >= max(1, least):
            failures += 1
            failure = ElementTree.SubElement(
                element, "failure", type=case.level, message=_clean(case.text)
            )
            failure.text = _clean(case.remedy)
        elif case.text:
            ElementTree.SubElement(element, "system-out").text = _clean(case.text)
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(failures))


def _clean(text: str) -> str:
    """Without characters that XML does not allow."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)
