# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gives a setting of Longhorn another value.

``KUBECONFIG=... python -m tests.scenery.setting NAME VALUE``. For scenarios in which time runs
fast: Longhorn must not replace a replica (after 600 s) or clean a copy up (after 60 min) only
because the machine that runs the playbook is busy.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.observer.api import LONGHORN, Api

MERGE = "application/merge-patch+json"


if __name__ == "__main__":
    name, value = sys.argv[1:]
    api = Api(Path(os.environ["KUBECONFIG"]))
    api.send("PATCH", f"{LONGHORN}/settings/{name}", {"value": value}, MERGE)
