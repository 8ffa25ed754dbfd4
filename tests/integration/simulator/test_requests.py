# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests over TLS: who, what, pages, shapes, faults, controls."""

from __future__ import annotations

import http.client
import json
import ssl
import time
import urllib.request
from pathlib import Path

import pytest

from tests.integration.simulator.conftest import BASE, Served
from tests.unit.simulator.example import NS, RES, image


def test_the_kubeconfig_leads_in(served: Served) -> None:
    config = json.loads(served.server.kubeconfig.read_text())
    url = config["clusters"][0]["cluster"]["server"]
    request = urllib.request.Request(
        url + "/api/v1/nodes",
        headers={"Authorization": f"Bearer {config['users'][0]['user']['token']}"},
    )
    context = ssl.create_default_context(cafile=str(served.folder / "ca.crt"))
    with urllib.request.urlopen(request, context=context) as response:
        names = [n["metadata"]["name"] for n in json.load(response)["items"]]
    assert names == ["n1", "n2", "n3"]
    assert served.server.kubeconfig.stat().st_mode & 0o077 == 0
    with pytest.raises(OSError, match="certificate verify failed"):
        urllib.request.urlopen(url + "/version")


def test_who_may(served: Served) -> None:
    assert served.send("GET", BASE, token="nonsense").status == 401
    assert (
        served.send("GET", BASE, token="")
        .body["message"]
        .startswith('images.longhorn.io is forbidden: User "system:anonymous" cannot list')
    )
    assert served.send("GET", "/version", token="").status == 200
    limited = served.server.tokens.for_service_account(NS, "limited")
    path = served.server.kubeconfig_for(limited, served.folder / "limited")
    assert limited in path.read_text()
    refused = served.send("PATCH", f"{BASE}/x", {}, token=limited)
    assert refused.body["details"] == {"name": "x", "group": "longhorn.io", "kind": "images"}
    attributes = {"group": "longhorn.io", "resource": "images", "verb": "get", "namespace": NS}
    review = {"spec": {"resourceAttributes": attributes}}
    reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    answer = served.send("POST", reviews, review, token=limited)
    assert answer.body["status"] == {"allowed": False}
    account = f"/api/v1/namespaces/{NS}/serviceaccounts/default/token"
    token = served.send("POST", account, {"spec": {}}).body["status"]["token"]
    assert served.send("GET", "/apis", token=token).status == 200


def test_pages_agree_with_each_other_while_objects_change(served: Served) -> None:
    for number in range(7):
        served.send("POST", BASE, image(f"i{number}"))
    first = served.send("GET", BASE, limit=3).body
    assert first["metadata"]["remainingItemCount"] == 4
    served.send("DELETE", f"{BASE}/i3")
    served.send("POST", BASE, image("i33"))
    served.merge("i5", copies=9)
    second = served.send("GET", BASE, limit=10, **{"continue": first["metadata"]["continue"]}).body
    assert [o["metadata"]["name"] for o in second["items"]] == ["i3", "i4", "i5", "i6"]
    assert second["items"][2]["spec"]["copies"] == 1
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    served.server.call(served.store.history.compact, RES, served.store.version)
    late = served.send("GET", BASE, limit=10, **{"continue": first["metadata"]["continue"]})
    assert (late.status, late.body["reason"]) == (410, "Expired")
    going_on = late.body["metadata"]["continue"]
    rest = served.send("GET", BASE, limit=10, **{"continue": going_on}).body
    assert [o["metadata"]["name"] for o in rest["items"]] == ["i33", "i4", "i5", "i6"]


