# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the probe in the cluster may do and how it is read, without a cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.short_pod import (
    UNTIL,
    Terms,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source import (
    finding,
    probe_log,
    probe_pod,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.delivered import (
    Expected,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.probe_pod import (
    Question,
)

URL = "https://images.example/a.img"
ANSWER: dict[str, Any] = {
    "source": 0,
    "stage": "GET",
    "curl": 0,
    "status": 200,
    "length": 1024,
    "received": 1024,
    "redirects": 1,
    "cuts": 2,
    "downgraded": False,
    "sha512": "ab" * 64,
    "head": " 121 106 111 373 000",
    "seconds": 3,
}


def log(*lines: dict[str, Any] | str) -> str:
    """A log of these lines."""
    return "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)


def test_a_whole_log() -> None:
    told = probe_log.read(
        log({"begun": 1}, "# a line of something else", {"source": 0, "so_far": 512}, ANSWER,
            {"ended": 1})
    )  # fmt: skip
    assert told.begun and told.ended and dict(told.so_far) == {0: 512}
    seen = probe_log.delivered(told.answers[0], Expected(URL, "ab" * 64), 60)
    assert (seen.trouble, seen.status, seen.received, seen.cuts) == ("", 200, 1024, 2)
    assert seen.head == b"QFI\xfb\0" and seen.checksum == "ab" * 64


@pytest.mark.parametrize(
    "change",
    [
        {"status": "200"},
        {"status": -1},
        {"received": True},
        {"downgraded": "no"},
        {"sha512": "AB" * 64},
        {"sha512": "ab" * 63},
        {"head": "999"},
        {"stage": "POST"},
        {"more": 1},
    ],
)
def test_an_answer_that_is_not_exactly_of_its_form_counts_for_nothing(
    change: dict[str, Any],
) -> None:
    assert probe_log.read(log({**ANSWER, **change})).answers == {}


def test_a_line_that_is_cut_off_counts_for_nothing() -> None:
    whole = log({"begun": 1}, ANSWER)
    for length in range(len(whole)):
        assert probe_log.read(whole[:length]).answers == {}


@pytest.mark.parametrize(
    ("change", "word", "text"),
    [
        ({"curl": 6, "status": 0, "stage": "HEAD"}, "host", "-e new_url=URL"),
        ({"curl": 7, "status": 0}, "unreachable", "-e source_probe=controller"),
        ({"curl": 28, "status": 0, "seconds": 10}, "idle", "no answer in time"),
        ({"curl": 28, "seconds": 60}, "deadline", "1024 bytes after 60 s"),
        ({"curl": 28, "seconds": 30}, "idle", "stood still at 1024 bytes"),
        ({"curl": 60, "status": 0}, "tls", "would not trust it either"),
        ({"curl": 47, "status": 302}, "redirects", "more than 10 times"),
        ({"curl": 18, "cuts": 6}, "cut", "was cut 6 times"),
        ({"curl": 56, "status": 0}, "reset", "was reset"),
        ({"curl": 22, "status": 403}, "status", "answers 403 to GET"),
        ({"curl": 23, "length": -1}, "changed", "goes on after 1024 bytes"),
        ({"curl": 137}, "unreachable", "curl ended with 137"),
        ({"downgraded": True, "head": ""}, "same_bytes", "sha512 as recorded"),
    ],
)
def test_what_curl_says_has_the_words_of_a_read_by_this_machine(
    change: dict[str, Any], word: str, text: str
) -> None:
    answer = probe_log.read(log({**ANSWER, "head": "", **change})).answers[0]
    expected = Expected(URL, "ab" * 64, 1024)
    seen = probe_log.delivered(answer, expected, 60.0)
    found = finding.find(expected, seen, finding.CLUSTER)
    assert found.word == word and text in found.text


def test_the_pod_may_do_nothing_but_connect_and_speak() -> None:
    terms = Terms("longhorn/backing-image-manager:v1", "me@host:1-x", 90, 0.0, "pull")
    pod = probe_pod.pod("p", terms)
    spec, container = pod["spec"], pod["spec"]["containers"][0]
    assert spec["automountServiceAccountToken"] is False
    assert spec["activeDeadlineSeconds"] == 90 and spec["restartPolicy"] == "Never"
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"]
    assert spec["imagePullSecrets"] == [{"name": "pull"}]
    assert not {"affinity", "tolerations", "nodeSelector", "nodeName", "volumes"} & spec.keys()
    assert not {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName"} & spec.keys()
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert container["resources"]["limits"].keys() == {"cpu", "memory"}
    limits = container["securityContext"]
    assert limits["readOnlyRootFilesystem"] and limits["allowPrivilegeEscalation"] is False
    assert limits["capabilities"] == {"drop": ["ALL"]}
    assert pod["metadata"]["annotations"][UNTIL] == "1970-01-01T00:00:00Z"


def test_what_it_asks_is_in_the_secret_alone() -> None:
    question = Question(f"{URL}?sig=\\x", "https", 'user:s3"cret', 512)
    told = probe_pod.environment([question], 1800.7, 30.0)
    assert told["SOURCE_0"] == f'url = "{URL}?sig=\\\\x"\nuser = "user:s3\\"cret"'
    assert (told["LONGEST_0"], told["SCHEME_0"], told["SECONDS_MAX"]) == ("512", "https", "1800")
    made = probe_pod.secret("p", "uid-1", told)
    assert made["metadata"]["ownerReferences"][0]["uid"] == "uid-1"
    pod = probe_pod.pod("p", Terms("i", "", 1, 0))
    assert "s3" not in json.dumps(made) and "s3" not in json.dumps(pod)
