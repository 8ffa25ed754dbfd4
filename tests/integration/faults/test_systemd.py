# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The undo by a transient timer, with a real systemd: what is armed fires, ends and outlives."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._worker import bundle
from tests.integration.faults.booted import CannotBoot, Machine, missing
from tests.material import need_flags
from tests.observer.leftovers import immutable
from tests.simulator.longhorn.immutable import set_flag

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"needs {missing()}")

DISK = "3a0b4d3c-2f6e-4e0c-a7b9-2d9c0c1f5c11"
DISKS = [{"disk_uuid": DISK, "data_path": "/var/lib/longhorn"}]
COPY = "lib/longhorn/backing-images/fault-img-abc12345"
TIMER = "nodecare-longhorn-t-1.timer"
SECONDS = 20.0


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    var = tmp_path_factory.mktemp("host") / "var"
    (var / "lib/longhorn/backing-images").mkdir(parents=True)
    (var / "lib/longhorn/longhorn-disk.cfg").write_text(json.dumps({"diskUUID": DISK}))
    try:
        machine = Machine(var)
    except CannotBoot as reason:
        pytest.skip(f"no systemd can be run here: {reason}")
    try:
        yield machine
    finally:
        machine.close()
        if (var / COPY).exists():
            set_flag(var / COPY, False)


@pytest.fixture
def machine(booted: Machine) -> Machine:
    """With one complete copy, and nothing armed."""
    (booted.var / COPY).mkdir(exist_ok=True)
    (booted.var / COPY / "backing").write_bytes(b"bytes")
    need_flags(booted.var)
    assert booted.timers() == []
    return booted


def tool(machine: Machine, action: str, **request: Any) -> dict[str, Any]:
    """Run the program of a worker there; its answer. The process has ended then."""
    asked = json.dumps({"root": "/", "id": "t-1", **request})
    done = machine.run(machine.python, "-c", bundle.source(), action, asked)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def arm(machine: Machine, deadline: float) -> dict[str, Any]:
    """Arm the undo of an immutable copy."""
    copy = {"image": "fault-img", "uuid": "abc12345", **DISKS[0]}
    more = {"kind": "immutable", "deadline": deadline, "source": bundle.source()}
    return tool(machine, "arm", **copy, **more)


def markers(machine: Machine) -> list[str]:
    """Names of the files among which a worker keeps what is armed."""
    folder = machine.var / "lib/nodecare-longhorn"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_the_timer_undoes_the_fault_when_nobody_else_does(machine: Machine) -> None:
    assert arm(machine, 5)["undo_by"] == "systemd"
    assert machine.timers() == [TIMER]
    assert tool(machine, "make")["removed"] == ["backing"]
    assert immutable(machine.var / COPY)
    end = time.monotonic() + SECONDS
    while (markers(machine) or machine.timers()) and time.monotonic() < end:
        time.sleep(0.1)
    assert not immutable(machine.var / COPY)
    assert markers(machine) == [] and machine.timers() == []


def test_a_timer_goes_with_its_fault_and_gives_way_to_a_new_one(machine: Machine) -> None:
    # A timer of that name is left over, as where its marker was removed by hand.
    name = f"--unit={TIMER.removesuffix('.timer')}"
    left = machine.run("systemd-run", name, "--on-active=1", "touch", "/var/fired")
    assert left.returncode == 0, left.stderr
    assert arm(machine, 60)["undo_by"] == "systemd"
    assert machine.timers() == [TIMER]
    assert "armed on this worker already" in arm(machine, 60)["failed"]
    assert machine.timers() == [TIMER]
    time.sleep(1.5)
    assert not (machine.var / "fired").exists(), "the timer that was left over has fired"
    assert tool(machine, "undo")["found"]
    assert markers(machine) == [] and machine.timers() == []
    assert arm(machine, 60)["undo_by"] == "systemd"
    tool(machine, "undo")
    assert machine.timers() == []


def test_after_a_loss_of_power_the_marker_tells_of_the_flag(machine: Machine) -> None:
    arm(machine, 3000)
    tool(machine, "make")
    machine.lose_power()
    machine.boot()
    assert machine.timers() == [], "a transient timer lives in /run"
    assert immutable(machine.var / COPY)
    found = tool(machine, "clean", disks=DISKS)
    assert [one["id"] for one in found["markers"]] == ["t-1"]
    assert found["undone"] == ["immutable flag of fault-img-abc12345"]
    assert not immutable(machine.var / COPY)
    assert markers(machine) == []
