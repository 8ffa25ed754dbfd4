# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A failed copy with the right bytes is put back, and never lost on the way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.recovery.scene import Scene
from tests.integration.recovery.test_look import disk, file, lost, pods, write

Make = Callable[..., Scene]


@pytest.mark.parametrize("longhorn", ["1.6", "1.12"])
def test_the_image_is_whole_again(make: Make, longhorn: str) -> None:
    scene = lost(make, longhorn)
    write(scene, "node-1")
    inode = file(scene, disk(scene, "node-1")).stat().st_ino
    done = scene.recover("tool", experimental=True)
    print("\n".join(scene.texts))
    print(done)
    assert done["images"][0]["outcome"] == "recovered"
    assert file(scene, disk(scene, "node-1")).stat().st_ino == inode
    assert scene.ready("tool") >= 2
    assert scene.notes() == [] and pods(scene) == []
