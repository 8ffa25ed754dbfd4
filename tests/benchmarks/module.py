# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a module is run as Ansible runs it: in a process of its own, arguments on standard input."""

from __future__ import annotations

MODULE = """
import json, runpy, sys
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = sys.stdin.buffer.read()
basic._ANSIBLE_PROFILE = "legacy"
root = "ansible_collections.nodecare.longhorn.plugins.modules."
runpy.run_module(root + sys.argv[1], run_name="__main__", alter_sys=True)
"""
