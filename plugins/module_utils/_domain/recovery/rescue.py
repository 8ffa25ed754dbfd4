# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the bytes of an image that was not downloaded came from, and whether that is still there.

What can be made again is made under another name with the recorded SHA-512 as its checksum, so
that Longhorn itself refuses other bytes; then its file is the file of the lost image.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import proven
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Image
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import Sight

OPEN, CHECK, CLOSED = "open", "check", "closed"
NAME_MAX = 40
THEN = "then put that image's file back as below"


@dataclass(frozen=True, slots=True)
class Origin:
    """open: it is there; check: look first; closed: it is gone or was never in the cluster."""

    state: str
    text: str
    commands: tuple[str, ...] = ()


def origin(sight: Sight) -> Origin:
    """What is left of the source of this image."""
    kinds = {
        "upload": _upload,
        "export-from-volume": _export,
        "clone": _clone,
        "restore": _restore,
    }
    return kinds.get(sight.source_type, _other)(sight)


def rescue_name(name: str) -> str:
    """The name of the image that is made for the rescue (Longhorn takes at most 40 characters)."""
    return f"rescue-{name}"[:NAME_MAX].rstrip("-._")


def _again(sight: Sight) -> str:
    """A command that makes the image once more from what its object says of its source. Nothing of
    the source is printed: a URL in it may hold a credential.
    """
    image = sight.image
    keep = (
        "{apiVersion, kind, metadata: {name: $name, namespace: .metadata.namespace}, "
        "spec: {sourceType: .spec.sourceType, sourceParameters: .spec.sourceParameters, "
        "checksum: .status.checksum}}"
    )
    get = f"kubectl -n {sight.cluster.namespace} get backingimages.longhorn.io {image.name} -o json"
    made = f"jq --arg name {rescue_name(image.name)} {shlex.quote(keep)}"
    return f"{get} | {made} | kubectl create -f -"


def _sum(image: Image) -> str:
    return f"sha512 {image.checksum[:12]}…" if image.checksum else "no sha512 is recorded"


def _upload(sight: Sight) -> Origin:
    image = sight.image
    return Origin(
        CHECK,
        f"find the file that was uploaded ({_sum(image)}, {image.size} bytes), or a backup of the "
        "image, and put it back as below",
        (f"kubectl -n {sight.cluster.namespace} get backupbackingimages.longhorn.io",),
    )


def _export(sight: Sight) -> Origin:
    volume = sight.image.source_parameters.get("volume-name", "")
    found = sight.cluster.volumes.get(volume)
    if found is None:
        return Origin(CLOSED, f"volume {volume or '(unnamed)'} it was exported from is gone")
    if found.robustness == "faulted" or found.image == sight.image.name:
        why = "is faulted" if found.robustness == "faulted" else "needs this very image to start"
        return Origin(CLOSED, f"volume {volume} it was exported from is there, but {why}")
    text = (
        f"volume {volume} it was exported from is still there: export it again under another "
        f"name. With the recorded checksum ({_sum(sight.image)}) it only succeeds if nothing was "
        f"written to the volume since; {THEN}"
    )
    return Origin(CHECK, text, (_again(sight),))


def _clone(sight: Sight) -> Origin:
    parameters = sight.image.source_parameters
    name = parameters.get("backing-image", "")
    source = sight.cluster.images.get(name)
    if source is None:
        return Origin(CLOSED, f"image {name or '(unnamed)'} it was cloned from is gone")
    copies = proven.proven(sight.cluster, source)
    if not copies:
        return Origin(CLOSED, f"image {name} it was cloned from is there, but has no proven copy")
    plain = parameters.get("encryption", "ignore") in ("", "ignore")
    if plain and source.checksum and source.checksum == sight.image.checksum:
        disk = sight.cluster.disks[copies[0].disk]
        path = f"{disk.path.rstrip('/')}/backing-images/{source.name}-{source.uuid}/backing"
        text = f"image {name} it was cloned from has the same bytes: put its file back as below"
        return Origin(OPEN, text, (f"sha512sum {shlex.quote(path)}   # on {disk.node}: the FILE",))
    text = f"image {name} it was cloned from is still there: clone it again under another name; "
    return Origin(CHECK, text + THEN, (_again(sight),))


def _restore(sight: Sight) -> Origin:
    text = (
        "its backup may still be there: restore it again under another name with the recorded "
        f"checksum ({_sum(sight.image)}); {THEN}"
    )
    look = f"kubectl -n {sight.cluster.namespace} get backupbackingimages.longhorn.io"
    return Origin(CHECK, text, (look, _again(sight)))


def _other(sight: Sight) -> Origin:
    text = f"find the original file ({_sum(sight.image)}) and put it back as below"
    return Origin(CHECK, text)
