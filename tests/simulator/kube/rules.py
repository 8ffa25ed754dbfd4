# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real API server refuses in built-in objects whose types are right.

Sources: k8s.io/kubernetes pkg/apis/core/validation and pkg/apis/coordination/validation; texts as
kube-apiserver 1.36 answers.
"""

from __future__ import annotations

import json
from typing import Any

from tests.simulator.errors import Cause
from tests.simulator.objects import Object, clone, namespace_of

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_POD_FROZEN = (
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set "
    "to 1 if it was previously negative)"
)


def check_lease(new: Object, old: Object | None) -> list[Cause]:
    """Return which numbers of a lease make no sense."""
    spec = new.get("spec") or {}
    causes = []
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if seconds is not None and seconds <= 0:
        text = f"Invalid value: {seconds}: must be greater than 0"
        causes.append(Cause("spec.leaseDurationSeconds", "FieldValueInvalid", text))
    if transitions is not None and transitions < 0:
        text = f"Invalid value: {transitions}: must be greater than or equal to 0"
        causes.append(Cause("spec.leaseTransitions", "FieldValueInvalid", text))
    return causes


def check_budget(new: Object, old: Object | None) -> list[Cause]:
    """Return which limits of a disruption budget make no sense."""
    spec = new.get("spec") or {}
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    limits = {"MinAvailable": least, "MaxUnavailable": most}
    causes = []
    if None not in limits.values():
        shown = {
            "MinAvailable": least,
            "Selector": spec.get("selector"),
            "MaxUnavailable": most,
            "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy"),
        }
        text = json.dumps(shown, separators=(",", ":"))
        text = f"Invalid value: {text}: minAvailable and maxUnavailable cannot be both set"
        causes.append(Cause("spec", "FieldValueInvalid", text))
    for name, value in limits.items():
        if isinstance(value, int) and value < 0:
            text = f"Invalid value: {value}: must be greater than or equal to 0"
            field = f"spec.{name[0].lower()}{name[1:]}"
            causes.append(Cause(field, "FieldValueInvalid", text))
    return causes


def check_event(new: Object, old: Object | None) -> list[Cause]:
    """Return whether an event is about something in another namespace."""
    about = (new.get("involvedObject") or {}).get("namespace") or ""
    if about and about != namespace_of(new):
        text = f"Invalid value: {json.dumps(about)}: does not match event.namespace"
        return [Cause("involvedObject.namespace", "FieldValueInvalid", text)]
    return []


def check_node(new: Object, old: Object | None) -> list[Cause]:
    """Return which taints have an effect that does not exist."""
    causes = []
    for index, taint in enumerate((new.get("spec") or {}).get("taints") or []):
        effect = taint.get("effect") or ""
        if effect and effect not in _EFFECTS:
            listed = ", ".join(json.dumps(e) for e in _EFFECTS)
            text = f"Unsupported value: {json.dumps(effect)}: supported values: {listed}"
            field = f"metadata.taints[{index}].effect"
            causes.append(Cause(field, "FieldValueNotSupported", text))
    return causes if old is None else causes * 2


def check_pod(new: Object, old: Object | None) -> list[Cause]:
    """Return whether an update changes what a pod keeps for its life (a binding is another
    request). The real text goes on with a comparison of Go structs, which is left out.
    """
    if old is None or _frozen(new) == _frozen(old) and _tolerates_more(new, old):
        return []
    return [Cause("spec", "FieldValueForbidden", _POD_FROZEN)]


def _frozen(pod: Object) -> Any:
    spec = clone(pod.get("spec") or {})
    for name in ("activeDeadlineSeconds", "tolerations"):
        spec.pop(name, None)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        spec["terminationGracePeriodSeconds"] = 1
    for name in ("containers", "initContainers"):
        for container in spec.get(name) or []:
            container.pop("image", None)
    return spec


def _tolerates_more(new: Object, old: Object) -> bool:
    kept = (new.get("spec") or {}).get("tolerations") or []
    return all(t in kept for t in (old.get("spec") or {}).get("tolerations") or [])
