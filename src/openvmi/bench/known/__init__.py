# SPDX-License-Identifier: MIT
"""What can be compared. One module each, which defines `PLAN`; the rest of the package knows none of them by name."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from openvmi.bench.plan import Plan, Times
from openvmi.errors import UsageError


def names() -> list[str]:
    """Of all comparisons, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def get(name: str) -> Plan | Times:
    """The comparison of that name; :class:`UsageError` when there is none."""
    if name not in names():
        raise UsageError(f"there is no comparison {name!r}; known are {', '.join(names())}")
    return import_module(f"{__name__}.{name}").PLAN