def test_versions_of_lists(served: Served) -> None:
    future = served.send("GET", BASE, resourceVersion=10**9)
    assert (future.status, future.body["reason"]) == (504, "Timeout")
    cause = future.body["details"]["causes"][0]["reason"]
    assert cause == "ResourceVersionTooLarge"
    before = served.send("GET", BASE).body["metadata"]["resourceVersion"]
    served.send("POST", BASE, image("a"))
    query = {"resourceVersion": before, "resourceVersionMatch": "Exact"}
    assert served.send("GET", BASE, **query).body["items"] == []
    alone = served.send("GET", BASE, resourceVersionMatch="Exact")
    assert alone.status == 422
    assert "forbidden unless resourceVersion is provided" in alone.body["message"]


def test_shapes(served: Served) -> None:
    served.send("POST", BASE, image("a"))
    table = served.send(
        "GET", BASE, headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    ).body
    assert table["kind"] == "Table" and table["rows"][0]["cells"][0] == "a"
    partial = served.send(
        "GET",
        BASE,
        headers={"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"},
    ).body
    assert [list(o) for o in partial["items"]] == [["kind", "apiVersion", "metadata"]]
    text = served.send("GET", f"{BASE}/a", headers={"Accept": "application/yaml"}).body
    assert "kind: Image" in text
    assert served.send("GET", BASE, headers={"Accept": "text/html"}).status == 406


def test_methods_and_paths_that_do_not_exist(served: Served) -> None:
    assert served.send("POST", "/api/v1/nodes/n1", {}).status == 405
    assert served.send("PUT", "/api/v1/nodes", {}).status == 405
    for method in ("PUT", "PATCH"):
        assert served.send(method, BASE, {}).body["message"] == "name must be provided"
    assert served.send("GET", f"/apis/longhorn.io/v1beta2/namespaces/{NS}/moons").status == 404
    assert served.send("POST", "/apis/longhorn.io/v1beta2/images", image("a")).status == 404
    broken = served.send("POST", BASE, {"spec": {}})
    assert "Object 'Kind' is missing in" in broken.body["message"]
    wrong = served.send("POST", BASE, {**image("a"), "apiVersion": "longhorn.io/v9"})
    assert "does not match the expected API version" in wrong.body["message"]
    apply = {"Content-Type": "application/apply-patch+yaml"}
    nobody = served.send("PATCH", f"{BASE}/a", image("a"), headers=apply)
    assert "fieldManager: Required value" in nobody.body["message"]


def test_deleting_with_options(served: Served) -> None:
    pods = f"/api/v1/namespaces/{NS}/pods"
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}], "nodeName": "off"}}
    uid = served.send("POST", pods, pod).body["metadata"]["uid"]
    other = served.send("DELETE", f"{pods}/p", {"preconditions": {"uid": "other"}})
    assert other.status == 409
    slow = served.send("DELETE", f"{pods}/p", gracePeriodSeconds=50)
    assert slow.body["metadata"]["deletionGracePeriodSeconds"] == 50
    assert (
        served.send("DELETE", f"{pods}/p", {"dryRun": ["All"], "gracePeriodSeconds": 0}).status
        == 200
    )
    assert served.send("GET", f"{pods}/p").status == 200
    gone = served.send("DELETE", f"{pods}/p", {"gracePeriodSeconds": 0})
    assert gone.body["metadata"]["uid"] == uid
    assert served.send("GET", f"{pods}/p").status == 404


def test_logs_of_pods(served: Served) -> None:
    pods = f"/api/v1/namespaces/{NS}/pods"
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]}}
    made = served.send("POST", pods, pod).body
    served.server.call(served.server.logs.write, made, "hello")
    answer = served.send("GET", f"{pods}/p/log", tailLines=1)
    assert answer.body == "hello\n"
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_faults_hit_and_are_counted(served: Served) -> None:
    served.send("POST", BASE, image("a"))
    faults = served.server.faults
    faults.add(action="error", verb="patch", resource=RES, status=429, retry_after=3)
    busy = served.merge("a", copies=2)
    assert (busy.status, busy.headers["Retry-After"]) == (429, "3")
    faults.add(action="refuse", verb="get", name="a")
    with pytest.raises((OSError, http.client.HTTPException)):
        served.send("GET", f"{BASE}/a")
    faults.add(action="cut", verb="patch", resource=RES)
    with pytest.raises((OSError, http.client.HTTPException)):
        served.merge("a", copies=3)
    assert served.send("GET", f"{BASE}/a").body["spec"]["copies"] == 3
    faults.add(action="delay", verb="get", seconds=0.3)
    began = time.monotonic()
    served.send("GET", f"{BASE}/a")
    assert time.monotonic() - began >= 0.3
    assert dict(faults.counters) == {"error": 1, "refuse": 1, "cut": 1, "delay": 1}
    assert [e.status for e in served.server.requests.select("patch", RES)] == [429, -1]


