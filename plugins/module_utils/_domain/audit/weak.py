# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Weak points: what is lost already, one failure away from it, or cannot be got back.

Each rule is a function over one image; `find` puts them together, worst first. Levels ascend:
fine, weak (worth repairing), at_risk (one disk or node away from a loss), unavailable (no copy can
be proven now).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    commands,
    proven,
    redact,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.holdings import Held
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.impact import (
    DISK,
    NODE,
    ZONE,
    Impact,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Image,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    count,
    names,
    phrases,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    DOWNLOAD,
    is_gone,
    wanted_copies,
)

FINE = "fine"
WEAK = "weak"
AT_RISK = "at_risk"
UNAVAILABLE = "unavailable"
LEVELS = (FINE, WEAK, AT_RISK, UNAVAILABLE)  # ascending


def fix(cluster: Cluster) -> str:
    """The command that makes the copies that are missing."""
    return commands.playbook(cluster.namespace, "audit", "fix=true")


def diagnose(cluster: Cluster, image: str) -> str:
    """The command that tells what is wrong with one image."""
    return commands.playbook(cluster.namespace, "diagnose", f"image={image}")


@dataclass(frozen=True, slots=True)
class Finding:
    """One weak point. `rule` is a fixed word; `kind` is image or volume; text and remedy are for
    a person.
    """

    rule: str
    level: str
    kind: str
    name: str
    text: str
    remedy: str

    def as_data(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "level": self.level,
            "kind": self.kind,
            "name": self.name,
            "text": self.text,
            "remedy": self.remedy,
        }


def find(
    cluster: Cluster,
    held: Iterable[Held],
    impacts: Mapping[str, tuple[Impact, ...]],
    sources: Mapping[str, str],
) -> tuple[Finding, ...]:
    """All weak points, worst first, then by rule and name. *sources*: what is wrong with the
    source of an image that was asked ("" for one that delivers); images not in it were not asked.
    """
    zones = {node.zone for node in cluster.nodes.values() if node.zone}
    found = list(_volumes(impacts))
    for one in held:
        found += _of_image(cluster, one, zones, sources.get(one.image.name, ""))
    return tuple(sorted(found, key=lambda f: (-LEVELS.index(f.level), f.rule, f.kind, f.name)))


def worst(findings: Iterable[Finding]) -> str:
    """The worst level, fine where there is nothing."""
    return max((finding.level for finding in findings), key=LEVELS.index, default=FINE)


def _of_image(
    cluster: Cluster, held: Held, zones: set[str], source_problem: str
) -> Iterator[Finding]:
    image = held.image
    yield from _copies(cluster, held, zones)
    broken = sum(1 for copy in image.wanted if not copy.complete)
    if broken:
        yield Finding(
            "incomplete_entry",
            WEAK,
            "image",
            image.name,
            f"{count(broken, 'map entry', 'map entries')} without dataEngine: Longhorn can no "
            "longer change or delete it",
            fix(cluster),
        )
    gone = [copy.disk for copy in image.wanted if is_gone(cluster, copy.disk)]
    if gone:
        yield Finding(
            "orphan_map_entry",
            WEAK,
            "image",
            image.name,
            f"its map names {count(len(gone), 'disk')} that no node has: {names(gone, 2)}",
            diagnose(cluster, image.name),
        )
    if image.source_type == DOWNLOAD:
        yield from _source(image, source_problem)


def _copies(cluster: Cluster, held: Held, zones: set[str]) -> Iterator[Finding]:
    image, number = held.image, len(held.proven)
    source = cluster.data_sources.get(image.name)
    if not number:
        arriving = bool(held.coming) or source is None or not source.file_transferred
        text, remedy = "no copy is ready yet", diagnose(cluster, image.name)
        if not arriving:
            text, remedy = _unproven(cluster, image)
        level = WEAK if arriving else UNAVAILABLE
        yield Finding("no_copy", level, "image", image.name, text, remedy)
        return
    wanted = wanted_copies(cluster, image)
    if number == 1:
        text = f"its only copy is on {held.proven[0].label}"
        yield Finding("only_copy", AT_RISK, "image", image.name, text, fix(cluster))
    elif len(held.nodes) == 1:
        text = f"all {number} copies are on node {held.proven[0].node}"
        yield Finding("one_node", AT_RISK, "image", image.name, text, fix(cluster))
    elif len(held.zones) == 1 and len(zones) > 1:
        text = f"all {number} copies are in zone {held.proven[0].zone or '(none)'}"
        yield Finding("one_zone", WEAK, "image", image.name, text, fix(cluster))
    if number < wanted:
        coming = f", {len(held.coming)} on the way" if held.coming else ""
        text = f"{number} of {wanted} wanted copies{coming}"
        yield Finding("below_minimum", WEAK, "image", image.name, text, fix(cluster))


def _unproven(cluster: Cluster, image: Image) -> tuple[str, str]:
    """Why nothing proves its copies, and what to do: a copy that reads ready is only as good as
    what reports it.
    """
    closed = proven.under_maintenance(cluster)
    ready = [copy for copy in image.wanted if copy.state == "ready"]
    why = list(dict.fromkeys(proven.why_unproven(cluster, copy, closed) for copy in ready))
    text = "no copy of it can be proven" + (f": {phrases(why)}" if why else "")
    kept = sorted({d.node for c in ready if (d := cluster.disks.get(c.disk))} & closed)
    if kept:
        return text, commands.playbook(cluster.namespace, "restore_node", f"node={kept[0]}")
    return text, diagnose(cluster, image.name)


def _source(image: Image, problem: str) -> Iterator[Finding]:
    if problem:
        yield Finding(
            "source_fails",
            WEAK,
            "image",
            image.name,
            f"its source no longer delivers: {redact.plain(problem)}",
            "keep its file elsewhere, or more copies: it could not be downloaded again",
        )
    if not image.wanted_checksum:
        known = image.checksum
        pin = f"sha512 {known[:12]}… (backing_image_info has it whole)" if known else "the sha512"
        text = "nothing says which bytes its URL has to deliver"
        if known:
            text += "; Longhorn recorded those of its first download"
        remedy = f"write {pin} as checksum where the image is defined"
        yield Finding("no_checksum", WEAK, "image", image.name, text, remedy)


def _volumes(impacts: Mapping[str, tuple[Impact, ...]]) -> Iterator[Finding]:
    """Volumes that one disk or one node takes down, or one zone where there are several."""
    told: set[str] = set()
    for kind in (DISK, NODE, ZONE):
        for unit in impacts.get(kind, ()):
            for name in unit.volumes:
                if name not in told:
                    told.add(name)
                    yield _volume(kind, unit.name, name)


def _volume(kind: str, unit: str, name: str) -> Finding:
    text = f"its complete replicas are all {'in' if kind == ZONE else 'on'} {kind} {unit}"
    remedy = "give it one replica more (spec.numberOfReplicas)"
    if kind == ZONE:
        remedy += ", in another zone"
        return Finding("replicas_in_one_zone", WEAK, "volume", name, text, remedy)
    return Finding("one_replica", AT_RISK, "volume", name, text, remedy)
