# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What deleting means: preconditions, finalizers, grace periods, propagation.

Rules and texts: apiserver pkg/registry/rest/delete.go and generic/registry/store.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulator import errors
from tests.simulator.admission import DELETE, AdmissionRequest
from tests.simulator.history import DELETED, MODIFIED
from tests.simulator.kernel import rfc3339
from tests.simulator.objects import Object, clone, name_of, namespace_of
from tests.simulator.resources import Resource

if TYPE_CHECKING:
    from tests.simulator.store import Store, WriteOptions

ORPHAN_FINALIZER = "orphan"
FOREGROUND_FINALIZER = "foregroundDeletion"


class Deletion:
    """The deleting half of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def run(
        self,
        resource: Resource,
        old: Object,
        preconditions: tuple[str | None, str | None],
        propagation: str | None,
        grace: int | None,
        options: WriteOptions,
    ) -> tuple[Object, bool]:
        """Delete or mark ``old``; return its last form and whether it is gone. Raises ApiError 409
        or a refusal.
        """
        check_preconditions(resource, old, *preconditions)
        request = AdmissionRequest(
            DELETE,
            resource,
            namespace_of(old),
            name_of(old),
            old,
            old,
            options.user,
            options.dry_run,
        )
        self._store.admission.validate(request)
        seconds = grace_seconds(resource, old, grace)
        new: Object = clone(old)
        metadata = new["metadata"]
        marked = bool(metadata.get("deletionTimestamp"))
        if not marked:
            _add_finalizer(metadata, propagation)
        held = resource.key == "namespaces" and (old.get("spec") or {}).get("finalizers")
        if held:
            new["status"] = {"phase": "Terminating"}
        if not metadata.get("finalizers") and not held and seconds == 0:
            return self._remove(resource, new, old, marked, options), True
        left = metadata.get("deletionGracePeriodSeconds") or 0
        if marked and not 0 <= seconds < left:
            return old, False
        if not marked and "generation" in metadata:
            metadata["generation"] += 1
        metadata["deletionTimestamp"] = rfc3339(self._store.kernel.now() + seconds)
        metadata["deletionGracePeriodSeconds"] = seconds
        if not options.dry_run:
            self._store.commit(resource, MODIFIED, new, old)
        return new, False

    def _remove(
        self, resource: Resource, new: Object, old: Object, marked: bool, options: WriteOptions
    ) -> Object:
        metadata = new["metadata"]
        if marked or resource.plural == "pods":
            metadata.setdefault("deletionTimestamp", self._store.kernel.timestamp())
            metadata["deletionGracePeriodSeconds"] = 0
        if not options.dry_run:
            self._store.commit(resource, DELETED, new, old)
        return new


def grace_seconds(resource: Resource, obj: Object, asked: int | None) -> int:
    """Return the seconds an object is given to stop; only pods get any (core/pod/strategy.go
    CheckGracefulDelete).
    """
    if resource.key != "pods":
        return 0
    spec, phase = obj.get("spec") or {}, (obj.get("status") or {}).get("phase")
    seconds: int = asked if asked is not None else spec.get("terminationGracePeriodSeconds", 30)
    if not spec.get("nodeName") or phase in ("Succeeded", "Failed"):
        return 0
    return max(seconds, 1) if seconds < 0 else seconds


def _add_finalizer(metadata: Object, propagation: str | None) -> None:
    wanted = {"Orphan": ORPHAN_FINALIZER, "Foreground": FOREGROUND_FINALIZER}.get(propagation or "")
    if wanted and wanted not in (metadata.get("finalizers") or []):
        metadata["finalizers"] = [*(metadata.get("finalizers") or []), wanted]


def check_preconditions(
    resource: Resource, old: Object, uid: str | None, version: str | None
) -> None:
    """Raise ApiError 409 unless uid and resourceVersion, where given, are those of the object."""
    metadata = old["metadata"]
    if uid and uid != metadata["uid"]:
        why = (
            f"the UID in the precondition ({uid}) does not match the UID in record "
            f"({metadata['uid']}). "
            "The object might have been deleted and then recreated"
        )
        raise errors.conflict(resource, name_of(old), why, use_kind=True)
    if version and version != metadata["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({version}) does not match the "
            f"ResourceVersion in record "
            f"({metadata['resourceVersion']}). The object might have been modified"
        )
        raise errors.conflict(resource, name_of(old), why, use_kind=True)
