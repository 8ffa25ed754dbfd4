# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of a fault in one copy of an image, made on the worker itself or by pods there."""

from __future__ import annotations


class ModuleDocFragment:
    """What a worker has to know. The specification is in module_utils/fault_options.py."""

    DOCUMENTATION = r"""
options:
  state:
    description: What to do.
    type: str
    required: true
    choices: [armed, made, undone, clean]
  id:
    description:
      - Name of this fault, by which its undo knows it. Lower-case letters, digits and dashes.
      - Required unless O(state=clean).
    type: str
  kind:
    description:
      - What kind of fault. Required with O(state=armed).
      - V(immutable) removes the files and makes the directory immutable in one step.
      - V(immutable_during_transfer) removes the files, waits until Longhorn sends them again, and
        makes the directory immutable in the middle of it.
      - V(files_removed) removes the files.
      - V(wrong_bytes) changes bytes of the file.
      - V(disk_full) fills the disk with a file.
      - V(no_space) removes the files and fills the disk with a file of at most O(size), so that it
        has less space than the files need, in one step. It leaves half of that, whatever O(leave)
        says, and is refused on the file system of the machine's root unless 2 GiB stay free.
    type: str
    choices:
      [immutable, immutable_during_transfer, files_removed, wrong_bytes, disk_full, no_space]
  image:
    description:
      - Name of the image. Required with O(state=armed).
      - Only the images of fault plays are accepted, whose names begin with C(fault-).
    type: str
  uuid:
    description: The image's C(status.uuid). Required with O(state=armed).
    type: str
  disk_uuid:
    description: UUID of the disk. Required with O(state=armed).
    type: str
  data_path:
    description: Path of the disk on this worker. Required with O(state=armed).
    type: str
  deadline:
    description: Seconds after which the fault is undone in any case.
    type: int
    default: 600
  who:
    description: Who makes the fault, for the marker.
    type: str
    default: ''
  wait:
    description: Seconds to wait for a transfer to catch.
    type: float
    default: 60
  leave:
    description: Bytes to leave free on a disk that is filled.
    type: int
    default: 0
  size:
    description:
      - Bytes of the file that fills a disk; V(0) for all but O(leave).
    type: int
    default: 0
  limit:
    description: The largest file, in bytes, that may be made to fill a disk.
    type: int
    default: 0
  disks:
    description:
      - The disks to look at with O(state=clean), as the inventory plug-in and
        M(nodecare.longhorn.node_info) tell them. C(uuid), C(path) and C(type) are used.
    type: list
    elements: dict
    default: []
"""
