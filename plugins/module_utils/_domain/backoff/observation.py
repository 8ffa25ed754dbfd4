# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thing that was seen of an image's retries, whatever it was seen in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff import moment

POD = "pod"
ENTRY = "entry"
SOURCE = "source"
LOG_DOWNLOAD = "log_download"
LOG_SYNC = "log_sync"
KINDS = (POD, ENTRY, SOURCE, LOG_DOWNLOAD, LOG_SYNC)


@dataclass(frozen=True)
class Observation:
    """Seen at *at* (epoch seconds, by the clock of *clock*).

    *kind*: `pod` a data source pod was created, `entry` an entry of the image's status changed to
    *state*, `source` a data source was created, `log_download` and `log_sync` a manager logged that
    it makes the pod or asks for a sync. *uid* is that of the data source. Equal observations are
    one: a line that log rotation shows twice counts once.
    """

    at: float
    kind: str
    image: str
    disk: str = ""
    state: str = ""
    message: str = ""
    clock: str = ""
    uid: str = ""


def from_data(data: Mapping[str, Any]) -> Observation:
    """An observation from the form that users give: the same names, *at* as an RFC 3339 time.

    Raises ValueError naming what is wrong.
    """
    kind = str(data.get("kind") or "")
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    if not data.get("image"):
        raise ValueError("image is missing")
    at = moment.seconds(str(data.get("at") or ""))
    words = {key: str(data.get(key) or "") for key in ("disk", "state", "clock", "uid")}
    # A module's option may not be called "message".
    message = str(data.get("error") or "")
    return Observation(at, kind, str(data["image"]), message=message, **words)
