# SPDX-License-Identifier: MIT
"""The source tree, for what only makes sense in one."""

from __future__ import annotations

from pathlib import Path

from openvmi import resources
from openvmi.errors import UnavailableError


def top() -> Path:
    """The top of the source tree; :class:`UnavailableError` in an installed package."""
    found = resources.checkout()
    if found is None:
        raise UnavailableError("this needs the source tree of OpenVMI, and this is an installed package; "
                               "clone the sources and run make setup there")
    return found
