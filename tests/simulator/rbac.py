# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is calling, and may they: bearer tokens, Roles, ClusterRoles and their bindings.

Texts: apiserver pkg/endpoints/handlers/responsewriters/errors.go.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tests.simulator.errors import ApiError, forbidden, unauthorized
from tests.simulator.objects import Object, name_of
from tests.simulator.store import Store

MASTERS = "system:masters"
_GROUP = "rbac.authorization.k8s.io"
_PUBLIC_PATHS = ("/healthz", "/livez", "/readyz", "/version")
_DISCOVERY_PATHS = ("/api", "/apis", "/openapi", "/version")


@dataclass(frozen=True)
class User:
    """Somebody who calls: a name and groups."""

    name: str
    groups: tuple[str, ...] = ()

    @property
    def is_admin(self) -> bool:
        """Tell whether everything is allowed without looking at roles."""
        return MASTERS in self.groups


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True)
class Access:
    """What a request wants to do; ``resource`` is empty for a path that is no object (``path``)."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        """``pods/eviction`` or ``pods``."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


class Tokens:
    """The bearer tokens of one cluster."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(f"tokens-{seed}")
        self._users: dict[str, User] = {}
        self.admin = self.issue(User("kubernetes-admin", (MASTERS, "system:authenticated")))

    def issue(self, user: User) -> str:
        """Return a new token for ``user``."""
        token = f"sim-{self._random.getrandbits(128):032x}"
        self._users[token] = user
        return token

    def for_service_account(self, namespace: str, name: str) -> str:
        """Return a new token for a service account, whether or not the object exists."""
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
        account = f"system:serviceaccount:{namespace}:{name}"
        return self.issue(User(account, (*groups, "system:authenticated")))

    def revoke(self, token: str) -> None:
        """Make a token unknown, as an expired one is."""
        self._users.pop(token, None)

    def user_of(self, header: str | None) -> User:
        """Return who an Authorization header speaks for; nobody without one. Raises
        ApiError 401.
        """
        if not header:
            return ANONYMOUS
        scheme, _unused, token = header.partition(" ")
        user = self._users.get(token.strip()) if scheme.lower() == "bearer" else None
        if user is None:
            raise unauthorized()
        return user


class Authorizer:
    """Decides from the role and binding objects in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def check(self, user: User, access: Access) -> None:
        """Raise ApiError 403 with the server's text unless the user may do this."""
        if self.allowed(user, access):
            return
        if not access.resource:
            why = f'User "{user.name}" cannot {access.verb} path "{access.path}"'
            raise ApiError(403, "Forbidden", f"forbidden: {why}", {})
        where = (
            f'in the namespace "{access.namespace}"' if access.namespace else "at the cluster scope"
        )
        why = (
            f'User "{user.name}" cannot {access.verb} resource "{access.full_resource}" '
            f'in API group "{access.group}" {where}'
        )
        key = f"{access.resource}.{access.group}" if access.group else access.resource
        error = forbidden(None, access.name, why, key)
        details = {"name": access.name, "group": access.group, "kind": access.resource}
        error.details = {k: v for k, v in details.items() if v}
        raise error

    def allowed(self, user: User, access: Access) -> bool:
        """Tell whether the user may do this."""
        if user.is_admin:
            return True
        if not access.resource:
            known = _PUBLIC_PATHS if user == ANONYMOUS else (*_PUBLIC_PATHS, *_DISCOVERY_PATHS)
            return access.verb == "get" and access.path.startswith(known)
        if access.group == "authorization.k8s.io" and user != ANONYMOUS:
            return True
        return any(_rule_allows(rule, access) for rule in self._rules(user, access.namespace))

    def _rules(self, user: User, namespace: str) -> Iterator[Object]:
        for binding in self._store.list(f"clusterrolebindings.{_GROUP}"):
            if _binds(binding, user, ""):
                yield from self._role_rules(binding, "")
        if namespace:
            for binding in self._store.list(f"rolebindings.{_GROUP}", namespace):
                if _binds(binding, user, namespace):
                    yield from self._role_rules(binding, namespace)

    def _role_rules(self, binding: Object, namespace: str) -> list[Object]:
        reference = binding.get("roleRef") or {}
        if reference.get("kind") == "ClusterRole":
            role = self._store.find(f"clusterroles.{_GROUP}", "", reference.get("name", ""))
        else:
            role = self._store.find(f"roles.{_GROUP}", namespace, reference.get("name", ""))
        return (role or {}).get("rules") or []


def _binds(binding: Object, user: User, namespace: str) -> bool:
    for subject in binding.get("subjects") or []:
        kind, name = subject.get("kind"), name_of({"metadata": subject})
        if kind == "User" and name == user.name:
            return True
        if kind == "Group" and name in user.groups:
            return True
        where = subject.get("namespace") or namespace
        if kind == "ServiceAccount" and user.name == f"system:serviceaccount:{where}:{name}":
            return True
    return False


def _rule_allows(rule: Object, access: Access) -> bool:
    resources = rule.get("resources") or []
    wanted = {"*", access.full_resource, f"*/{access.subresource}" if access.subresource else "*"}
    names = rule.get("resourceNames") or []
    return (
        bool({"*", access.verb} & set(rule.get("verbs") or []))
        and bool({"*", access.group} & set(rule.get("apiGroups") or []))
        and bool(wanted & set(resources))
        and (not names or access.name in names)
    )
