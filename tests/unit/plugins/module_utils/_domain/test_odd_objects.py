# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of every release, whatever of them is missing, null or odd: read, judged and told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    diagnosis_text,
    image_facts,
    parse,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit import audit, junit
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit import (
    text as audit_text,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import detect
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import catalogue
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import see
from tests.unit.plugins.module_utils._domain.crd_shapes import RELEASES, objects, shapes

LINE_MAX = 2500
PARSERS: dict[str, tuple[str, Any, tuple[str, ...]]] = {
    "backingimagedatasources": ("data_sources", parse.data_source, ("img", "u1")),
    "backingimagemanagers": ("managers", parse.manager, ("m1", "m2")),
    "nodes": ("nodes", parse.node, ("n1", "n2")),
    "volumes": ("volumes", parse.volume, ("v1", "v2")),
    "replicas": ("replicas", parse.replica, ("r1", "r2")),
    "volumeattachments": ("attachments", parse.attachment, ("v1", "v2")),
}


def some(found: list[Any]) -> dict[str, Any]:
    return {item.name: item for item in found}


def clusters(release: str) -> st.SearchStrategy[Cluster]:
    """Clusters of one or two images and up to two objects of every other kind."""
    known = shapes(release)
    schema = detect(f"v{release}", [])
    images = st.lists(objects(known["backingimages"], ("img", "u1")), min_size=1, max_size=2)
    rest = {
        field: st.lists(objects(known[plural], names), max_size=2).map(
            lambda raws, parser=parser: some([parser(raw) for raw in raws])
        )
        for plural, (field, parser, names) in PARSERS.items()
    }
    core = st.lists(
        st.sampled_from(["n1", "n2"]).map(
            lambda name: parse.kube_node(
                {
                    "metadata": {"name": name},
                    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
                }
            )
        ),
        max_size=2,
    )
    return st.builds(
        Cluster,
        schema=st.just(schema),
        images=images.map(lambda raws: some([parse.image(raw, schema) for raw in raws])),
        kube_nodes=core.map(some),
        **rest,
    )


@pytest.mark.parametrize("release", RELEASES)
def test_every_object_is_read_judged_and_told(release: str) -> None:
    @settings(
        max_examples=18,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(cluster=clusters(release))
    def check(cluster: Cluster) -> None:
        for image in cluster.images.values():
            sight = see(cluster, image)
            verdict = catalogue.judge([sight])
            assert not (verdict.recoverable and sight.exists)
            facts = image_facts.describe(sight, verdict)
            json.dumps(facts)
            for line in diagnosis_text.lines([facts]):
                assert line.isprintable()
                assert len(line) < LINE_MAX
        found = audit.make(cluster, audit.Question())
        json.dumps(found.as_data())
        junit.report(found, "weak")
        assert all(line.isprintable() for line in audit_text.lines(found))

    check()
