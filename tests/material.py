# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds what some tests examine the code with and the repository does not carry.

Recordings of real Longhorn, the conformance cases of a kube-apiserver and Longhorn's resource
definitions are kept in a folder ``shared`` beside the checkout (or beside one of its parents).
``SHARED`` in the environment names another place. And what a host may not have to give.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.simulator.workers import host_freezes

CHECKOUT = Path(__file__).resolve().parent.parent


def shared(name: str) -> Path:
    """Path of ``name`` in the shared folder; where it is absent, the calling test is skipped."""
    named = os.environ.get("SHARED")
    folders = [Path(named)] if named else [parent / "shared" for parent in CHECKOUT.parents]
    for folder in folders:
        if (folder / name).exists():
            return folder / name
    pytest.skip(f"no folder shared/ with {name} beside this checkout")


def need_flags(folder: Path) -> None:
    """Skip the calling test where the host gives no immutable flag in *folder*: it takes root and a
    file system that has one. The same is tested with the flags of the simulated machines then.
    """
    if not host_freezes(folder):
        pytest.skip("this host gives no immutable flag; the simulated one is tested")
