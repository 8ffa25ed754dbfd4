# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance of several nodes: what is where, in which order, which of them together, the gate.

`marks` is what a run leaves on its nodes, `run` reads it back, `order` and `plan` decide what comes
next, `batches` proves which nodes may be away together, `gate` says whether the cluster can bear
it, `told` puts all of it in words.
"""
