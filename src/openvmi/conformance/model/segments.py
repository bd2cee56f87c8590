# SPDX-License-Identifier: MIT
"""Segments of DescriptorsSet: which may be set, and what user mode does by them (Intel SDM volume 3, section 3.4.5).

What emulators do not look at is never tried: a segment's limit, whether it can be written, no base in 64-bit code.
"""

from __future__ import annotations

from openvmi.conformance.model.base import PAGE_FAULT, U64, Outside
from openvmi.conformance.model.memory import USER_MODE, Fault
from openvmi.conformance.sequence import USER_DATA, USER_MARK

_READABLE, _CONFORMING, _CODE, _SEGMENT, _LONG, _BIG, _PAGES = (1 << bit for bit in (41, 42, 43, 44, 53, 54, 55))
_PRESENT = 1 << 47

CODE, DATA = 0x00CF_FB00_0000_FFFF, 0x00CF_F300_0000_FFFF  #: flat, 32-bit, privilege 3, present


def _based(descriptor: int, base: int) -> int:
    return descriptor | (base & 0xFF_FFFF) << 16 | base >> 24 << 56


def _base(descriptor: int) -> int:
    return descriptor >> 16 & 0xFF_FFFF | descriptor >> 56 << 24


#: What sequences set. All that are allowed begin somewhere below what they can find there.
SEGMENTS = (
    0, CODE, DATA, _based(DATA, USER_DATA), _based(DATA & ~_READABLE, 0x1234),  # the last one is read-only
    _based(DATA & ~_PAGES, USER_DATA + 0xFF0),  # 1 MiB
    CODE & ~_READABLE, CODE | _CONFORMING, CODE & ~_BIG, DATA & ~_BIG, CODE & ~_BIG | _LONG,
)  # fmt: skip
#: What nobody may set: privilege 0 to 2, not present, a TSS, a gate, and nonsense.
FORBIDDEN = (
    0x00CF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF, 0x00CF_BB00_0000_FFFF, 0x00CF_DB00_0000_FFFF, 0x00CF_7B00_0000_FFFF,
    0x0000_8900_0000_0067, 0x0000_EC00_0000_0000, 0x0000_E900_0000_0067, 1, 1 << 63,
)  # fmt: skip


def allowed(descriptor: int) -> bool:
    """Whether DescriptorsSet takes it, here or elsewhere."""
    if descriptor not in SEGMENTS + FORBIDDEN:
        raise Outside("a descriptor that sequences do not use")
    return not descriptor or bool(descriptor & _PRESENT and descriptor & _SEGMENT and descriptor >> 45 & 3 == 3)


def rare(descriptor: int) -> bool:
    """Whether a hypervisor need not have it."""
    if not allowed(descriptor) or not descriptor:
        return False
    if descriptor & _CODE and descriptor & (_LONG | _CONFORMING):
        return True
    return not descriptor & _BIG


def is_code(descriptor: int) -> bool:
    """Whether it can be executed."""
    return bool(descriptor & _CODE)


def is_compatible(descriptor: int) -> bool:
    """Whether a code segment is 32-bit; else it is 64-bit."""
    if not descriptor & (_LONG | _BIG):
        raise Outside("16-bit code, which has its own instructions")
    return not descriptor & _LONG


def can_read(descriptor: int) -> bool:
    """Whether a data register takes it."""
    return bool(descriptor and (not is_code(descriptor) or descriptor & _READABLE))


def read(descriptor: int | None, offset: int, compatible: bool) -> int:
    """The 32-bit word at an offset; 64-bit code has neither base nor limit. None: no segment. :class:`Fault`."""
    linear = offset
    if not compatible and descriptor and _base(descriptor):
        raise Outside("a base in 64-bit code, which emulators add")
    if compatible:
        if descriptor is None:
            raise Outside("what is no segment is found by emulators")
        limit = descriptor & 0xFFFF | descriptor >> 32 & 0xF_0000
        limit = limit << 12 | 0xFFF if descriptor & _PAGES else limit
        offset &= 0xFFFF_FFFF
        if offset + 3 > limit:
            raise Outside("beyond the limit, where emulators do not look")
        linear = _base(descriptor) + offset & 0xFFFF_FFFF
    if linear % 4:
        raise Outside("a word that is not aligned")
    if USER_DATA <= linear < USER_DATA + 4096:
        return USER_MARK + linear - USER_DATA
    if USER_DATA + 4096 <= linear < 1 << 30:
        raise Fault(PAGE_FAULT, USER_MODE, 0, linear & U64)
    raise Outside("an address that is not the sequences'")
