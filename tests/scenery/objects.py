# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects as an operator would create them: images, volumes, attachment tickets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.simulator.longhorn.names import API_VERSION, NAMESPACE
from tests.simulator.longhorn.profiles import Profile

TICKET = "longhorn-ui"


def image(
    profile: Profile, name: str, source: str, parameters: Mapping[str, str], disks: list[str]
) -> dict[str, Any]:
    """An image whose first file and further copies belong on ``disks`` (UUIDs)."""
    spec: dict[str, Any] = {
        "sourceType": source,
        "sourceParameters": dict(parameters),
        profile.map_field: {uuid: profile.new_entry() for uuid in disks},
    }
    if profile.has("file_spec_map"):
        spec["minNumberOfCopies"] = len(disks)
    return _object("BackingImage", name, spec)


def volume(name: str, size: int, replicas: int, image_name: str) -> dict[str, Any]:
    """A volume, detached."""
    spec = {
        "size": str(size),
        "numberOfReplicas": replicas,
        "frontend": "blockdev",
        "backingImage": image_name,
    }
    return _object("Volume", name, spec)


def ticket(node: str) -> dict[str, Any]:
    """An attachment ticket as Longhorn's own interface makes it."""
    return {
        "id": TICKET,
        "type": "longhorn-api",
        "nodeID": node,
        "parameters": {"disableFrontend": "false", "lastAttachedBy": ""},
    }


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    }
