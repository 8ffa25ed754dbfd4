# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remembers what was seen of each image in the last seconds: what verdicts are made of."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    see,
)


class Observation:
    """A window of sights per image, *seconds* long, oldest first.

    Equal sights in a row are kept as the first and the last of them, so that a window costs as much
    as what changed in it.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._windows: dict[str, list[Sight]] = {}

    def record(self, cluster: Cluster, names: Iterable[str], now: float) -> None:
        """Look at these images. One that does not exist any more loses its window."""
        for name in names:
            image = cluster.images.get(name)
            if image is None:
                self._windows.pop(name, None)
                continue
            window = self._windows.setdefault(name, [])
            sight = see(cluster, image, now)
            if len(window) >= 2 and _same(window[-1], sight) and _same(window[-2], sight):
                window[-1] = sight
            else:
                window.append(sight)
            while len(window) > 1 and window[1].seconds <= now - self.seconds:
                window.pop(0)

    def window(self, name: str) -> list[Sight]:
        """What was seen of this image; [] when it does not exist."""
        return self._windows.get(name, [])

    def complete(self, name: str) -> bool:
        """Whether the window is as long as it has to be."""
        window = self.window(name)
        return bool(window) and window[-1].seconds - window[0].seconds >= self.seconds


def _same(one: Sight, other: Sight) -> bool:
    return (
        one.copies == other.copies
        and one.source == other.source
        and one.recording == other.recording
        and one.image.meta.version == other.image.meta.version
    )
