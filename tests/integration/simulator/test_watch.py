# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches over TLS: order, selectors, marks, what is too old, and endings."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.simulator.conftest import BASE, Served
from tests.unit.simulator.example import RES, image


class Stream:
    """An open watch."""

    def __init__(self, served: Served, accept: str = "application/json", **query: Any) -> None:
        self._connection = served.connect()
        headers = {"Authorization": f"Bearer {served.token}", "Accept": accept}
        url = f"{BASE}?{urlencode({'watch': 'true', **query})}"
        self._connection.request("GET", url, headers=headers)
        self.response = self._connection.getresponse()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while line := self.response.readline():
            yield json.loads(line)

    def take(self, count: int) -> list[tuple[str, str]]:
        """Return the kinds and names of the next events."""
        events = iter(self)
        found = (next(events) for _unused in range(count))
        return [(e["type"], e["object"]["metadata"].get("name", "")) for e in found]

    def close(self) -> None:
        self._connection.close()


def version(served: Served) -> str:
    found: str = served.send("GET", BASE).body["metadata"]["resourceVersion"]
    return found


def test_nothing_is_missed_between_list_and_watch(served: Served) -> None:
    start = version(served)
    served.send("POST", BASE, image("a"))
    stream = Stream(served, resourceVersion=start)
    served.merge("a", copies=2)
    served.send("DELETE", f"{BASE}/a")
    assert stream.take(3) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    stream.close()


def test_without_a_version_what_exists_comes_first(served: Served) -> None:
    for name in ("b", "a"):
        served.send("POST", BASE, image(name))
    stream = Stream(served)
    served.send("POST", BASE, image("c"))
    assert stream.take(3) == [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c")]
    stream.close()


def test_objects_enter_and_leave_a_selection(served: Served) -> None:
    stream = Stream(served, resourceVersion=version(served), labelSelector="hot=yes")
    served.send("POST", BASE, image("a"))
    kind = {"Content-Type": "application/merge-patch+json"}
    for value in ("yes", None):
        body = {"metadata": {"labels": {"hot": value}}}
        served.send("PATCH", f"{BASE}/a", body, headers=kind)
    events = iter(stream)
    entered, left = next(events), next(events)
    assert (entered["type"], left["type"]) == ("ADDED", "DELETED")
    assert left["object"]["metadata"]["labels"] == {"hot": "yes"}
    assert int(left["object"]["metadata"]["resourceVersion"]) > int(
        entered["object"]["metadata"]["resourceVersion"]
    )
    stream.close()


def test_too_old_is_an_event_and_the_end(served: Served) -> None:
    start = version(served)
    served.send("POST", BASE, image("a"))
    served.server.call(served.store.history.compact, RES, served.store.version)
    stream = Stream(served, resourceVersion=start)
    (event,) = list(stream)
    assert stream.response.status == 200
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
    assert event["object"]["reason"] == "Expired"


def test_initial_events_end_with_a_mark(served: Served) -> None:
    served.send("POST", BASE, image("a"))
    stream = Stream(
        served,
        sendInitialEvents="true",
        allowWatchBookmarks="true",
        resourceVersionMatch="NotOlderThan",
        timeoutSeconds=1,
    )
    first, mark = list(stream)
    assert (first["type"], mark["type"]) == ("ADDED", "BOOKMARK")
    annotations = mark["object"]["metadata"]["annotations"]
    assert annotations == {"k8s.io/initial-events-end": "true"}
    refused = served.send("GET", BASE, watch="true", sendInitialEvents="true")
    assert refused.status == 422


def test_a_watch_ends_when_its_time_is_over(served: Served) -> None:
    began = time.monotonic()
    assert list(Stream(served, timeoutSeconds=1)) == []
    assert 0.9 < time.monotonic() - began < 3


def test_tables_are_watched_too(served: Served) -> None:
    table = "application/json;as=Table;v=v1;g=meta.k8s.io"
    stream = Stream(served, table, resourceVersion=version(served))
    served.send("POST", BASE, image("a"))
    served.merge("a", copies=2)
    events = iter(stream)
    first, second = next(events)["object"], next(events)["object"]
    assert first["columnDefinitions"] and second["columnDefinitions"] is None
    assert second["rows"][0]["cells"][0] == "a"
    stream.close()


def test_a_watch_can_be_cut_and_ends_with_the_server(served: Served) -> None:
    served.server.faults.add(action="cut", verb="watch", resource=RES, seconds=0.1)
    with pytest.raises((OSError, http.client.HTTPException)):
        Stream(served).response.read()
    stream = Stream(served)
    served.server.stop()
    assert list(stream) == []


def test_a_client_that_goes_is_forgotten(served: Served) -> None:
    stream = Stream(served)
    count = served.server.call(lambda: len(served.store._subscribers))
    stream.close()
    end = time.monotonic() + 5
    while served.server.call(lambda: len(served.store._subscribers)) == count:
        assert time.monotonic() < end, "the watch is still subscribed"
        time.sleep(0.02)
