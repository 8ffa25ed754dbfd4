# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An option of a module that names a file for a document: a JUnit report, a picture."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule


def check(module: AnsibleModule, option: str) -> None:
    """Refuse a place that cannot hold the file before anything else happens."""
    path = module.params[option]
    if not path:
        return
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        module.fail_json(msg=f"{option}: there is no folder {folder}", changed=False)
    if Path(path).is_dir():
        module.fail_json(msg=f"{option}={path} is a folder: name a file", changed=False)


def write(module: AnsibleModule, option: str, text: str) -> None:
    """Put the document where the option says, whole or not at all; nowhere in check mode."""
    if not module.params[option] or module.check_mode:
        return
    path = Path(module.params[option])
    if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text:
        return
    descriptor, temporary = tempfile.mkstemp(dir=module.tmpdir)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    module.atomic_move(temporary, str(path))
