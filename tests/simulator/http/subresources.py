# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subresources other than status, and the question "may I?"."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.simulator import errors
from tests.simulator.decoding import json_kind, show_json
from tests.simulator.http.eviction import evict
from tests.simulator.http.protobuf import CONTENT_TYPE, decode_access_review
from tests.simulator.http.requests import Request, check_dry_run
from tests.simulator.objects import Object
from tests.simulator.patches import json_patch, merge_patch
from tests.simulator.podlogs import PodLogs
from tests.simulator.rbac import Access, Authorizer, Tokens, User
from tests.simulator.resources import Resource
from tests.simulator.store import JSON_PATCH, Store

_SCALE = Resource("autoscaling", "v1", "scales", "Scale", builtin=True)
SCALABLE = ("deployments.apps", "replicasets.apps", "statefulsets.apps")


@dataclass
class Answer:
    """A response: a JSON body, or a text, and the warnings that go with it."""

    status: int
    body: Object | None = None
    text: str | None = None
    warnings: list[str] = field(default_factory=list)


class Subresources:
    """Eviction, logs, tokens, scale, access reviews."""

    def __init__(self, store: Store, authorizer: Authorizer, tokens: Tokens, logs: PodLogs) -> None:
        self._store = store
        self._authorizer = authorizer
        self._tokens = tokens
        self._logs = logs

    def handle(self, request: Request) -> Answer:
        """Answer a request to a subresource. Raises ApiError."""
        target, what = request.target, (request.resource.key, request.target.subresource)
        if what == ("pods", "eviction") and request.method == "POST":
            body = request.decode()
            options = request.write_options()
            _check_eviction(request, body)
            return Answer(201, evict(self._store, target.namespace, target.name, body, options))
        if what == ("pods", "log") and request.method == "GET":
            pod = self._store.get("pods", target.namespace, target.name)
            return Answer(200, text=self._logs.read(pod, request.query))
        if what == ("serviceaccounts", "token") and request.method == "POST":
            return self._token(request)
        if target.subresource == "scale" and request.resource.key in SCALABLE:
            return self._scale(request)
        if not request.resource.builtin:
            raise errors.not_found(request.resource, target.name)
        if any(name == target.subresource for name, _unused in request.resource.subresources):
            raise errors.method_not_allowed()
        raise errors.ApiError(
            404, "NotFound", "the server could not find the requested resource", {}
        )

    def _token(self, request: Request) -> Answer:
        target, body = request.target, request.decode()
        self._store.get("serviceaccounts", target.namespace, target.name)
        token = self._tokens.for_service_account(target.namespace, target.name)
        seconds = int((body.get("spec") or {}).get("expirationSeconds") or 3600)
        expires = self._store.kernel.timestamp(self._store.kernel.now() + seconds)
        status = {"token": token, "expirationTimestamp": expires}
        return Answer(
            201,
            {
                "kind": "TokenRequest",
                "apiVersion": "authentication.k8s.io/v1",
                "metadata": {"name": target.name, "namespace": target.namespace},
                "spec": body.get("spec") or {},
                "status": status,
            },
        )

    def access_review(self, request: Request, user: User) -> Answer:
        """Answer "may I?". Raises ApiError."""
        if request.method != "POST" or request.target.name:
            raise errors.method_not_allowed()
        binary = request.content_type() == CONTENT_TYPE
        body = decode_access_review(request.body) if binary else request.decode()
        spec = body.get("spec") or {}
        wanted = spec.get("resourceAttributes") or {}
        other = spec.get("nonResourceAttributes") or {}
        access = Access(
            wanted.get("verb", "") or other.get("verb", ""),
            wanted.get("group", ""),
            wanted.get("resource", ""),
            wanted.get("subresource", ""),
            wanted.get("namespace", ""),
            wanted.get("name", ""),
            other.get("path", ""),
        )
        return Answer(
            201,
            {
                "kind": "SelfSubjectAccessReview",
                "apiVersion": "authorization.k8s.io/v1",
                "metadata": {},
                "spec": spec,
                "status": {"allowed": self._authorizer.allowed(user, access)},
            },
        )

    def _scale(self, request: Request) -> Answer:
        """The number of replicas of a workload, as an object of its own."""
        target, key = request.target, request.resource.key
        present = self._scale_of(self._store.get(key, target.namespace, target.name))
        if request.method == "GET":
            return Answer(200, present)
        if request.method == "PATCH":
            patch = json_patch if request.content_type() == JSON_PATCH else merge_patch
            wanted = patch(present, request.decode_patch())
        elif request.method == "PUT":
            wanted = request.decode()
        else:
            raise errors.method_not_allowed()
        replicas = (wanted.get("spec") or {}).get("replicas", 0)
        _check_replicas(target.name, wanted, replicas, request.method == "PATCH")
        options = request.write_options()
        version = (wanted.get("metadata") or {}).get("resourceVersion")

        def edit(obj: Object) -> None:
            obj["spec"]["replicas"] = replicas
            if version:
                obj["metadata"]["resourceVersion"] = version

        stored = self._store.mutate(key, target.namespace, target.name, edit, options=options)
        return Answer(200, self._scale_of(stored), warnings=options.warnings)

    @staticmethod
    def _scale_of(obj: Object) -> Object:
        kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        labels = (obj["spec"].get("selector") or {}).get("matchLabels") or {}
        return {
            "kind": "Scale",
            "apiVersion": "autoscaling/v1",
            "metadata": {k: v for k, v in obj["metadata"].items() if k in kept},
            "spec": {"replicas": obj["spec"].get("replicas", 0)},
            "status": {
                "replicas": (obj.get("status") or {}).get("replicas", 0),
                "selector": ",".join(f"{k}={v}" for k, v in sorted(labels.items())),
            },
        }


def _check_replicas(name: str, scale: Object, replicas: object, patching: bool) -> None:
    """Refuse a number of replicas that is none. Raises ApiError 400 or 422."""
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        problem = (
            f"json: cannot unmarshal {json_kind(replicas)} into Go struct field "
            "ScaleSpec.spec.replicas of type int32"
        )
        if patching:
            raise errors.undecodable_patch(show_json(scale), problem)
        raise errors.bad_request(f'Scale in version "v1" cannot be handled as a Scale: {problem}')
    if replicas < 0:
        text = f"Invalid value: {replicas}: must be greater than or equal to 0"
        cause = errors.Cause("spec.replicas", "FieldValueInvalid", text)
        raise errors.invalid(_SCALE, name, [cause])


def _check_eviction(request: Request, body: Object) -> None:
    """Refuse an eviction of another kind, pod or namespace. Raises ApiError 400 or 422."""
    kind, version = body.get("kind") or "Eviction", body.get("apiVersion") or "policy/v1"
    if kind != "Eviction":
        raise errors.bad_request(
            f'{kind} in version "{version.rpartition("/")[2]}" cannot be handled as a Eviction: '
            + no_such_kind(kind, version)
        )
    metadata = body.get("metadata") or {}
    if metadata.get("namespace") not in (None, "", request.target.namespace):
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if metadata.get("name") != request.target.name:
        raise errors.bad_request("name in URL does not match name in Eviction object")
    asked = (body.get("deleteOptions") or {}).get("dryRun")
    if asked:
        check_dry_run("DeleteOptions", asked)


def no_such_kind(kind: str, version: str) -> str:
    """Return what is said about a kind that an API version does not have."""
    return (
        f'no kind "{kind}" is registered for version "{version}" in scheme '
        '"k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"'
    )
