# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a whole play: taken by one task, used by others, given back by the last."""

from __future__ import annotations

from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds, lease
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work


def take(work: Work, holder: str | None, purpose: str, wait_seconds: float) -> dict[str, Any]:
    """Take it, or renew it where it is ours. Raises LeaseHeld."""
    name = holder or lease.new_holder(purpose)
    if work.check_mode:
        return {"changed": _holder(work.client) != name, "holder": name}

    def on_wait(text: str) -> None:
        work.interrupt.check("Nothing was changed.")
        work.progress.update(text)

    before = _holder(work.client)
    lease.Lease(work.client, name).acquire(wait_seconds, on_wait, work.deadline)
    return {"changed": before != name, "holder": name}


def give_back(work: Work, holder: str) -> dict[str, Any]:
    """Give it back if it is ours; one that is not, or gone, is left alone."""
    ours = _holder(work.client) == holder
    if ours and not work.check_mode:
        lock = lease.Lease(work.client, holder)
        lock.held = True
        lock.release()
    return {"changed": ours, "holder": holder}


def _holder(client: Client) -> str:
    current = client.find(kinds.LEASES, lease.NAME) or {}
    return str((current.get("spec") or {}).get("holderIdentity") or "")
