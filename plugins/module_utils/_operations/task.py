# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operation needs from the task it runs in, made once at the edge."""

from __future__ import annotations

import dataclasses

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupt
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.progress import Progress


@dataclasses.dataclass
class Task:
    """The connection, the time, the flag "stop at the next safe point", and the progress line."""

    client: Client
    deadline: Deadline
    interrupt: Interrupt
    progress: Progress
