# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ends a recovery that had begun: somebody deletes the image while it is brought back."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.memory import BEFORE
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import tickets
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import deleting
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import Sight

_WHO = "somebody deleted it while it was being recovered"


def why_deleted(name: str, window: Sequence[Sight]) -> str:
    """The sentence for an image that is gone (an empty window) or is going; "" for any other."""
    if not window:
        return f"{name} is gone: {_WHO}. There is nothing left to bring back"
    verdict = deleting.judge(window)
    if verdict is None:
        return ""
    text = f"{name} {verdict.summary}: {_WHO}, so nothing more is written to it; {verdict.remedy}"
    waiting = tickets.waiting_to_return(window[-1].cluster, name)
    if waiting:
        listed = names([attachment.name for attachment in waiting])
        text += f". The attachment tickets of {listed} are in the annotation {BEFORE} of their "
        text += "VolumeAttachments"
    return text
