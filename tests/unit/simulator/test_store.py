# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions, conflicts, generations, finalizers, admission."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.admission import AdmissionRequest
from tests.simulator.errors import ApiError, denied_by_webhook
from tests.simulator.history import WatchEvent
from tests.simulator.store import JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, WriteOptions
from tests.unit.simulator.example import NS, RES, image, make_store


def status_of(error: pytest.ExceptionInfo[ApiError]) -> tuple[int, str]:
    return error.value.status, error.value.reason


def test_create_fills_in_and_refuses_a_second() -> None:
    store = make_store()
    made = store.create(RES, {**image("a"), "status": {"x": 1}})
    assert made["metadata"]["generation"] == 1
    assert made["spec"] == {"copies": 1, "engine": "v1"}
    assert "status" not in made
    with pytest.raises(ApiError) as error:
        store.create(RES, image("a"))
    assert status_of(error) == (409, "AlreadyExists")


def test_a_name_is_generated() -> None:
    store = make_store()
    obj = image("")
    obj["metadata"] = {"generateName": "gen-", "namespace": NS}
    name = store.create(RES, obj)["metadata"]["name"]
    assert name.startswith("gen-") and len(name) == 9


def test_a_missing_namespace_is_named() -> None:
    obj = image("a")
    obj["metadata"]["namespace"] = "nowhere"
    with pytest.raises(ApiError, match='namespaces "nowhere" not found'):
        make_store().create(RES, obj)


def test_update_needs_the_present_version() -> None:
    store = make_store()
    old = store.create(RES, image("a"))
    new = store.update(RES, {**old, "spec": {"copies": 2}})
    assert new["metadata"]["generation"] == 2
    with pytest.raises(ApiError) as stale:
        store.update(RES, {**old, "spec": {"copies": 3}})
    assert status_of(stale) == (409, "Conflict")
    with pytest.raises(ApiError, match="must be specified for an update"):
        store.update(RES, image("a"))


def test_unchanged_writes_keep_the_version_and_wake_nobody() -> None:
    store = make_store()
    old = store.create(RES, image("a"))
    seen: list[WatchEvent] = []
    store.subscribe(seen.append)
    assert store.update(RES, old) is old
    assert store.patch(RES, NS, "a", {"spec": {"copies": 1}}, MERGE_PATCH) is old
    assert store.mutate(RES, NS, "a", lambda obj: None) is old
    assert seen == []


def test_status_and_spec_are_written_apart() -> None:
    store = make_store()
    store.create(RES, image("a"))
    both = {"spec": {"copies": 5}, "status": {"uuid": "u"}}
    through_status = store.patch(RES, NS, "a", both, MERGE_PATCH, subresource="status")
    assert through_status["spec"]["copies"] == 1
    assert through_status["status"] == {"uuid": "u"}
    assert through_status["metadata"]["generation"] == 1
    through_main = store.patch(
        RES, NS, "a", {"spec": {"copies": 5}, "status": {"uuid": "w"}}, MERGE_PATCH
    )
    assert through_main["spec"]["copies"] == 5
    assert through_main["status"] == {"uuid": "u"}
    assert through_main["metadata"]["generation"] == 2


def test_finalizers_hold_an_object_and_none_is_added_while_it_goes() -> None:
    store = make_store()
    obj = image("a")
    obj["metadata"]["finalizers"] = ["longhorn.io"]
    store.create(RES, obj)
    marked = store.delete(RES, NS, "a")
    assert marked is not None
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 0
    assert marked["metadata"]["generation"] == 2
    assert store.delete(RES, NS, "a") is marked
    with pytest.raises(ApiError, match=r'found new finalizers \[\]string\{"more.io/x"\}'):
        store.patch(
            RES, NS, "a", {"metadata": {"finalizers": ["longhorn.io", "more.io/x"]}}, MERGE_PATCH
        )
    store.mutate(RES, NS, "a", lambda o: o["metadata"].pop("finalizers"))
    assert store.find(RES, NS, "a") is None


