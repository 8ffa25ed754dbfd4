# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the HTTP layer that need no server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.simulator.clock import RunningClock, VirtualClock
from tests.simulator.drive import Driver
from tests.simulator.errors import ApiError
from tests.simulator.http.discovery import discover
from tests.simulator.http.gojson import decode_json, quote_char, summarize
from tests.simulator.http.listing import decode_token, encode_token, snapshot
from tests.simulator.http.requests import Target, access_of, parse_path
from tests.simulator.http.tables import negotiate, shape_object, table
from tests.simulator.kernel import Kernel
from tests.simulator.kube.columns import human_age
from tests.simulator.resources import Column, Resource
from tests.unit.simulator.example import NS, RES, image, make_store


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/v1/nodes/n1", Target("", "v1", "nodes", "", "n1")),
        ("/api/v1/namespaces/a", Target("", "v1", "namespaces", "", "a")),
        ("/api/v1/namespaces/a/status", Target("", "v1", "namespaces", "", "a", "status")),
        ("/api/v1/namespaces/a/pods", Target("", "v1", "pods", "a")),
        (
            "/api/v1/namespaces/a/pods/p/eviction",
            Target("", "v1", "pods", "a", "p", "eviction"),
        ),
        ("/apis/apps/v1/daemonsets", Target("apps", "v1", "daemonsets")),
        ("/apis/apps/v1", None),
        ("/api/v1", None),
        ("/healthz", None),
        ("/api/v1/namespaces/a/pods/p/log/more", None),
    ],
)
def test_paths(path: str, target: Target | None) -> None:
    assert parse_path(path) == target


def test_verbs_and_the_namespace_of_a_namespace() -> None:
    pods = Target("", "v1", "pods", "a")
    assert access_of("GET", pods, {"watch": "true"}).verb == "watch"
    assert access_of("GET", pods, {}).verb == "list"
    assert access_of("DELETE", pods, {}).verb == "deletecollection"
    assert access_of("GET", Target("", "v1", "namespaces", "", "a"), {}).namespace == "a"


def test_page_tokens() -> None:
    assert decode_token(encode_token(17, ("ns", "name"))) == (17, ("ns", "name"))
    assert decode_token(encode_token(17, ("", "node"))) == (17, ("", "node"))
    for token, why in (
        ("nope", "invalid character '\\\\u009e' looking for beginning of value"),
        ("e30", "server does not recognize this encoded version "),
    ):
        with pytest.raises(ApiError, match=f"continue key is not valid: {why}"):
            decode_token(token)


def test_a_collection_as_it_was() -> None:
    store = make_store()
    for name in ("a", "b", "c"):
        store.create(RES, image(name))
    version = store.version
    before = store.list(RES, NS)
    store.delete(RES, NS, "a")
    store.mutate(RES, NS, "b", lambda o: o["spec"].update(copies=5))
    store.create(RES, image("d"))
    store.delete(RES, NS, "d")
    store.delete(RES, NS, "b")
    assert snapshot(store, RES, NS, version) == before
    assert [o["metadata"]["name"] for o in snapshot(store, RES, NS, store.version)] == ["c"]
    store.history.compact(RES, store.version)
    with pytest.raises(ApiError) as error:
        snapshot(store, RES, NS, version)
    assert error.value.status == 410


def test_the_history_keeps_a_bounded_number() -> None:
    store = make_store()
    store.history._limit = 3
    start = store.version
    for name in "abcd":
        store.create(RES, image(name))
    assert len(list(store.history.since(RES, start + 1))) == 3
    with pytest.raises(ApiError):
        store.history.since(RES, start)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b'{"a": ', 'unexpected end of JSON input ({"a": )'),
        (b"", "unexpected end of JSON input (<empty>)"),
        (b"{a: 1}", "invalid character 'a' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a": 1 "b"}', "invalid character '\"' after object key:value pair"),
        (b"x", "invalid character 'x' looking for beginning of value (78)"),
        (b"{} {}", "invalid character '{' after top-level value"),
        (b"[]", "cannot unmarshal array"),
    ],
)
def test_bodies_that_are_no_objects(body: bytes, problem: str) -> None:
    with pytest.raises(ApiError) as error:
        decode_json(body, "Image")
    assert error.value.status == 400
    assert problem in error.value.message


