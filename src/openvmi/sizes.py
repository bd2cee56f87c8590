# SPDX-License-Identifier: MIT
"""Sizes as people write them."""

from __future__ import annotations

import re

from openvmi.errors import UsageError

_UNITS = {"": 0, "K": 10, "M": 20, "G": 30}
_SIZE = re.compile(r"(\d{1,15})([KMG]?)(?:i?B)?", re.IGNORECASE | re.ASCII)


def parse(text: str) -> int:
    """Bytes of a size such as 64M, 1G or 65536; units are powers of 1024. :class:`UsageError` for anything else."""
    match = _SIZE.fullmatch(text.strip())
    if not match or not int(match[1]):
        raise UsageError(f"size {text!r}: expected a positive number with K, M or G, such as 64M")
    return int(match[1]) << _UNITS[match[2].upper()]


def show(size: int) -> str:
    """A size with the largest unit that divides it."""
    for unit, shift in reversed(_UNITS.items()):
        if size and not size % (1 << shift):
            return f"{size >> shift}{unit}"
    return str(size)