def test_delete_preconditions() -> None:
    store = make_store()
    made = store.create(RES, image("a"))
    with pytest.raises(ApiError, match=r"the UID in the precondition \(wrong\)"):
        store.delete(RES, NS, "a", uid="wrong")
    with pytest.raises(ApiError, match=r"the ResourceVersion in the precondition \(1\)"):
        store.delete(RES, NS, "a", resource_version="1")
    assert store.delete(RES, NS, "a", uid=made["metadata"]["uid"]) is None


def test_a_pod_on_a_node_gets_its_grace_period() -> None:
    store = make_store()
    pod = {"metadata": {"name": "p", "namespace": NS}, "spec": {"nodeName": "n1"}}
    store.create("pods", pod)
    marked = store.delete("pods", NS, "p")
    assert marked is not None
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
    assert store.delete("pods", NS, "p", grace=60) is marked
    assert store.delete("pods", NS, "p", grace=0) is None


def test_dry_run_tells_and_leaves_nothing() -> None:
    store = make_store()
    version = store.version
    options = WriteOptions(dry_run=True)
    assert "resourceVersion" not in store.create(RES, image("a"), options)["metadata"]
    assert store.find(RES, NS, "a") is None
    assert store.version == version


def test_unknown_fields_go_or_are_refused() -> None:
    store = make_store()
    options = WriteOptions()
    made = store.create(RES, image("a", nope=1, disks={"d": {"evict": True, "x": 1}}), options)
    assert made["spec"] == {"copies": 1, "engine": "v1", "disks": {"d": {"evict": True}}}
    assert options.warnings == [
        'unknown field "spec.disks.d.x"',
        'unknown field "spec.nope"',
    ]
    with pytest.raises(ApiError, match='strict decoding error: unknown field "spec.nope"'):
        store.create(RES, image("b", nope=1), WriteOptions(validation="Strict"))


def test_admission_edits_and_refuses_main_writes_only() -> None:
    store = make_store()

    def put_finalizer(request: AdmissionRequest) -> None:
        request.obj["metadata"]["finalizers"] = ["longhorn.io"]

    def refuse(request: AdmissionRequest) -> None:
        raise denied_by_webhook("validator.longhorn.io", "not now")

    store.admission.mutating(RES, ["CREATE"], put_finalizer)
    store.admission.validating(RES, ["UPDATE", "DELETE"], refuse)
    assert store.create(RES, image("a"))["metadata"]["finalizers"] == ["longhorn.io"]
    store.mutate(RES, NS, "a", lambda o: o.update(status={"x": 1}), subresource="status")
    for write in (
        lambda: store.mutate(RES, NS, "a", lambda o: o["spec"].update(copies=3)),
        lambda: store.delete(RES, NS, "a"),
    ):
        with pytest.raises(ApiError, match='webhook "validator.longhorn.io" denied the request'):
            write()


def test_events_arrive_in_order_even_when_a_subscriber_writes() -> None:
    store = make_store()
    seen: list[tuple[str, str]] = []

    def first(event: WatchEvent) -> None:
        if event.type == "ADDED" and event.obj["metadata"]["name"] == "a":
            store.create(RES, image("b"))

    store.subscribe(first)
    store.subscribe(lambda e: seen.append((e.type, e.obj["metadata"]["name"])))
    store.create(RES, image("a"))
    assert seen == [("ADDED", "a"), ("ADDED", "b")]


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ([{"op": "replace", "path": "/spec/disks", "value": {}}], JSON_PATCH, {"disks": {}}),
        ({"spec": {"disks": {}}}, MERGE_PATCH, {"disks": {}}),
    ],
)
def test_a_missing_map_is_added_by_a_patch(
    body: Any, content_type: str, expected: dict[str, Any]
) -> None:
    store = make_store()
    store.create(RES, image("a"))
    patched = store.patch(RES, NS, "a", body, content_type)
    assert patched["spec"] == {"copies": 1, "engine": "v1", **expected}


