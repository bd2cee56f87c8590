# SPDX-License-Identifier: MIT
"""What runs guests. One folder each; the rest of the toolkit knows none of them by name.

A folder here is a hypervisor when its package defines `HYPERVISOR`, an object with the methods of
:class:`openvmi.hypervisors.base.Hypervisor`.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from openvmi.errors import UsageError
from openvmi.hypervisors.base import Hypervisor


def names() -> list[str]:
    """Names of all hypervisors in the package, sorted. Imports none of them."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)


def get(name: str) -> Hypervisor:
    """The hypervisor of that name; :class:`UsageError` when there is none."""
    if name not in names():
        raise UsageError(f"there is no hypervisor {name!r}; known are {', '.join(names())}")
    return import_module(f"{__name__}.{name}").HYPERVISOR


def ranked() -> list[Hypervisor]:
    """All of them: by preference, lowest first, then by name."""
    return sorted((get(name) for name in names()), key=lambda h: (getattr(h, "preference", 100), h.name))