def test_characters_and_long_bodies() -> None:
    assert [quote_char(c) for c in "'\"\n\x9e"] == ["'\\''", "'\"'", "'\\x0a'", "'\\u009e'"]
    assert summarize(b'{"a": "' + b"x" * 40 + b'"}') == '{"a": "' + "x" * 23 + " ..."


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (185, "3m5s"),
        (3600, "60m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 300, "3h5m"),
        (20 * 3600, "20h"),
        (50 * 3600, "2d2h"),
        (30 * 86400, "30d"),
        (800 * 86400, "2y70d"),
    ],
)
def test_ages(seconds: float, text: str) -> None:
    assert human_age(seconds) == text


def test_columns() -> None:
    columns = (
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
        Column("On", ".spec.on", "boolean"),
        Column("Shown", ".spec.on"),
        Column("Size", ".spec.size", "integer"),
        Column("Age", ".metadata.creationTimestamp", "date"),
    )
    kind = Resource("longhorn.io", "v1", "things", "Thing", printer_columns=columns)
    thing = {
        "metadata": {"name": "t", "creationTimestamp": "2026-01-05T08:00:00Z"},
        "spec": {"on": True},
        "status": {"conditions": [{"type": "A"}, {"type": "Ready", "status": "True"}]},
    }
    shown = table(kind, [thing], {}, 1767600010.0)
    assert shown["rows"][0]["cells"] == ["t", "True", True, "true", None, "10s"]
    bare = table(kind, [{"metadata": {"name": "u"}}], {}, 0.0, include="None", header=False)
    assert bare["columnDefinitions"] is None
    assert bare["rows"] == [{"cells": ["u", None, None, None, None, None], "object": None}]


def test_what_a_client_takes() -> None:
    assert negotiate("").kind == "object"
    assert negotiate("text/html, */*").kind == "object"
    assert negotiate("application/yaml").yaml
    kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    assert negotiate(kubectl, "Object").include == "Object"
    newer = "application/json;as=APIGroupDiscoveryList;v=v2;g=apidiscovery.k8s.io,application/json"
    assert negotiate(newer).kind == "object"
    with pytest.raises(ApiError) as error:
        negotiate("application/vnd.kubernetes.protobuf")
    assert error.value.status == 406
    store = make_store()
    obj = store.create(RES, image("a"))
    resource = store.registry.get(RES)
    partial = shape_object(resource, obj, negotiate("application/json;as=PartialObjectMetadata"), 0)
    assert partial["kind"] == "PartialObjectMetadata" and "spec" not in partial


def test_discovery() -> None:
    registry = make_store().registry

    def found(path: str) -> Any:
        return discover(registry, path, "127.0.0.1:1")

    assert found("/nope") is None and found("/apis/nope.io") is None
    groups = [g["name"] for g in found("/apis")["groups"]]
    assert {"longhorn.io", "apps", "policy", "coordination.k8s.io"} <= set(groups)
    core = {r["name"] for r in found("/api/v1")["resources"]}
    assert {"pods", "pods/eviction", "pods/log", "nodes/status"} <= core
    schema = found("/openapi/v3/apis/longhorn.io/v1beta2")
    assert "io.longhorn.v1beta2.Image" in schema["components"]["schemas"]
    (patch,) = [p["patch"] for p in schema["paths"].values() if "patch" in p]
    assert "fieldValidation" in {p["name"] for p in patch["parameters"]}


def test_a_loop_drives_running_time() -> None:
    async def run(clock: RunningClock | VirtualClock, seconds: float) -> list[str]:
        kernel, seen = Kernel(clock), []
        errors: list[Exception] = []
        driver = Driver(kernel, asyncio.get_running_loop(), errors.append)
        kernel.call_later(100.0, lambda: seen.append("late"))
        driver.start()
        kernel.call_later(1.0, lambda: seen.append("soon"))
        await asyncio.sleep(seconds)
        driver.stop()
        assert errors == []
        return seen

    assert asyncio.run(run(RunningClock(1000.0), 0.3)) == ["soon", "late"]
    assert asyncio.run(run(VirtualClock(), 0.05)) == []


def test_a_bug_in_a_timer_stops_the_loop_and_is_told() -> None:
    async def run() -> list[Exception]:
        kernel = Kernel(RunningClock())
        errors: list[Exception] = []
        driver = Driver(kernel, asyncio.get_running_loop(), errors.append)
        driver.start()
        kernel.call_later(0.0, lambda: 1 / 0)
        kernel.call_later(0.01, lambda: pytest.fail("ran on"))
        await asyncio.sleep(0.1)
        return errors

    (error,) = asyncio.run(run())
    assert isinstance(error, ZeroDivisionError)