def test_failed_test_says_nothing_and_strategic_patches_are_for_built_in_kinds() -> None:
    store = make_store()
    store.create(RES, image("a"))
    failing = [{"op": "test", "path": "/metadata/resourceVersion", "value": "1"}]
    with pytest.raises(ApiError) as error:
        store.patch(RES, NS, "a", failing, JSON_PATCH)
    assert (error.value.status, error.value.details) == (422, {})
    with pytest.raises(ApiError) as unsupported:
        store.patch(RES, NS, "a", {}, STRATEGIC_MERGE_PATCH)
    assert unsupported.value.status == 415


def test_history_resumes_and_compacts() -> None:
    store = make_store()
    start = store.version
    store.create(RES, image("a"))
    store.create(RES, image("b"))
    names = [e.obj["metadata"]["name"] for e in store.history.since(RES, start)]
    assert names == ["a", "b"]
    store.history.compact(RES, start + 1)
    with pytest.raises(ApiError, match=f"too old resource version: {start} "):
        store.history.since(RES, start)
    assert len(list(store.history.since(RES, start + 1))) == 1


def test_lists_are_in_order_and_filtered() -> None:
    store = make_store()
    for name in ("b", "a", "c"):
        obj = image(name)
        obj["metadata"]["labels"] = {"n": name}
        store.create(RES, obj)
    store.delete(RES, NS, "b")
    assert [o["metadata"]["name"] for o in store.list(RES, NS)] == ["a", "c"]
    assert [o["metadata"]["name"] for o in store.list(RES, NS, "n in (c,b)")] == ["c"]
    assert store.list(RES, "default") == []


