# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control endpoint: faults, time, power, for processes outside (Molecule, the demo).

It lives under ``/simulator/`` beside the API, on the same loopback address, and wants the admin's
token.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from tests.simulator.clock import RunningClock
from tests.simulator.errors import ApiError, bad_request, method_not_allowed
from tests.simulator.faults import Faults
from tests.simulator.kernel import Kernel
from tests.simulator.objects import Object
from tests.simulator.requestlog import RequestLog

PREFIX = "/simulator/"
Action = Callable[[str, Object], Any]


class Control:
    """What can be asked of the simulator itself; parts of the cluster register more."""

    def __init__(self, kernel: Kernel, faults: Faults, log: RequestLog) -> None:
        self._kernel = kernel
        self._faults = faults
        self._log = log
        self.on_pace: Callable[[], None] = lambda: None
        self._actions: dict[str, Action] = {
            "faults": self._do_faults,
            "time": self._do_time,
            "requests": self._do_requests,
        }

    def register(self, name: str, action: Action) -> None:
        """Answer ``/simulator/<name>`` with ``action(method, body)``, whose result goes back as
        JSON.

        It raises ValueError or KeyError with a text for the caller when the body is wrong.
        """
        self._actions[name] = action

    def handle(self, path: str, method: str, body: Any) -> Object:
        """Do what is asked and return the answer. Raises ApiError 400, 404 or 405."""
        name = path.removeprefix(PREFIX).strip("/")
        action = self._actions.get(name)
        if action is None:
            known = ", ".join(sorted(self._actions))
            raise ApiError(404, "NotFound", f"no {path!r}; there are: {known}", {})
        if not isinstance(body, dict):
            raise bad_request("the body must be a JSON object")
        try:
            result = action(method, body)
        except (ValueError, KeyError, TypeError) as error:
            raise bad_request(f"{name}: {error}") from None
        return result if isinstance(result, dict) else {"result": result}

    def _do_faults(self, method: str, body: Object) -> Object:
        if method == "POST":
            self._faults.add(Faults.from_data(body))
        elif method == "DELETE":
            self._faults.clear()
        elif method != "GET":
            raise method_not_allowed()
        return self._faults.describe()

    def _do_time(self, method: str, body: Object) -> Object:
        clock = self._kernel.clock
        if method == "POST" and "scale" in body:
            if not isinstance(clock, RunningClock):
                raise ValueError("virtual time has no scale")
            clock.set_scale(float(body["scale"]))
            self.on_pace()
        elif method == "POST" and "run_for" in body:
            if isinstance(clock, RunningClock):
                raise ValueError("only virtual time can be moved")
            self._kernel.run_for(float(body["run_for"]))
        elif method != "GET":
            raise ValueError("POST wants scale (running time) or run_for (virtual time, seconds)")
        return {
            "now": self._kernel.now(),
            "timestamp": self._kernel.timestamp(),
            "scale": clock.scale if isinstance(clock, RunningClock) else None,
        }

    def _do_requests(self, method: str, body: Object) -> Object:
        if method == "DELETE":
            self._log.clear()
        elif method != "GET":
            raise method_not_allowed()
        wanted = {
            k: v for k, v in body.items() if k in ("verb", "resource", "user", "agent", "since")
        }
        entries = self._log.select(**wanted)
        return {"total": self._log.total, "entries": [asdict(e) for e in entries]}
