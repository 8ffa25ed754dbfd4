# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep Longhorn from making copies for a node that only reboots (1.7 and later).

The old number is noted in the same write that lowers it, so no killed run can leave it lowered
without a note: the return of the node, the undoing of the drain, or a drain that turns to another
intent sets it again.
"""

from __future__ import annotations

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    memory,
    minimum,
    parse,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.minimum import Lowering
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import plan_drain
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import (
    Ops,
    Work,
    spec_of,
)


def lower(work: Work, request: Request) -> list[Lowering]:
    """From a reading after the copies were made; returns what was written."""
    cluster = plan_drain.read(work.client, work.longhorn, request.node)
    items = [item for item in minimum.needed(cluster, request.scope) if not item.why_not]
    schema, scope = work.longhorn.schema, request.scope

    def write(item: Lowering) -> bool:
        def decide(raw: Object) -> Ops | None:
            image = parse.image(raw, schema)
            noted = memory.before(image.meta)
            if image.min_copies != item.before:
                return None
            if "map" not in noted:
                present = spec_of(raw).get(schema.map_field) or {}
                noted = {**noted, "map": present, **scope.mark()}
            return minimum.lower(image, item.number, noted) or None

        return work.patch(kinds.BACKING_IMAGES, item.image, decide) is not None

    written = work.in_parallel(write, items)
    done = [item for item, did in zip(items, written, strict=True) if did]
    if done:
        number = count(len(done), "image")
        work.progress.update(f"minNumberOfCopies of {number} lowered for the time", at_once=True)
    return done


def give_back(work: Work, names: list[str]) -> int:
    """Set the numbers of these images again, and take them out of their notes."""

    def decide(raw: Object) -> Ops | None:
        identity = parse.meta(raw)
        ops = minimum.give_back(memory.before(identity), spec_of(raw))
        return [*ops, *memory.drop(identity, minimum.FIELD)] or None

    def write(name: str) -> bool:
        return work.patch(kinds.BACKING_IMAGES, name, decide) is not None

    return sum(work.in_parallel(write, names))
