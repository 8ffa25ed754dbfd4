# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The columns that ``kubectl get`` shows for built-in kinds (kubernetes
pkg/printers/internalversion/printers.go).
"""

from __future__ import annotations

from typing import Any

from tests.simulator.kernel import parse_rfc3339
from tests.simulator.objects import Object, condition, is_terminating, labels_of, lookup
from tests.simulator.resources import Column

_AGE = Column("Age", ".metadata.creationTimestamp", "date")


def human_age(seconds: float) -> str:
    """Return a duration as ``kubectl`` shows ages (apimachinery pkg/util/duration
    HumanDuration)."""
    whole = int(seconds)
    if whole < 0:
        return "0s"
    if whole < 120:
        return f"{whole}s"
    minutes = whole // 60
    if minutes < 10:
        return f"{minutes}m{whole % 60}s" if whole % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    hours = minutes // 60
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if days < 730:
        return f"{days}d"
    years, rest = divmod(days, 365)
    return f"{years}y{rest}d" if years < 8 and rest else f"{years}y"


def age_since(text: Any, now: float) -> str:
    """Return the age of an RFC 3339 time, ``<unknown>`` when there is none."""
    return human_age(now - parse_rfc3339(text)) if isinstance(text, str) and text else "<unknown>"


def _node_status(obj: Object, now: float) -> str:
    ready = condition(obj, "Ready")
    words = ["Unknown"]
    if ready is not None:
        words = ["Ready" if ready.get("status") == "True" else "NotReady"]
    if obj.get("spec", {}).get("unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _node_roles(obj: Object, now: float) -> str:
    prefix = "node-role.kubernetes.io/"
    roles = sorted(k.removeprefix(prefix) for k in labels_of(obj) if k.startswith(prefix))
    return ",".join(roles) or "<none>"


def _pod_ready(obj: Object, now: float) -> str:
    wanted = len(obj.get("spec", {}).get("containers") or [])
    statuses = obj.get("status", {}).get("containerStatuses") or []
    return f"{sum(bool(s.get('ready')) for s in statuses)}/{wanted}"


def _pod_status(obj: Object, now: float) -> str:
    status = obj.get("status", {})
    reason: str = status.get("reason") or status.get("phase") or "Unknown"
    if is_terminating(obj):
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    for container in status.get("containerStatuses") or []:
        state = container.get("state") or {}
        for kind in ("waiting", "terminated"):
            if state.get(kind, {}).get("reason"):
                reason = state[kind]["reason"]
    return reason


def _pod_restarts(obj: Object, now: float) -> int:
    statuses = obj.get("status", {}).get("containerStatuses") or []
    return sum(int(s.get("restartCount", 0)) for s in statuses)


def _last_seen(obj: Object, now: float) -> str:
    text = obj.get("lastTimestamp") or obj.get("eventTime") or obj.get("firstTimestamp")
    return age_since(text or obj["metadata"].get("creationTimestamp"), now)


def _event_object(obj: Object, now: float) -> str:
    target = obj.get("involvedObject") or {}
    return f"{str(target.get('kind', '')).lower()}/{target.get('name', '')}"


def _ratio(obj: Object, now: float) -> str:
    ready, wanted = lookup(obj, "status.readyReplicas"), lookup(obj, "spec.replicas")
    return f"{ready or 0}/{wanted or 0}"


def _number(path: str) -> Any:
    return lambda obj, now: lookup(obj, path) or 0


def _or_not_available(path: str) -> Any:
    def cell(obj: Object, now: float) -> str:
        value = lookup(obj, path)
        return "N/A" if value is None else str(value)

    return cell


BUDGETS = (
    Column("Min Available", cell=_or_not_available("spec.minAvailable")),
    Column("Max Unavailable", cell=_or_not_available("spec.maxUnavailable")),
    Column("Allowed Disruptions", ".status.disruptionsAllowed", "integer"),
    _AGE,
)
NODES = (
    Column("Status", cell=_node_status),
    Column("Roles", cell=_node_roles),
    _AGE,
    Column("Version", ".status.nodeInfo.kubeletVersion"),
)
PODS = (
    Column("Ready", cell=_pod_ready),
    Column("Status", cell=_pod_status),
    Column("Restarts", cell=_pod_restarts),
    _AGE,
    Column("IP", ".status.podIP", priority=1),
    Column("Node", ".spec.nodeName", priority=1),
)
EVENTS = (
    Column("Last Seen", cell=_last_seen),
    Column("Type", ".type"),
    Column("Reason", ".reason"),
    Column("Object", cell=_event_object),
    Column("Message", ".message"),
)
DAEMONSETS = (
    Column("Desired", type="integer", cell=_number("status.desiredNumberScheduled")),
    Column("Current", type="integer", cell=_number("status.currentNumberScheduled")),
    Column("Ready", type="integer", cell=_number("status.numberReady")),
    _AGE,
)
DEPLOYMENTS = (
    Column("Ready", cell=_ratio),
    Column("Up-to-date", type="integer", cell=_number("status.updatedReplicas")),
    Column("Available", type="integer", cell=_number("status.availableReplicas")),
    _AGE,
)
REPLICASETS = (Column("Ready", cell=_ratio), _AGE)