def test_the_log_knows_who_wrote_what(served: Served) -> None:
    served.send("POST", BASE, image("a"), headers={"User-Agent": "one"})
    served.merge("a", copies=4)
    served.merge("a", copies=4)
    log = served.server.requests
    assert log.count("create", RES, agent="one") == 1
    assert [e.changed for e in log.select("write", RES)] == [True, True, False]
    assert {e.user for e in log.entries} == {"kubernetes-admin"}


def test_controls_want_the_admin_and_say_what_is_wrong(served: Served) -> None:
    rule = {"action": "error", "verb": "list", "resource": RES, "status": 503}
    limited = served.server.tokens.for_service_account(NS, "limited")
    assert served.send("POST", "/simulator/faults", rule, token=limited).status == 403
    assert served.send("POST", "/simulator/faults", {"action": "x"}).status == 400
    assert served.send("POST", "/simulator/faults", rule).body["rules"][0]["status"] == 503
    assert served.send("GET", BASE).status == 503
    assert served.send("GET", "/simulator/faults").body["counters"] == {"error": 1}
    assert served.send("DELETE", "/simulator/faults").body["rules"] == []
    unknown = served.send("GET", "/simulator/moon")
    assert "there are: faults, requests, time" in unknown.body["message"]
    faster = served.send("POST", "/simulator/time", {"scale": 1000})
    assert faster.body["scale"] == 1000.0
    lists = served.send("GET", "/simulator/requests", verb="list").body
    assert [e["status"] for e in lists["entries"]] == [503]


def test_time_runs_as_fast_as_told(served: Served) -> None:
    served.server.call(served.kubernetes.machines.power_off, "n1")
    served.send("POST", "/simulator/time", {"scale": 500})
    end = time.monotonic() + 5
    state = ""
    while state != "Unknown" and time.monotonic() < end:
        conditions = served.send("GET", "/api/v1/nodes/n1").body["status"]["conditions"]
        state = next(c["status"] for c in conditions if c["type"] == "Ready")
        time.sleep(0.02)
    assert state == "Unknown"


def test_a_port_that_is_taken_is_told(served: Served, tmp_path: Path) -> None:
    from tests.simulator.server import ApiServer

    port = int(served.server.url.rpartition(":")[2])
    second = ApiServer(served.store, tmp_path / "second")
    with pytest.raises(OSError, match="address already in use"):
        second.start(port)


def test_bodies_that_are_no_object_or_no_patch(served: Served) -> None:
    made = image("b")
    del made["apiVersion"]
    text = served.send("POST", BASE, made).body["message"]
    assert text.startswith("the API version in the data () does not match")
    text = served.send("POST", BASE, []).body["message"]
    assert "cannot unmarshal array into Go value of type struct { APIVersion" in text
    served.send("POST", BASE, image("b"))
    for kind, body, problem in (
        ("json-patch", {}, "cannot unmarshal object into Go value of type []handlers.jsonPatchOp"),
        ("json-patch", [5], "cannot unmarshal number into Go value of type handlers.jsonPatchOp"),
        ("merge-patch", [], "cannot unmarshal array into Go value of type map[string]interface {}"),
    ):
        headers = {"Content-Type": f"application/{kind}+json"}
        refused = served.send("PATCH", f"{BASE}/b", body, headers=headers)
        assert refused.body["message"] == f"error decoding patch: json: {problem}"
    stale = {**image("c"), "metadata": {"name": "c", "resourceVersion": "5"}}
    refused = served.send("POST", BASE, stale)
    assert refused.status == 500
    assert refused.body["message"] == "resourceVersion should not be set on objects to be created"


