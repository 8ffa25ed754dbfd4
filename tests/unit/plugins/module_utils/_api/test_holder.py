# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The name of a run tells whether its process is gone, as far as that can be known here."""

from __future__ import annotations

import subprocess
import sys

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.lease import (
    new_holder,
    surely_dead,
)


def test_only_a_process_of_this_machine_that_is_gone_is_surely_dead() -> None:
    ours = new_holder("recovery")
    assert not surely_dead(ours)
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    head, _colon, tail = ours.rpartition(":")
    gone = f"{head}:{child.pid}-{tail.partition('-')[2]}"
    assert surely_dead(gone)
    assert not surely_dead(gone.replace("@", "@another-"))
    for name in ("", "me", "recovery@here", gone + "0", f"{head}:x-00000000"):
        assert not surely_dead(name)
