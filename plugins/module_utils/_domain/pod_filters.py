# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pods of a node are evicted, left or in the way: one filter after the other, each with a
reason, as kubectl's drain does it; the order is fixed and the first filter that speaks decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import label_selector
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pods import Pod

COMPONENT = "longhorn.io/component"
INSTANCE_MANAGER = "instance-manager"
IMAGE_MANAGER = "backing-image-manager"
DATA_SOURCE = "backing-image-data-source"

DAEMON_SET = "its DaemonSet would start it again on this node"
NOT_CHOSEN = "pod_selectors does not choose it"
MIRROR_POD = "static pod: only the node itself can stop it"
IMAGE_MANAGER_POD = "Longhorn starts it again here at once, and no budget asks for it"
FIRST_FILE_POD = "it prepares the first file of an image, which would be lost"
FINISHED = "it has finished"
BARE = "no controller would start it again"
LOCAL_DATA = "it keeps data in an emptyDir, which would be lost"
EVICTABLE = "its controller starts it again elsewhere"


class Fate(str, Enum):
    """evict: asked to go; leave: stays by design; block: needs the operator's word."""

    EVICT = "evict"
    LEAVE = "leave"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Consent:
    """What the operator allows (names as in kubernetes.core.k8s_drain).

    disable_eviction: a pod whose budget refuses may be deleted where no data is at risk.
    pod_selectors: label selectors; only pods that match all of them are evicted.
    """

    force: bool = False
    delete_emptydir_data: bool = False
    ignore_daemonsets: bool = True
    disable_eviction: bool = False
    pod_selectors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to one pod, why, and the option that would change it."""

    pod: Pod
    fate: Fate
    reason: str
    remedy: str = ""


Filter = Callable[[Pod, Consent], "Verdict | None"]


def _mirror(pod: Pod, consent: Consent) -> Verdict | None:
    return Verdict(pod, Fate.LEAVE, MIRROR_POD) if pod.mirror else None


def _not_chosen(pod: Pod, consent: Consent) -> Verdict | None:
    chosen = all(label_selector.matches(text, pod.meta.labels) for text in consent.pod_selectors)
    return None if chosen else Verdict(pod, Fate.LEAVE, NOT_CHOSEN)


def _daemon_set(pod: Pod, consent: Consent) -> Verdict | None:
    if pod.owner_kind != "DaemonSet":
        return None
    if consent.ignore_daemonsets:
        return Verdict(pod, Fate.LEAVE, DAEMON_SET)
    return Verdict(pod, Fate.BLOCK, DAEMON_SET, "leave it there: ignore_daemonsets=true")


def _image_manager(pod: Pod, consent: Consent) -> Verdict | None:
    found = pod.meta.labels.get(COMPONENT) == IMAGE_MANAGER
    return Verdict(pod, Fate.LEAVE, IMAGE_MANAGER_POD) if found else None


def _first_file(pod: Pod, consent: Consent) -> Verdict | None:
    if pod.meta.labels.get(COMPONENT) != DATA_SOURCE:
        return None
    return Verdict(pod, Fate.BLOCK, FIRST_FILE_POD, "wait until the image is ready")


def _finished(pod: Pod, consent: Consent) -> Verdict | None:
    return Verdict(pod, Fate.EVICT, FINISHED) if pod.finished else None


def _bare(pod: Pod, consent: Consent) -> Verdict | None:
    if pod.owner_kind or consent.force:
        return None
    return Verdict(pod, Fate.BLOCK, BARE, "delete it, or -e force=true")


def _local_data(pod: Pod, consent: Consent) -> Verdict | None:
    if not pod.empty_dirs or consent.delete_emptydir_data:
        return None
    remedy = "save what it keeps, then -e delete_emptydir_data=true"
    return Verdict(pod, Fate.BLOCK, LOCAL_DATA, remedy)


FILTERS: tuple[Filter, ...] = (
    _mirror,
    _not_chosen,
    _daemon_set,
    _image_manager,
    _first_file,
    _finished,
    _bare,
    _local_data,
)


def judge(pod: Pod, consent: Consent) -> Verdict:
    """The first filter that speaks decides; a pod that none speaks of is evicted."""
    for rule in FILTERS:
        verdict = rule(pod, consent)
        if verdict is not None:
            return verdict
    return Verdict(pod, Fate.EVICT, EVICTABLE)


def judge_all(pods: Iterable[Pod], node: str, consent: Consent) -> tuple[Verdict, ...]:
    """Verdicts for all pods of a node, by name."""
    mine = sorted((pod for pod in pods if pod.node == node), key=lambda pod: pod.key)
    return tuple(judge(pod, consent) for pod in mine)


def by_reason(verdicts: Iterable[Verdict], fate: Fate) -> dict[str, list[str]]:
    """Each reason once, with all its pods: how a person reads it."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.fate is fate:
            groups[verdict.reason].append(verdict.pod.key)
    return dict(groups)


def is_instance_manager(pod: Pod) -> bool:
    """Instance managers go last: workloads must have let go of their volumes."""
    return pod.meta.labels.get(COMPONENT) == INSTANCE_MANAGER
