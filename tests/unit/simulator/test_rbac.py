# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens and roles."""

from __future__ import annotations

import pytest

from tests.simulator.errors import ApiError
from tests.simulator.rbac import ANONYMOUS, Access, Authorizer, Tokens, User
from tests.unit.simulator.example import NS, make_store

GROUP = "rbac.authorization.k8s.io"
ACCOUNT = f"system:serviceaccount:{NS}:operator"
OPERATOR = User(ACCOUNT, ("system:authenticated",))


def authorizer() -> Authorizer:
    store = make_store()
    rules = [
        {"apiGroups": ["longhorn.io"], "resources": ["images"], "verbs": ["get", "patch"]},
        {"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]},
        {
            "apiGroups": ["longhorn.io"],
            "resources": ["nodes"],
            "resourceNames": ["n1"],
            "verbs": ["*"],
        },
    ]
    subject = {"kind": "ServiceAccount", "name": "operator", "namespace": NS}
    store.create(f"roles.{GROUP}", {"metadata": {"name": "r", "namespace": NS}, "rules": rules})
    store.create(
        f"rolebindings.{GROUP}",
        {
            "metadata": {"name": "b", "namespace": NS},
            "roleRef": {"kind": "Role", "name": "r"},
            "subjects": [subject],
        },
    )
    reader = [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]
    store.create(f"clusterroles.{GROUP}", {"metadata": {"name": "reader"}, "rules": reader})
    store.create(
        f"clusterrolebindings.{GROUP}",
        {
            "metadata": {"name": "readers"},
            "roleRef": {"kind": "ClusterRole", "name": "reader"},
            "subjects": [{"kind": "Group", "name": "system:authenticated"}],
        },
    )
    return Authorizer(store)


@pytest.mark.parametrize(
    ("access", "allowed"),
    [
        (Access("patch", "longhorn.io", "images", "", NS, "x"), True),
        (Access("delete", "longhorn.io", "images", "", NS, "x"), False),
        (Access("patch", "longhorn.io", "images", "status", NS, "x"), False),
        (Access("patch", "longhorn.io", "images", "", "default", "x"), False),
        (Access("create", "", "pods", "eviction", NS, "p"), True),
        (Access("create", "", "pods", "", NS), False),
        (Access("update", "longhorn.io", "nodes", "", NS, "n1"), True),
        (Access("update", "longhorn.io", "nodes", "", NS, "n2"), False),
        (Access("list", "", "nodes"), True),
        (Access("get", path="/apis"), True),
        (Access("get", path="/metrics"), False),
    ],
)
def test_roles(access: Access, allowed: bool) -> None:
    assert authorizer().allowed(OPERATOR, access) is allowed


def test_refusals_say_who_and_what() -> None:
    check = authorizer()
    with pytest.raises(ApiError) as error:
        check.check(OPERATOR, Access("delete", "longhorn.io", "images", "", NS, "x"))
    assert error.value.message == (
        f'images.longhorn.io "x" is forbidden: User "{ACCOUNT}" cannot delete resource "images" '
        f'in API group "longhorn.io" in the namespace "{NS}"'
    )
    assert error.value.details == {"name": "x", "group": "longhorn.io", "kind": "images"}
    with pytest.raises(ApiError) as at_scope:
        check.check(OPERATOR, Access("patch", "", "nodes", "", "", "n1"))
    assert at_scope.value.message.endswith('in API group "" at the cluster scope')
    with pytest.raises(ApiError, match='User "system:anonymous" cannot get path "/apis"'):
        check.check(ANONYMOUS, Access("get", path="/apis"))


def test_tokens() -> None:
    tokens = Tokens(seed=3)
    assert tokens.user_of(None) is ANONYMOUS
    assert tokens.user_of(f"Bearer {tokens.admin}").is_admin
    token = tokens.for_service_account(NS, "operator")
    assert tokens.user_of(f"bearer {token}").name == ACCOUNT
    tokens.revoke(token)
    for header in (f"Bearer {token}", "Basic abc", "nonsense"):
        with pytest.raises(ApiError) as error:
            tokens.user_of(header)
        assert error.value.status == 401
