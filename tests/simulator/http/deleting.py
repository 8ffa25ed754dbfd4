# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a DELETE asks for.

Source: apiserver pkg/endpoints/handlers/delete.go: a body is read instead of the query.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulator.errors import Cause, bad_request, invalid_options
from tests.simulator.http.requests import Request, check_dry_run
from tests.simulator.writing import WriteOptions

_KIND = "DeleteOptions"
_POLICIES = ("Foreground", "Background", "Orphan")


@dataclass
class DeleteOptions:
    """Preconditions, propagation, seconds of grace, and how the write is to be done."""

    uid: str | None
    version: str | None
    propagation: str | None
    grace: int | None
    options: WriteOptions


def delete_options(request: Request) -> DeleteOptions:
    """Return what a DELETE asks for, in its body or else its query. Raises ApiError 400 or 422."""
    body = request.decode() if request.body.strip() else {}
    if body:
        options = WriteOptions(request.user)
        if body.get("dryRun"):
            check_dry_run(_KIND, body["dryRun"])
            options.dry_run = True
        grace = body.get("gracePeriodSeconds")
        if isinstance(grace, str):
            raise bad_request(
                "json: cannot unmarshal string into Go struct field "
                "DeleteOptions.gracePeriodSeconds of type int64"
            )
        propagation = body.get("propagationPolicy")
        orphan = body.get("orphanDependents")
    else:
        options, grace = request.write_options(), request.number("gracePeriodSeconds")
        propagation = request.query.get("propagationPolicy")
        orphan = request.flag("orphanDependents")
    _check_propagation(propagation, orphan)
    conditions = body.get("preconditions") or {}
    return DeleteOptions(
        conditions.get("uid"),
        conditions.get("resourceVersion"),
        "Orphan" if orphan else propagation,
        grace,
        options,
    )


def _check_propagation(policy: str | None, orphan: bool | None) -> None:
    if policy and orphan is not None and orphan:
        text = f'Invalid value: "{policy}": orphanDependents and deletionPropagation cannot be both'
        cause = Cause("propagationPolicy", "FieldValueInvalid", f"{text} set")
        raise invalid_options(_KIND, cause)
    if policy and policy not in _POLICIES:
        listed = ", ".join(f'"{p}"' for p in (*_POLICIES, "nil"))
        text = f'Unsupported value: "{policy}": supported values: {listed}'
        raise invalid_options(_KIND, Cause("propagationPolicy", "FieldValueNotSupported", text))
