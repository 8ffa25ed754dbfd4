# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ready for the step from Longhorn 1.6 to 1.7? The three ways in which it has lost images.

The new managers move spec.disks to spec.diskFileSpecMap when they start. Where the resource
definition does not serve that field yet, the API server drops it, the map is empty, and Longhorn
deletes the files (longhorn#10644, harvester#7958). An eviction flag that is still set makes the
manager of 1.7.0 to 1.7.3 crash (longhorn#10464). And an image with one copy does not outlive
whatever else goes wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import commands
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.holdings import Held
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import (
    NEW_MAP,
    OLD_MAP,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count, names

COPIES = 2
CRD = "backingimages.longhorn.io"


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of the upgrade: a fixed word, whether it holds (None: could not be read), and
    what to do.
    """

    rule: str
    holds: bool | None
    text: str
    remedy: str = ""

    def as_data(self) -> dict[str, Any]:
        return {"rule": self.rule, "ok": self.holds, "text": self.text, "remedy": self.remedy}


def checks(
    cluster: Cluster, held: Iterable[Held], served: Collection[str] | None
) -> tuple[Check, ...]:
    """The conditions; () where the step is already done. *served*: names of the properties of a
    BackingImage's spec in the served definition, None where it may not be read.
    """
    if cluster.schema.map_field != OLD_MAP:
        return ()
    return (_definition(served), _flags(cluster), _copies(cluster, held))


def _definition(served: Collection[str] | None) -> Check:
    rule = "definition_serves_map"
    if served is None:
        text = f"whether {CRD} serves spec.{NEW_MAP} could not be read"
        return Check(rule, None, text, "grant get on customresourcedefinitions, or look yourself")
    if NEW_MAP in served:
        return Check(rule, True, f"{CRD} serves spec.{NEW_MAP}")
    return Check(
        rule,
        False,
        f"{CRD} does not serve spec.{NEW_MAP} yet",
        "apply the resource definitions of the new release before its managers start, never after",
    )


def _flags(cluster: Cluster) -> Check:
    flagged = [name for name, node in sorted(cluster.nodes.items()) if node.eviction_requested]
    flagged += [
        disk.label
        for _name, node in sorted(cluster.nodes.items())
        for disk in node.disks
        if disk.eviction_requested
    ]
    rule = "no_eviction_flag"
    if not flagged:
        return Check(rule, True, "no node and no disk has its eviction requested")
    return Check(
        rule,
        False,
        f"eviction is requested for {names(flagged)}",
        "set evictionRequested to false there until the upgrade is done",
    )


def _copies(cluster: Cluster, held: Iterable[Held]) -> Check:
    few = [one.image.name for one in held if len(one.proven) < COPIES]
    rule = "two_copies_each"
    if not few:
        return Check(rule, True, f"every image has at least {COPIES} proven copies")
    return Check(
        rule,
        False,
        f"{count(len(few), 'image has', 'images have')} fewer than {COPIES} proven copies: "
        f"{names(few)}",
        commands.playbook(cluster.namespace, "protect_images", "image=all"),
    )
