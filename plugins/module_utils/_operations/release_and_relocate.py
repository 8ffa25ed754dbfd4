# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Release a node, making copies again that went missing elsewhere since they were counted.

A copy of our own puts an image above its minNumberOfCopies. Then Longhorn's clean-up may take any
other copy that no replica has used for backing-image-cleanup-wait-interval (60 min), on any node
(longhorn-manager controller/node_controller.go BackingImageDiskFileCleanup, v1.12.1). The release
refuses such an image rightly; a new copy is not unused for long, so making it once more ends it.
"""

from __future__ import annotations

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    release_node,
    relocate_images,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work

# Each round may cost an image one more of the old copies that nothing uses; few have more.
ROUNDS = 3


def release(
    work: Work,
    request: Request,
    released: release_node.Outcome,
    made: relocate_images.Outcome,
) -> None:
    """Until nothing is left on the node; what is done is noted in *released* and *made*.

    Raises ShortOfCopies when copies still go missing after so many rounds, and whatever a release
    or a relocation raises.
    """
    for left in reversed(range(ROUNDS + 1)):
        try:
            release_node.Release(work, request, released).run()
            return
        except release_node.ShortOfCopies as short:
            if not left:
                raise
            work.progress.update(
                f"fewer copies than before of {names(list(short.images), 3)}: making them again",
                at_once=True,
            )
        relocate_images.Relocation(work, request, made, taken=len(released.keys)).run()
