# SPDX-License-Identifier: MIT
"""Types that keep the kinds of address apart. All are plain integers at run time."""

from typing import NewType

Gpa = NewType("Gpa", int)  #: guest-physical address, bytes
Gva = NewType("Gva", int)  #: guest-virtual address, bytes, canonical unsigned 64-bit
RomOffset = NewType("RomOffset", int)  #: bytes from the start of a ROM image
TextOffset = NewType("TextOffset", int)  #: bytes from the start of a ROM's text
Nanoseconds = NewType("Nanoseconds", int)  #: virtual or wall time

PAGE_SIZE = 4096
PAGE_MASK = PAGE_SIZE - 1


def page_up(value: int) -> int:
    """The value rounded up to a page boundary."""
    return (value + PAGE_MASK) & ~PAGE_MASK
