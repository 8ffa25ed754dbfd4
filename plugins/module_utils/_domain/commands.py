# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that are printed to be copied: they run as they are, whatever names are in them."""

from __future__ import annotations

import shlex

USUAL = "longhorn-system"  # what the playbooks take without longhorn_namespace


def playbook(namespace: str, name: str, *variables: str) -> str:
    """One of our playbooks with ``key=value`` variables, on the Longhorn in that namespace."""
    wanted = list(variables)
    if namespace != USUAL:
        wanted.append(f"longhorn_namespace={namespace}")
    words = [f"ansible-playbook nodecare.longhorn.{name}"]
    return " ".join([*words, *(f"-e {shlex.quote(each)}" for each in wanted)])
