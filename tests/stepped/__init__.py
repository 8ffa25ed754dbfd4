# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's operations and a simulated cluster in one thread and one virtual time.

Requests go through the whole API server of the simulator (tokens, rights, faults, log, admission),
only without a socket; whatever the operations wait for passes in virtual time. So a drain takes a
fifth of a second, every run of it is the same, and the process can be forked in the middle of one.
"""