@pytest.mark.parametrize(
    ("metadata", "field", "text", "times"),
    [
        ({"labels": {"a": "b!"}}, "metadata.labels", "a valid label must be", 3),
        ({"labels": {"a b": "c"}}, "metadata.labels", "name part must consist", 3),
        ({"labels": {"A/b": "c"}}, "metadata.labels", "prefix part a lowercase", 3),
        ({"labels": {"a/b/c": "d"}}, "metadata.labels", "a valid label key must", 3),
        ({"annotations": {"/b": "c"}}, "metadata.annotations", "prefix part must be non-e", 3),
        ({"finalizers": ["a b"]}, "metadata.finalizers", "name part must consist", 1),
        ({"uid": "other"}, "metadata.uid", 'Invalid value: "other": field is immutable', 2),
        (
            {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x"}]},
            "metadata.ownerReferences.uid",
            'Invalid value: "": must not be empty',
            3,
        ),
    ],
)
def test_bad_metadata_is_found_as_often_as_a_server_looks(
    metadata: dict[str, Any], field: str, text: str, times: int
) -> None:
    store = make_store()
    store.create(RES, image("a"))
    with pytest.raises(ApiError) as error:
        store.patch(RES, NS, "a", {"metadata": metadata}, MERGE_PATCH)
    assert error.value.details is not None
    causes = error.value.details["causes"]
    assert status_of(error) == (422, "Invalid")
    assert [c["field"] for c in causes] == [field] * times
    assert text in causes[0]["message"]
    assert error.value.message.count(text) == 1


def test_built_in_kinds_look_at_labels_again_and_want_paths_in_finalizers() -> None:
    store = make_store()
    store.create("configmaps", {"metadata": {"name": "a", "namespace": NS}})
    for metadata, times in (({"labels": {"a": "b!"}}, 4), ({"finalizers": ["b"]}, 2)):
        with pytest.raises(ApiError) as error:
            store.patch("configmaps", NS, "a", {"metadata": metadata}, MERGE_PATCH)
        assert len((error.value.details or {})["causes"]) == times


@pytest.mark.parametrize(
    ("res", "kind", "patch", "content_type", "problem"),
    [
        (
            RES,
            "Image",
            {"metadata": {"annotations": {"k": 5}}},
            MERGE_PATCH,
            "json: cannot unmarshal number into Go struct field ObjectMeta.annotations of type "
            "string",
        ),
        (
            "configmaps",
            "ConfigMap",
            {"data": {"k": True}},
            MERGE_PATCH,
            "json: cannot unmarshal bool into Go struct field ConfigMap.data of type string",
        ),
        (
            "leases.coordination.k8s.io",
            "Lease",
            {"spec": {"renewTime": "2026-01-01T00:00:00Z"}},
            MERGE_PATCH,
            'parsing time "2026-01-01T00:00:00Z" as "2006-01-02T15:04:05.000000Z07:00": cannot '
            'parse "Z" as ".000000"',
        ),
        (
            "leases.coordination.k8s.io",
            "Lease",
            {"spec": {"leaseDurationSeconds": "x"}},
            STRATEGIC_MERGE_PATCH,
            "unrecognized type: int32",
        ),
    ],
)
def test_values_that_fit_no_type(
    res: str, kind: str, patch: dict[str, Any], content_type: str, problem: str
) -> None:
    store = make_store()
    obj = {"metadata": {"name": "a", "namespace": NS}}
    store.create(res, image("a") if res == RES else obj)
    with pytest.raises(ApiError) as error:
        store.patch(res, NS, "a", patch, content_type)
    assert status_of(error) == (422, "Invalid")
    assert error.value.message.startswith(' "" is invalid: patch: Invalid value: "')
    assert error.value.message.endswith(f'": {problem}')
    if content_type == MERGE_PATCH:
        whole = {"metadata": {"name": "b", "namespace": NS}, **patch}
        whole["metadata"] |= patch.get("metadata", {})
        with pytest.raises(ApiError) as refused:
            store.create(res, whole)
        assert status_of(refused) == (400, "BadRequest")
        assert refused.value.message.endswith(f"cannot be handled as a {kind}: {problem}")


def test_a_strict_patch_is_refused_with_what_it_makes() -> None:
    store, strict = make_store(), WriteOptions(validation="Strict")
    store.create(RES, image("a"))
    with pytest.raises(ApiError, match='strict decoding error: unknown field "spec.nope"') as error:
        store.patch(RES, NS, "a", {"spec": {"nope": 1}}, MERGE_PATCH, options=strict)
    assert error.value.status == 422
    warned = WriteOptions()
    store.create("configmaps", {"metadata": {"name": "a", "namespace": NS}, "nope": 1}, warned)
    assert warned.warnings == ['unknown field "nope"']


def test_leases_count_forwards_and_name_the_version_they_replace() -> None:
    store, res = make_store(), "leases.coordination.k8s.io"
    lease = {"metadata": {"name": "a", "namespace": NS}, "spec": {"leaseDurationSeconds": 0}}
    with pytest.raises(ApiError, match="leaseDurationSeconds: Invalid value: 0: must be greater"):
        store.create(res, lease)
    lease["spec"] = {"leaseDurationSeconds": 1}
    store.create(res, lease)
    with pytest.raises(ApiError, match="must be specified for an update"):
        store.update(res, lease)


def test_a_pod_stays_what_it_is() -> None:
    store = make_store()
    spec = {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]}
    store.create("pods", {"metadata": {"name": "a", "namespace": NS}, "spec": spec})
    image_of = {"spec": {"containers": [{"name": "c", "image": "j"}]}}
    patched = store.patch("pods", NS, "a", image_of, STRATEGIC_MERGE_PATCH)
    assert patched["spec"]["containers"][0]["image"] == "j"
    with pytest.raises(ApiError, match="spec: Forbidden: pod updates may not change fields"):
        store.patch("pods", NS, "a", {"spec": {"nodeName": "n2"}}, MERGE_PATCH)


def test_budgets_events_and_taints_that_make_no_sense() -> None:
    store, about = make_store(), {"namespace": "default", "kind": "Pod", "name": "x"}
    metadata = {"name": "a", "namespace": NS}
    for res, body, text in (
        ("events", {"involvedObject": about}, "does not match event.namespace"),
        ("poddisruptionbudgets.policy", {"spec": {"minAvailable": -1}}, "spec.minAvailable: Inv"),
        (
            "poddisruptionbudgets.policy",
            {"spec": {"minAvailable": 1, "maxUnavailable": 1}},
            "cannot be both set",
        ),
        ("nodes", {"spec": {"taints": [{"key": "a", "effect": "No"}]}}, "taints.0..effect: Unsup"),
    ):
        with pytest.raises(ApiError, match=text):
            store.create(res, {"metadata": dict(metadata), **body})
