# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the control endpoint can do to a whole cluster: power, crashes, files, the network between
managers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.simulator.errors import ApiError
from tests.simulator.http.control import Action, Control
from tests.simulator.longhorn.sources import Answer, content_named
from tests.simulator.objects import Object

if TYPE_CHECKING:
    from tests.simulator.longhorn.cluster import Cluster


def register(cluster: Cluster, control: Control) -> None:
    """Answer ``/simulator/power``, ``crash``, ``files``, ``transfers`` and ``sources``."""
    control.register("power", _power(cluster))
    control.register("crash", _crash(cluster))
    control.register("files", _files(cluster))
    control.register("transfers", _transfers(cluster))
    control.register("sources", _sources(cluster))


def _field(body: Object, name: str) -> Any:
    if name not in body:
        raise ValueError(f"the body needs {name!r}")
    return body[name]


def _power(cluster: Cluster) -> Action:
    def act(method: str, body: Object) -> Object:
        """GET: which machines are on. POST ``{"node": …, "on": false}``: switch one."""
        if method == "POST":
            node, on = _field(body, "node"), _field(body, "on")
            if node not in cluster.machines.names():
                raise ValueError(f"there is no machine {node!r}")
            cluster.power(node, bool(on))
        return {name: cluster.machines.is_on(name) for name in cluster.machines.names()}

    return act


def _crash(cluster: Cluster) -> Action:
    def act(method: str, body: Object) -> Object:
        """POST ``{"pod": …}`` kills its process, ``{"manager": node}`` that node's Longhorn
        manager.
        """
        if method != "POST":
            raise ValueError("POST wants pod or manager")
        try:
            if "pod" in body:
                cluster.kill_pod(body["pod"])
            else:
                cluster.crash_manager_pod(_field(body, "manager"))
        except ApiError as error:
            raise ValueError(error.message) from None
        return body

    return act


def _files(cluster: Cluster) -> Action:
    def act(method: str, body: Object) -> Object:
        """POST ``{"remove": image, "node": …}`` deletes the files of copies (no node: on all)."""
        if method != "POST":
            raise ValueError("POST wants remove (an image), and node for one node only")
        try:
            removed = cluster.remove_files(_field(body, "remove"), body.get("node"))
        except ApiError as error:
            raise ValueError(error.message) from None
        return {"removed": [str(path) for path in removed]}

    return act


def _sources(cluster: Cluster) -> Action:
    def act(method: str, body: Object) -> Object:
        """POST ``{"url": …, "file": "raw8.img"}`` serves that file there, ``"bytes": "other"``
        another one of its size, no file at all answers 404.
        """
        if method != "POST":
            raise ValueError("POST wants url, and file (or nothing for 404)")
        url, name = str(_field(body, "url")), body.get("file")
        if name is None:
            error = f"expected status code 200 from {url}, got 404 Not Found"
            cluster.sources.serve(url, Answer(error=error))
            return body
        content = content_named(str(name))
        if content is None:
            raise ValueError(f"there is no file {name!r}: they are raw<MiB>.img, qcow<MiB>.qcow2")
        if body.get("bytes") == "other":
            content = replace(content, name=f"other-{content.name}")
        cluster.sources.serve(url, Answer(content=content))
        return body

    return act


def _transfers(cluster: Cluster) -> Action:
    def act(method: str, body: Object) -> Object:
        """POST ``{"bytes_per_second": n}`` limits what managers send; null lifts the limit."""
        if method != "POST":
            raise ValueError("POST wants bytes_per_second, null for no limit")
        cluster.limit_transfers(_field(body, "bytes_per_second"))
        return body

    return act
