# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and writing over HTTP: pages, conditions, and what each refusal becomes."""

from __future__ import annotations

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import client as client_module
from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds, outage
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.connect import connect
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from tests.integration.api.conftest import EXAMPLE, NS, World


def test_list_reads_all_pages_and_reduces_each_item(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "PAGE_SIZE", 4)
    for number in range(10):
        world.add(f"i{number}")
    client = world.client()
    listing = client.list(EXAMPLE, lambda raw: raw["metadata"]["name"])
    assert listing.items == [f"i{number}" for number in range(10)]
    assert int(listing.resource_version) > 0
    assert client.requests == 3


def test_a_continue_token_that_is_too_old_starts_the_list_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "PAGE_SIZE", 4)
    for number in range(10):
        world.add(f"i{number}")
    world.server.faults.add(action="error", verb="list", status=410, nth=2)
    client = world.client()
    assert len(client.list(EXAMPLE).items) == 10
    assert client.requests == 5


def test_json_patch_with_a_stale_version_is_a_failed_test(world: World) -> None:
    world.add("one")
    client = world.client()
    old = client.get(EXAMPLE, "one")["metadata"]["resourceVersion"]
    set_copies = [{"op": "replace", "path": "/spec/copies", "value": 2}]
    client.patch_json(EXAMPLE, "one", set_copies, resource_version=old)
    with pytest.raises(errors.FailedTest):
        client.patch_json(EXAMPLE, "one", set_copies, resource_version=old)
    with pytest.raises(errors.FailedTest):
        client.patch_json(EXAMPLE, "one", set_copies, uid="another")
    with pytest.raises(errors.Conflict):
        client.patch_merge(EXAMPLE, "one", {"metadata": {"resourceVersion": old}, "spec": {}})


def test_a_value_the_schema_forbids_is_refused_with_its_cause(world: World) -> None:
    world.add("one")
    bad = [{"op": "replace", "path": "/spec/engine", "value": "v9"}]
    with pytest.raises(errors.Refused) as refused:
        world.client().patch_json(EXAMPLE, "one", bad)
    assert "engine" in str(refused.value)
    assert refused.value.causes


def test_delete_takes_only_the_object_that_was_read(world: World) -> None:
    world.add("one")
    client = world.client()
    found = client.get(EXAMPLE, "one")["metadata"]
    with pytest.raises(errors.Conflict):
        client.delete(EXAMPLE, "one", uid="another")
    with pytest.raises(errors.Conflict):
        client.delete(EXAMPLE, "one", uid=found["uid"], resource_version="1")
    client.delete(EXAMPLE, "one", uid=found["uid"], resource_version=found["resourceVersion"])
    assert client.find(EXAMPLE, "one") is None
    with pytest.raises(errors.NotFound):
        client.get(EXAMPLE, "one")


def test_an_evictions_429_is_an_answer_and_is_not_retried(world: World) -> None:
    world.server.faults.add(action="error", subresource="eviction", status=429, times=0)
    client = world.client()
    with pytest.raises(errors.TooManyRequests):
        client.evict("pod", NS, uid="u")
    assert client.requests == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_overload_and_a_failing_server_are_retried(world: World, status: int) -> None:
    world.add("one")
    client = world.client()
    client.get(EXAMPLE, "one")
    fault = world.server.faults.add(action="error", status=status, times=3, retry_after=0)
    assert client.get(EXAMPLE, "one")["metadata"]["name"] == "one"
    assert fault.injected == 3


def test_a_lost_connection_is_retried_and_a_write_that_was_cut_happens_once(world: World) -> None:
    world.add("one")
    client = world.client()
    version = client.get(EXAMPLE, "one")["metadata"]["resourceVersion"]
    world.server.faults.add(action="refuse", times=2)
    client.get(EXAMPLE, "one")
    world.server.faults.add(action="cut", verb="patch")
    set_copies = [{"op": "replace", "path": "/spec/copies", "value": 2}]
    # The first try was stored and its answer cut; its repetition tests a version that is gone.
    with pytest.raises(errors.FailedTest):
        client.patch_json(EXAMPLE, "one", set_copies, resource_version=version)
    assert client.get(EXAMPLE, "one")["spec"]["copies"] == 2


def test_retries_end_with_the_deadline_and_the_last_error(world: World) -> None:
    client = world.client(seconds=2.0)
    client.list(EXAMPLE)
    world.server.faults.add(action="error", status=503, times=0)
    with pytest.raises(errors.ServerError):
        client.list(EXAMPLE)
    assert client.deadline.elapsed() < 4.0


def test_a_revoked_token_is_401_with_a_remedy_and_without_the_token(world: World) -> None:
    token = world.server.tokens.for_service_account(NS, "robot")
    client = world.client(token=token)
    world.server.call(world.server.tokens.revoke, token)
    with pytest.raises(errors.Unauthorized) as refused:
        client.list(EXAMPLE)
    assert "renew" in str(refused.value)
    assert token not in str(refused.value)


def test_a_missing_right_is_named(world: World) -> None:
    client = world.client(token=world.server.tokens.for_service_account(NS, "robot"))
    with pytest.raises(errors.Forbidden) as refused:
        client.list(kinds.NODES)
    assert "list nodes" in str(refused.value)


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_has_just_come_back_may_forbid_for_a_moment(
    world: World, status: int
) -> None:
    world.add("one")
    client = world.client()
    client.get(EXAMPLE, "one")
    world.server.faults.add(action="refuse", times=2)
    refusal = world.server.faults.add(action="error", status=status, nth=3, times=2)
    assert client.get(EXAMPLE, "one")["metadata"]["name"] == "one"
    assert refusal.injected == 2


def test_a_right_that_is_taken_away_is_told_at_once_or_once_the_server_has_settled(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "SETTLING_SECONDS", 0.5)
    client = world.client()
    client.list(EXAMPLE)
    world.server.faults.add(action="error", status=403)
    with pytest.raises(errors.Forbidden):
        client.list(EXAMPLE)
    world.server.faults.add(action="refuse")
    world.server.faults.add(action="error", status=403, nth=2, times=0)
    with pytest.raises(errors.Forbidden):
        client.list(EXAMPLE)
    assert client.deadline.elapsed() < 5.0


def test_the_failure_of_a_webhook_is_no_outage(world: World) -> None:
    client = world.client()
    client.list(EXAMPLE)
    world.server.faults.add(action="error", status=500)
    refusal = world.server.faults.add(action="error", status=403, nth=2, times=0)
    with pytest.raises(errors.Forbidden):
        client.list(EXAMPLE)
    assert refusal.injected == 1


def test_nobody_there_is_told_at_once(world: World) -> None:
    world.server.stop()
    client = world.client(seconds=60.0)
    with pytest.raises(errors.Unreachable) as gone:
        client.list(EXAMPLE)
    said = (
        f"The Kubernetes API at {world.server.url} could not be reached: the connection was refused"
    )
    assert str(gone.value).startswith(said)
    assert client.deadline.elapsed() < 10.0


def test_an_unknown_authority_is_not_retried(world: World) -> None:
    client = connect(
        {"host": world.server.url, "api_key": "some-long-token", "namespace": NS}, Deadline(60.0)
    )
    with pytest.raises(errors.Untrusted):
        client.list(EXAMPLE)
    assert client.requests == 1
