# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refusals of Longhorn's admission webhooks, in their bodies and words (F§1.1, F§14.3)."""

from __future__ import annotations

from tests.simulator.errors import ApiError, denied_by_webhook

VALIDATOR = "validator.longhorn.io"
MUTATOR = "mutator.longhorn.io"


def invalid(text: str, field: str = "") -> ApiError:
    """422 by the validator; the cause carries the text that kubectl prints."""
    cause = {"reason": "FieldValueInvalid", "message": text}
    if field:
        cause["field"] = field
    return denied_by_webhook(VALIDATOR, text, 422, "Invalid", {"causes": [cause]})


def mutator_invalid(text: str, field: str = "") -> ApiError:
    """422 by the mutator."""
    cause = {"reason": "FieldValueInvalid", "message": text}
    if field:
        cause["field"] = field
    return denied_by_webhook(MUTATOR, text, 422, "Invalid", {"causes": [cause]})


def forbidden(text: str) -> ApiError:
    """403 by the validator."""
    return denied_by_webhook(VALIDATOR, text, 403, "Forbidden", {})


def undecodable(text: str) -> ApiError:
    """500: the mutator cannot read the object, before anybody looks at the schema."""
    return denied_by_webhook(MUTATOR, text, 500, "InternalError", {})