def test_parameters_that_make_no_sense(served: Served) -> None:
    path, delete = f"{BASE}/x", {"kind": "DeleteOptions", "apiVersion": "v1"}
    for method, body, query, text in (
        ("POST", image("x"), {"dryRun": "x"}, 'CreateOptions.meta.k8s.io "" is invalid: dryRun'),
        ("PUT", image("x"), {"fieldValidation": "x"}, "UpdateOptions.meta.k8s.io"),
        ("DELETE", {**delete, "dryRun": ["x"]}, {}, "DeleteOptions.meta.k8s.io"),
        ("DELETE", {**delete, "propagationPolicy": "x"}, {}, '"Background", "Orphan", "nil"'),
    ):
        refused = served.send(method, BASE if method == "POST" else path, body, **query)
        assert refused.status == 422
        assert text in refused.body["message"]
    assert served.send("GET", BASE, resourceVersion="x").status == 400
    assert served.send("GET", path, resourceVersion="x").status == 500
    as_table = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    refused = served.send("GET", BASE, headers=as_table, includeObject="x")
    assert refused.body["message"].startswith("Unable to convert to Table as requested")


def test_paths_with_a_namespace_too_many_or_too_few(served: Served) -> None:
    assert served.send("GET", f"/api/v1/namespaces/{NS}/nodes").status == 404
    assert served.send("GET", "/api/v1/pods/x").body["reason"] == "NotFound"
    assert served.send("GET", "/apis/longhorn.io/v1beta2/images/x").body == "404 page not found\n"
    assert served.send("DELETE", "/apis/longhorn.io/v1beta2/images").status == 404
    served.send("POST", BASE, image("h"))
    assert served.send("HEAD", f"{BASE}/h").status == 200
    assert served.send("GET", f"{BASE}/none", watch="1").status == 404


def test_leases_come_with_a_put_and_evictions_name_their_pod(served: Served) -> None:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{NS}/leases/l"
    lease = {"metadata": {"name": "l"}, "spec": {"holderIdentity": "a"}}
    assert served.send("PUT", path, lease).status == 201
    assert served.send("PUT", path, lease).body["reason"] == "Invalid"
    pods = f"/api/v1/namespaces/{NS}/pods"
    spec = {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]}
    served.send("POST", pods, {"metadata": {"name": "p"}, "spec": spec})
    for body, text in (
        ({"metadata": {"name": "q"}}, "name in URL does not match name in Eviction object"),
        ({"metadata": {"name": "p", "namespace": "default"}}, "the namespace of the provided"),
        ({"kind": "Foo", "metadata": {"name": "p"}}, 'no kind "Foo" is registered'),
    ):
        refused = served.send("POST", f"{pods}/p/eviction", body)
        assert refused.status == 400
        assert text in refused.body["message"]


def test_a_scale_is_a_number(served: Served) -> None:
    path = f"/apis/apps/v1/namespaces/{NS}/deployments"
    container = {"name": "c", "image": "i"}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    served.send("POST", path, {"metadata": {"name": "d"}, "spec": spec})
    merge = {"Content-Type": "application/merge-patch+json"}
    for replicas, text in ((-1, "must be greater than or equal to 0"), ("x", "of type int32")):
        body = {"spec": {"replicas": replicas}}
        refused = served.send("PATCH", f"{path}/d/scale", body, headers=merge)
        assert refused.status == 422
        assert text in refused.body["message"]
