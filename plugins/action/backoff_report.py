# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has the picture written where the user stands; the playbook shows the verdict."""

from __future__ import annotations

from ansible_collections.nodecare.longhorn.plugins.plugin_utils.live_progress import (
    LiveProgressAction,
)


class ActionModule(LiveProgressAction):
    """See the module."""
