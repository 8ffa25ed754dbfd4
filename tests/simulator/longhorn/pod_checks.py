# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Longhorn reads a pod it started (F§2.4, F§4.5)."""

from __future__ import annotations

from tests.simulator.objects import Object, is_terminating


def containers_ready(pod: Object) -> bool:
    """Whether all containers of a pod are ready."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    return bool(statuses) and all(entry.get("ready") for entry in statuses)


def phase(pod: Object) -> str:
    """The pod's phase, Pending while there is none."""
    return str((pod.get("status") or {}).get("phase") or "Pending")


def running(pod: Object | None) -> bool:
    """Whether a pod is up and stays up."""
    if pod is None or is_terminating(pod):
        return False
    return phase(pod) == "Running" and containers_ready(pod)


def pod_ip(pod: Object) -> str:
    """The pod's address, empty while it has none."""
    return str((pod.get("status") or {}).get("podIP") or "")
