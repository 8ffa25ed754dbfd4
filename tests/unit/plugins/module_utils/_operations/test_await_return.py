# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that somebody deletes while its return waits for it is told, not stumbled over."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import await_return
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Stopped
from tests.unit.plugins.module_utils._domain import build

HELD = build.cluster("1.12.1", build.node("n1", before={"intent": "reboot"}), build.node("n2"))


def test_without_its_kubernetes_node_it_is_waited_for() -> None:
    others = {name: node for name, node in HELD.kube_nodes.items() if name != "n1"}
    gone = dataclasses.replace(HELD, kube_nodes=others)
    await_return.check_there(gone, "n1")
    assert await_return.not_back(gone, Scope("n1")) == ["Kubernetes node n1 is not Ready"]


def test_without_its_longhorn_node_there_is_nothing_to_wait_for() -> None:
    others = {name: node for name, node in HELD.nodes.items() if name != "n1"}
    with pytest.raises(Stopped, match="what its drain had noted is gone with it"):
        await_return.check_there(dataclasses.replace(HELD, nodes=others), "n1")
    await_return.check_there(HELD, "n1")
