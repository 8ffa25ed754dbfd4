# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands in for the script with which ansible-test puts pip into its virtual environments.

ansible-test would download one; the copy of pip that comes with Python serves as well and needs no
network. Called as that script is: with the packages that pip shall install (``pip==...``) and with
options of ``pip install``, which are not needed here.
"""

from __future__ import annotations

import ensurepip
import os
import subprocess
import sys

environment = dict(os.environ)  # ensurepip takes the settings of pip away from this process
ensurepip.bootstrap()
wanted = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
if wanted:
    install = [sys.executable, "-m", "pip", "install", "--quiet", *wanted]
    subprocess.run(install, env=environment, check=True)
