# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Admission: what may change or refuse a write before it is stored.

As in Longhorn's webhook configuration, hooks see writes to the object itself, not to its
subresources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.simulator.objects import Object
from tests.simulator.resources import Resource

CREATE = "CREATE"
UPDATE = "UPDATE"
DELETE = "DELETE"


@dataclass
class AdmissionRequest:
    """One write that asks for admission.

    ``obj`` is the object as it would be stored (a mutating hook edits it in place), for DELETE the
    one that goes; ``old`` the one stored now, None on CREATE.
    """

    operation: str
    resource: Resource
    namespace: str
    name: str
    obj: Object
    old: Object | None
    user: str
    dry_run: bool


Hook = Callable[[AdmissionRequest], None]


class Admission:
    """The hooks of one store, called in the order in which they were registered."""

    def __init__(self) -> None:
        self._mutating: dict[tuple[str, str], list[Hook]] = {}
        self._validating: dict[tuple[str, str], list[Hook]] = {}

    def mutating(self, res: str, operations: Iterable[str], fn: Hook) -> None:
        """Let ``fn`` edit the objects of ``res`` that are written by these operations; it raises
        ApiError to refuse.
        """
        for operation in operations:
            self._mutating.setdefault((res, operation.upper()), []).append(fn)

    def validating(self, res: str, operations: Iterable[str], fn: Hook) -> None:
        """Let ``fn`` look at what these operations are about to write; it raises ApiError to
        refuse.
        """
        for operation in operations:
            self._validating.setdefault((res, operation.upper()), []).append(fn)

    def mutate(self, request: AdmissionRequest) -> bool:
        """Run the mutating hooks and tell whether there were any. Raises the ApiError of the first
        that refuses.
        """
        hooks = self._mutating.get((request.resource.key, request.operation), ())
        for fn in hooks:
            fn(request)
        return bool(hooks)

    def validate(self, request: AdmissionRequest) -> None:
        """Run the validating hooks. Raises the ApiError of the first that refuses."""
        for fn in self._validating.get((request.resource.key, request.operation), ()):
            fn(request)
