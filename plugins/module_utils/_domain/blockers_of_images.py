# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reasons in the images of a node why it cannot go yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    data_source_end,
    proven,
    redact,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import (
    Blocker,
    Clears,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.image_needs import Need
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    DataSource,
    Image,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.placement import Placement
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.remedies import (
    Remedies,
    Way,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    count,
    spell_bytes,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.url_cause import (
    LASTING,
    url_cause,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    NEW_URL,
    recover_command_of,
)

DISKS_TOLD = 20
RETRIED = frozenset({"download", "export-from-volume"})
FAILED = frozenset({"failed", "failed-and-cleanup"})


def of_need(
    cluster: Cluster, need: Need, place: str, placement: Placement, remedies: Remedies
) -> Iterator[Blocker]:
    """What is wrong with one image of the node or disk; place: its label."""
    image = need.image
    if image.meta.deleting:
        yield Blocker(
            "image_deleting",
            "image",
            image.name,
            "is being deleted",
            "wait until it is gone",
            Clears.BY_ITSELF,
        )
        return
    frozen = refused_url(cluster, image)
    if frozen:
        yield Blocker(
            "image_frozen",
            "image",
            image.name,
            f"{frozen}, so Longhorn {cluster.schema.version} refuses every change of this image",
            "make the image anew from an http or https URL, and move its volumes there",
        )
    source = cluster.data_sources.get(image.name)
    if source is None:
        reason = "has no data source at the moment; Longhorn makes it again within 30 s"
        yield Blocker("no_data_source", "image", image.name, reason, "run again", Clears.BY_ITSELF)
        return
    if not source.file_transferred:
        return
    if not need.proven and not need.sources:
        yield _nothing_proven(cluster, image, need)
    elif need.reachable < 1:
        yield _no_target(need, place, placement, remedies)
    elif need.reachable < need.wanted:
        ways = remedies.ways(image, need.reachable, need.targets)
        yield Blocker(
            "fewer_copies",
            "image",
            image.name,
            f"will have {need.reachable} of {need.wanted} wanted copies: no further disk will do",
            _cheapest(ways) or "add a disk, or lower its number of copies",
            stops=False,
            detail=(*_others(ways), *_refused(need, placement)),
            ways=tuple(way.as_data() for way in ways),
        )


def refused_url(cluster: Cluster, image: Image) -> str:
    """Why the webhook refuses every update of this image because of its URL ("" where not)."""
    url = image.source_parameters.get("url", "")
    if not cluster.schema.updates_check_url or image.source_type != "download" or not url:
        return ""
    scheme, found, rest = url.partition("://")
    if not found or scheme.lower() not in ("http", "https"):
        return f"its URL has the scheme {scheme!r}"
    host = rest.split("/")[0].rpartition("@")[2].lower()
    if host.partition(":")[0] == "localhost" or host.startswith(("127.", "[::1]")):
        return "its URL names the loopback address"
    return ""


def _nothing_proven(cluster: Cluster, image: Image, need: Need) -> Blocker:
    states = tuple(
        f"{copy.disk[:8]}: {proven.why_unproven(cluster, copy)}" for copy in image.wanted
    )
    if need.coming:
        return Blocker(
            "image_syncing",
            "image",
            image.name,
            "no copy is ready yet, one is being made",
            "wait until a copy is ready",
            Clears.BY_ITSELF,
            detail=states,
        )
    remedy = "bring a node with a copy back, or recover the image first"
    return Blocker(
        "image_lost",
        "image",
        image.name,
        "no copy can be relied on, here or elsewhere",
        remedy,
        detail=states,
    )


def _refused(need: Need, placement: Placement) -> tuple[str, ...]:
    """Why each disk was refused; on a large cluster the first ones, and how often each reason."""
    found = placement.refusals(need.image)
    lines = [f"{disk}: {why}" for disk, why in found.items()]
    if len(lines) <= DISKS_TOLD:
        return tuple(lines)
    reasons = Counter(why.partition(",")[0] for why in found.values()).most_common(DISKS_TOLD // 2)
    told = (f"{count(number, 'disk')}: {why}" for why, number in reasons)
    return (*lines[: DISKS_TOLD // 2], f"of {len(lines)} disks in all:", *told)


def _cheapest(ways: tuple[Way, ...]) -> str:
    return ways[0].text if ways else ""


def _others(ways: tuple[Way, ...]) -> tuple[str, ...]:
    return tuple(f"or {way.text}" for way in ways[1:])


def _no_target(need: Need, place: str, placement: Placement, remedies: Remedies) -> Blocker:
    image = need.image
    ways = remedies.ways(image)
    return Blocker(
        "no_target_disk",
        "image",
        image.name,
        f"last proven copy is on {place}, and no disk can take another",
        _cheapest(ways)
        or f"add a disk with room for {spell_bytes(image.file_bytes)}; nothing below helps",
        detail=(*_others(ways), *_refused(need, placement)),
        ways=tuple(way.as_data() for way in ways),
    )


def first_file(cluster: Cluster, source: DataSource, place: str) -> Blocker:
    """A first file is being made on the node: its pod has no budget, its bytes go with it."""
    if source.meta.deleting:
        return _ending(cluster, source)
    progress = f"{source.state or 'starting'}, {source.progress} %"
    reason = f"its first file is being made on {place} ({source.source_type}, {progress})"
    broken = source.state in FAILED
    cause = url_cause(source.message)
    if broken and source.message:
        message = redact.plain(source.message)
        told = f"{cause.meaning} ({message})" if cause.meaning else message
        reason = f"its first file failed on {place}: {told}"
    if source.source_type == "upload":
        remedy = "finish or cancel the upload"
    elif broken and source.source_type not in RETRIED:
        remedy = "Longhorn does not try this type again: delete the image and make it anew"
    elif broken and cause in LASTING:
        command = recover_command_of(cluster, source.name, NEW_URL)
        remedy = f"{cause.remedy.format(new_url=command)}; or delete the image"
    else:
        return Blocker(
            "first_file", "image", source.name, reason, "wait until it is ready", Clears.BY_ITSELF
        )
    return Blocker("first_file", "image", source.name, reason, remedy)


def _ending(cluster: Cluster, source: DataSource) -> Blocker:
    """Its data source is being deleted, and with it what the first file has so far."""
    name = source.name
    if data_source_end.ends_by_itself(cluster, source):
        reason = f"its data source is being deleted ({source.state or 'starting'})"
        wait = "wait until it is gone"
        return Blocker("first_file", "image", name, reason, wait, Clears.BY_ITSELF)
    reason, remedy = data_source_end.told(cluster, source)
    if data_source_end.left_over(cluster, source):
        return Blocker("data_source_left", "image", name, reason, remedy, stops=False)
    return Blocker("first_file", "image", name, reason, remedy)


def first_files(cluster: Cluster, scope: Scope) -> Iterator[Blocker]:
    """All data sources that still work on one of the disks to empty, and those that stay there
    though their image is gone.
    """
    uuids = scope.uuids(cluster)
    for source in cluster.data_sources.values():
        on_node = source.node == scope.node and not scope.disk
        if source.file_transferred or not (on_node or source.disk in uuids):
            continue
        gone = data_source_end.left_over(cluster, source)
        if not (gone and data_source_end.ends_by_itself(cluster, source)):
            yield first_file(cluster, source, scope.label)


def incomplete_entries(cluster: Cluster, concerned: set[str], repair: bool) -> Iterator[Blocker]:
    """Entries written as `{}`: from 1.8 every spec write of Longhorn on such an image fails.

    It stops the drain only for images that the drain needs Longhorn to work on.
    """
    for name, image in sorted(cluster.images.items()):
        broken = [copy for copy in image.wanted if not copy.complete]
        if not broken:
            continue
        entries = count(len(broken), "map entry", "map entries")
        yield Blocker(
            "incomplete_entry",
            "image",
            name,
            f"{entries} without dataEngine: Longhorn can no longer change or delete this image",
            "will be repaired" if repair else "write them in full: -e repair_entries=true",
            stops=name in concerned and not repair,
        )
