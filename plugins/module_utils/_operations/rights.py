# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the account have the rights for the writes that are planned? Asked before the first one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import Kind

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass(frozen=True, slots=True)
class Right:
    """A verb on a resource, as a role names it; `namespace` "" means cluster-wide."""

    verb: str
    kind: Kind
    namespace: str = ""
    sub: str = ""

    def attributes(self) -> dict[str, str]:
        """The right as the review asks for it."""
        found = {
            "verb": self.verb,
            "group": self.kind.group,
            "resource": self.kind.plural,
            "subresource": self.sub,
            "namespace": self.namespace,
        }
        return {key: text for key, text in found.items() if text}

    def words(self) -> str:
        """For a message: `patch volumes.longhorn.io in namespace longhorn-system`."""
        resource = f"{self.kind.plural}/{self.sub}" if self.sub else self.kind.plural
        group = f".{self.kind.group}" if self.kind.group else ""
        where = f"in namespace {self.namespace}" if self.namespace else "in the whole cluster"
        return f"{self.verb} {resource}{group} {where}"


def missing(client: Client, rights: Iterable[Right]) -> list[str]:
    """The rights that the server denies, in words; [] too where it does not answer the question.

    An account that may do everything is found out by one question.
    """
    try:
        if _allowed(client, {"verb": "*", "group": "*", "resource": "*"}):
            return []
        return [right.words() for right in rights if not _allowed(client, right.attributes())]
    except (errors.NotFound, errors.Forbidden):
        return []


def split_readable(
    client: Client, wanted: Sequence[Kind]
) -> tuple[tuple[Kind, ...], tuple[str, ...]]:
    """Kinds of the whole cluster that the account may list and watch, and the names of the others.

    For what only makes an answer better: the work goes on without it, and says so.
    """
    asked = [Right(verb, kind) for kind in wanted for verb in ("list", "watch")]
    denied = set(missing(client, asked))
    lacking = {right.kind.label for right in asked if right.words() in denied}
    readable = tuple(kind for kind in wanted if kind.label not in lacking)
    return readable, tuple(sorted(lacking))


def _allowed(client: Client, attributes: dict[str, str]) -> bool:
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = client.raw(
        "POST", REVIEWS, body=body, content_type="application/json", what="review rights"
    )
    return bool((answer.get("status") or {}).get("allowed"))


def for_drain(
    namespace: str, *, volumes: bool, leaves: bool, around_budgets: bool = False
) -> list[Right]:
    """What a drain writes."""
    rights = [
        Right("patch", kinds.LONGHORN_NODES, namespace),
        Right("patch", kinds.NODES),
        Right("create", kinds.PODS, "", "eviction"),
        Right("patch", kinds.BACKING_IMAGES, namespace),
        Right("create", kinds.LEASES, namespace),
    ]
    if around_budgets:
        rights.append(Right("delete", kinds.PODS))
    if volumes:
        rights.append(Right("patch", kinds.VOLUMES, namespace))
        rights.append(Right("patch", kinds.ATTACHMENTS, namespace))
        if leaves:
            rights.append(Right("delete", kinds.REPLICAS, namespace))
    return rights


def for_deletion() -> list[Right]:
    """What deleting a drained node writes."""
    return [Right("delete", kinds.NODES)]


def for_return(namespace: str) -> list[Right]:
    """What giving a node back writes."""
    return [
        Right("patch", kinds.LONGHORN_NODES, namespace),
        Right("patch", kinds.NODES),
        Right("patch", kinds.BACKING_IMAGES, namespace),
        Right("patch", kinds.VOLUMES, namespace),
        Right("patch", kinds.ATTACHMENTS, namespace),
        Right("delete", kinds.REPLICAS, namespace),
        Right("create", kinds.LEASES, namespace),
    ]


def for_source_probe(namespace: str) -> list[Right]:
    """What a pod that reads sources in the cluster takes."""
    return [*for_disk_look(namespace), Right("create", kinds.SECRETS, namespace)]


def for_disk_look(namespace: str) -> list[Right]:
    """What a pod that reads files on a node takes."""
    return [
        Right("create", kinds.PODS, namespace),
        Right("get", kinds.PODS, namespace),
        Right("list", kinds.PODS, namespace),
        Right("delete", kinds.PODS, namespace),
        Right("get", kinds.PODS, namespace, "log"),
    ]
