# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small writes that drive engines and replicas; each edits an object in place."""

from __future__ import annotations

from tests.simulator.objects import Object


def mark_healthy(obj: Object, stamp: str) -> None:
    """A replica has all data."""
    obj["spec"].update(healthyAt=stamp, rebuildRetryCount=0)
    if "lastHealthyAt" in obj["spec"]:
        obj["spec"]["lastHealthyAt"] = stamp


def mark_failed(obj: Object, stamp: str) -> None:
    """A replica failed; it is to stop."""
    obj["spec"].update(failedAt=stamp, desireState="stopped")


def unfail(obj: Object) -> None:
    """A replica is salvaged."""
    obj["spec"]["failedAt"] = ""


def want_running(obj: Object) -> None:
    """A replica is to run."""
    obj["spec"]["desireState"] = "running"


def want_stopped(obj: Object) -> None:
    """A replica is to stop."""
    obj["spec"]["desireState"] = "stopped"


def want_engine_stopped(obj: Object) -> None:
    """An engine is to stop, wherever it runs."""
    obj["spec"].update(desireState="stopped", nodeID="")
