# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands in for the script with which ansible-test puts pip into its virtual environments.

ansible-test would download one; the copy of pip that comes with Python serves as well and needs no network. Called as
that script is: with the packages that pip shall install (``pip``, ``setuptools``, ``wheel`` and their versions) and
options of ``pip install``.
"""

from __future__ import annotations

import ensurepip
import subprocess
import sys

ensurepip.bootstrap()
wanted = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
if wanted:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *wanted], check=True)
