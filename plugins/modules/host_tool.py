#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: the action plugin of this name does the work.

from __future__ import annotations

DOCUMENTATION = r"""
module: host_tool
short_description: Install the host program
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Builds the program C(seaworthy) on the controller from the Python sources of this collection and copies it to the
    host.
  - The same sources give the same bytes on every controller, so a second run changes nothing.
  - The program needs Python 3.11 or newer at C(/usr/bin/python3) of the host and nothing else.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: partial
    details: Says that the program differs, not how.
options:
  path:
    description: Where the program is installed.
    type: path
    default: /usr/local/bin/seaworthy
"""

EXAMPLES = r"""
- name: Install the host program
  seaworthy.swarm.host_tool:
  become: true
"""

RETURN = r"""
checksum:
  description: SHA-1 of the installed program.
  returned: always
  type: str
  sample: 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12
"""
