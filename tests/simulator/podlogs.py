# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logs of pods: lines with times, kept per pod and container.

A pod that is made again under its old name starts with an empty log, as on a real node.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.simulator.errors import bad_request
from tests.simulator.kernel import Kernel, rfc3339_micro
from tests.simulator.objects import Object, name_of, uid_of


class PodLogs:
    """All log lines of one cluster."""

    def __init__(self, kernel: Kernel, limit: int = 5000) -> None:
        self._kernel = kernel
        self._limit = limit
        self._lines: dict[tuple[str, str], list[tuple[float, str]]] = {}

    def write(self, pod: Object, text: str, container: str = "") -> None:
        """Append a line to the log of a pod's container (default: its first)."""
        key = (uid_of(pod), container or _containers(pod)[0])
        lines = self._lines.setdefault(key, [])
        lines.append((self._kernel.now(), text))
        if len(lines) > self._limit:
            del lines[: len(lines) - self._limit]

    def read(self, pod: Object, query: Mapping[str, str]) -> str:
        """Return a log as ``GET …/log`` does. Raises ApiError 400 with the server's texts.

        Understood: container, tailLines, sinceSeconds, timestamps, limitBytes.
        """
        names = _containers(pod)
        container = query.get("container") or ""
        if not container:
            if len(names) > 1:
                raise bad_request(
                    f"a container name must be specified for pod {name_of(pod)}, choose one of: "
                    f"[{' '.join(names)}]"
                )
            container = names[0]
        if container not in names:
            raise bad_request(f"container {container} is not valid for pod {name_of(pod)}")
        lines = self._lines.get((uid_of(pod), container), [])
        since, tail = query.get("sinceSeconds"), query.get("tailLines")
        if since:
            begin = self._kernel.now() - float(since)
            lines = [line for line in lines if line[0] >= begin]
        if tail:
            lines = lines[-int(tail) :] if int(tail) else []
        stamped = query.get("timestamps") == "true"
        texts = [f"{rfc3339_micro(t)} {text}" if stamped else text for t, text in lines]
        whole = "".join(text + "\n" for text in texts)
        limit = query.get("limitBytes")
        return whole[: int(limit)] if limit else whole


def _containers(pod: Object) -> list[str]:
    return [c.get("name", "") for c in pod.get("spec", {}).get("containers") or []] or [""]
