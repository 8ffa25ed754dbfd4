# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit as a person reads it: one column for each node and zone, then what is weak, worst
first, then what would repair it.

A cluster of more nodes than fit beside each other is told in rows, the worst first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import redact
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.audit import (
    UPGRADE,
    Audit,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.impact import (
    DISK,
    NODE,
    ZONE,
    Impact,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.weak import Finding
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    count,
    names,
    spell_bytes,
)

COLUMNS_MAX = 8
ROWS_MAX = 12
NAMED_MAX = 10

# How a rule is told in the line of weak points: one, several.
_RULES = {
    "no_copy": ("image without a proven copy", "images without a proven copy"),
    "only_copy": ("image with one copy", "images with one copy"),
    "one_node": ("with all copies on one node", "with all copies on one node"),
    "one_zone": ("with all copies in one zone", "with all copies in one zone"),
    "one_replica": ("volume on one node", "volumes on one node"),
    "replicas_in_one_zone": ("volume in one zone", "volumes in one zone"),
    "below_minimum": ("image below its minimum", "images below their minimum"),
    "incomplete_entry": ("map that Longhorn cannot write", "maps that Longhorn cannot write"),
    "orphan_map_entry": ("map that names a gone disk", "maps that name a gone disk"),
    "source_fails": ("source that no longer delivers", "sources that no longer deliver"),
    "no_checksum": ("download without a checksum", "downloads without a checksum"),
    UPGRADE: ("obstacle to the upgrade", "obstacles to the upgrade"),
}


def lines(audit: Audit) -> list[str]:
    """The whole audit."""
    columns = [*audit.impacts.get(NODE, ()), *audit.impacts.get(ZONE, ())]
    told = _table(audit, columns) if len(columns) <= COLUMNS_MAX else _rows(audit, columns)
    told += _disks(audit)
    told.append(_weak_line(audit))
    told += _named(audit.findings, audit.fix)
    told += _upgrade_lines(audit)
    fix = fix_line(audit)
    told += [fix] if fix else []
    return [redact.printable(line) for line in told]


def too_bad(audit: Audit, fail_on: str) -> str:
    """A sentence that names what is at *fail_on* or worse, "" when nothing is."""
    found = audit.at(fail_on)
    told = [f"{finding.kind} {finding.name} ({finding.rule})" for finding in found]
    return (
        f"{count(len(found), 'weak point')} at level {fail_on} or worse: {names(told)}"
        if told
        else ""
    )


def _table(audit: Audit, columns: Sequence[Impact]) -> list[str]:
    heads = [unit.name for unit in columns]
    rows = [
        ("images lost", [str(len(unit.images)) for unit in columns], _what_is_lost(columns)),
        ("volumes down", [str(unit.down) for unit in columns], ""),
        ("cost of a reboot", [_cost(audit, unit, Intent.REBOOT) for unit in columns], ""),
        ("cost of a drain", [_cost(audit, unit, Intent.REMOVE) for unit in columns], ""),
    ]
    first = max(len(title) for title, _cells, _note in rows)
    widths = [
        max(len(head), *(len(cells[place]) for _title, cells, _note in rows))
        for place, head in enumerate(heads)
    ]
    told = ["  ".join([" " * first, *(h.rjust(w) for h, w in zip(heads, widths, strict=True))])]
    for title, cells, note in rows:
        padded = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        line = "  ".join([title.ljust(first), *padded])
        told.append(f"{line}   {note}" if note else line.rstrip())
    return told


def _cost(audit: Audit, unit: Impact, intent: Intent) -> str:
    if unit.kind != NODE:
        return ""
    return spell_bytes(audit.costs[unit.name][intent].bytes)


def _what_is_lost(units: Iterable[Impact]) -> str:
    """The images that one node would take along, and which."""
    by_node = [(unit.name, unit.images) for unit in units if unit.kind == NODE and unit.images]
    told = [f"{names(images, 3)} (only on {node})" for node, images in by_node]
    return names(told, 2)


def _rows(audit: Audit, units: Sequence[Impact]) -> list[str]:
    bad = [unit for unit in units if not unit.harmless]
    told = []
    for kind in (NODE, ZONE):
        rows = [unit for unit in bad if unit.kind == kind]
        rows.sort(key=lambda unit: (-len(unit.images), -unit.down, unit.name))
        told += _of_kind(audit, rows)
    told.append(f"{len(units) - len(bad)} of {len(units)} nodes and zones may fail without a loss")
    costs = sorted(audit.costs.items(), key=lambda item: -item[1][Intent.REMOVE].bytes)
    dear = [f"{node} {spell_bytes(cost[Intent.REMOVE].bytes)}" for node, cost in costs[:5]]
    if dear:
        told.append(f"dearest drains: {', '.join(dear)}")
    return told


def _of_kind(audit: Audit, rows: Sequence[Impact]) -> list[str]:
    """One line each, the first few."""
    shown, told = rows[:ROWS_MAX], []
    width = max((len(f"{unit.kind} {unit.name}") for unit in shown), default=0)
    for unit in shown:
        drain = f"   drain {_cost(audit, unit, Intent.REMOVE)}" if unit.kind == NODE else ""
        lost = f": {names(unit.images, 3)}" if unit.images else ""
        told.append(
            f"{unit.kind} {unit.name}".ljust(width)
            + f"   {count(len(unit.images), 'image')} lost, {count(unit.down, 'volume')} down"
            + f"{drain}{lost}"
        )
    if len(rows) > len(shown):
        more = len(rows) - len(shown)
        told.append(f"and {count(more, rows[0].kind)} more whose failure costs something")
    return told


def _disks(audit: Audit) -> list[str]:
    """Disks whose failure costs something, where a node has several; else the node says it."""
    several = _nodes_of_several_disks(audit)
    bad = [
        unit
        for unit in audit.impacts.get(DISK, ())
        if not unit.harmless and unit.name.partition("/")[0] in several
    ]
    bad.sort(key=lambda unit: (-len(unit.images), -unit.down, unit.name))
    told = [
        f"disk {unit.name}: {count(len(unit.images), 'image')} lost, "
        f"{count(unit.down, 'volume')} down"
        for unit in bad[:NAMED_MAX]
    ]
    if len(bad) > NAMED_MAX:
        told.append(f"and {len(bad) - NAMED_MAX} more disks whose failure costs something")
    return told


def _nodes_of_several_disks(audit: Audit) -> set[str]:
    seen: set[str] = set()
    several: set[str] = set()
    for unit in audit.impacts.get(DISK, ()):
        node = unit.name.partition("/")[0]
        (several if node in seen else seen).add(node)
    return several


def _weak_line(audit: Audit) -> str:
    numbers: dict[str, int] = {}
    for finding in audit.findings:
        rule = UPGRADE if finding.kind == UPGRADE else finding.rule
        numbers[rule] = numbers.get(rule, 0) + 1
    parts = []
    for rule, number in numbers.items():
        one, many = _RULES.get(rule, (rule, rule))
        parts.append(f"{number} {one if number == 1 else many}")
    return f"weak: {', '.join(parts)}" if parts else "weak: nothing"


def _named(findings: Sequence[Finding], fix: str) -> list[str]:
    """What is behind the numbers, worst first; one line each. *fix* is told at the end of all."""
    shown = findings[:NAMED_MAX]
    first = max((len(finding.level) for finding in shown), default=0)
    second = max((len(f"{finding.kind} {finding.name}") for finding in shown), default=0)
    told = []
    for finding in shown:
        word = finding.level.replace("_", " ").upper()
        name = f"{finding.kind} {finding.name}"
        told.append(f"{word:<{first}}  {name:<{second}}  {finding.text}")
        if finding.remedy != fix:
            told.append(f"{'':<{first}}  {'':<{second}}  -> {finding.remedy}")
    if len(findings) > len(shown):
        told.append(f"and {len(findings) - len(shown)} more (format=json names them all)")
    return told


def _upgrade_lines(audit: Audit) -> list[str]:
    if not audit.upgrade:
        return []
    bad = [check for check in audit.upgrade if not check.holds]
    if not bad:
        return ["upgrade to 1.7: ready (definition, eviction flags, copies)"]
    told = ["upgrade to 1.7: not now"]
    for check in bad:
        told.append(f"  ! {check.text}: {check.remedy}")
    return told


def fix_line(audit: Audit) -> str:
    """What fix=true would do, "" when there is nothing for it."""
    work = audit.shortfalls
    if not work:
        return ""
    copies = sum(one.copies for one in work)
    size = spell_bytes(sum(one.bytes for one in work))
    made = f"makes {count(copies, 'copy', 'copies')}, {size}" if copies else "makes no copy"
    minima = sum(1 for one in work if one.minimum)
    made += f"; raises the minimum of {count(minima, 'image')}" if minima else ""
    broken = sum(1 for one in work if one.repair)
    made += f"; writes {count(broken, 'map')} in full" if broken else ""
    return f"fix:  {audit.fix}   ({made}; shown with --check --diff)"
