# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of modules that ask download sources, written once."""

from __future__ import annotations


class ModuleDocFragment:
    """How the sources of images are reached from the machine that the module runs on."""

    DOCUMENTATION = r"""
options:
  source_proxy:
    description:
      - URL of the proxy through which the sources are asked. It is asked for plain HTTP as well
        as for HTTPS.
      - Without it, what E(LONGHORN_SOURCE_PROXY) says, else E(http_proxy), E(https_proxy) and
        E(no_proxy).
    type: str
  source_ca_cert:
    description:
      - File with certificates of authorities that are trusted beside those of the system.
    type: path
  source_timeout:
    description:
      - Seconds that reading one source may take.
    type: float
    default: 1800
"""
