# SPDX-License-Identifier: MIT
"""What can be known of a word in a classic ROM's code: a kind, and numbers of it.

    entry n     what that register had where the client came in
    frame n     the word n bytes into the frame that an interrupt return takes
    return 0    the address that the client's call pushed
    flags m     the flags, but for the bits of m, which may be others
    number      one of these, signed
    image       an address in the ROM: one of these offsets
    low         an address so many bytes above where the client has physical address 0
    stack       an address so many bytes above the stack pointer of the entry, signed
    made t      made of an address, or perhaps one, at a distance that is not known; t: STACK, IMAGE, CLIENT, LOW
    None        anything else: it is taken to be neither on the stack nor in the image

Who adds to an address what is not known, takes bits from it, or has it on one of two paths, gets `made`: a store
through that may be anywhere on the stack, or in the image.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from openvmi.abi.classic import SCAN_END, SCAN_START

#: Bytes of a register and of a push; numbers that a value can have before it counts as `made` or unknown.
WORD, SET_LIMIT = 4, 32
#: The same of numbers where paths meet: each more is a round more of a loop that counts.
NUMBERS_LIMIT = 4
MASK = (1 << 32) - 1
Value = tuple[str, frozenset[int]] | None
#: What a value may be made of: where the stack is, where the ROM is, where the client's code is, where ROMs are.
STACK, IMAGE, CLIENT, LOW = 1, 2, 4, 8
RETURN: Value = ("return", frozenset([0]))
FLAGS: Value = ("flags", frozenset([0]))
ZERO: Value = ("number", frozenset([0]))
#: A ROM is in the first MiB, which clients map as a whole, at a multiple of a MiB.
_MIB = 1 << 20
#: An address's place in its page says nothing of where the ROM is.
_PAGE = 1 << 12
#: Bytes that an image can have, and some.
_LARGEST = 1 << 17
#: PAGE_OFFSET of i386 Linux (arch/x86/Kconfig, VMSPLIT), and where physical addresses are.
_BASES = (0, 0xC0000000, 0xB0000000, 0x80000000, 0x78000000, 0x40000000)
_PLACES = {"stack": frozenset([STACK]), "image": frozenset([IMAGE]), "low": frozenset([LOW]),
           "return": frozenset([CLIENT])}
_NOTHING: frozenset[int] = frozenset()


def rom_area(first: int, size: int = 1) -> bool:
    """Whether bytes are where clients look for a ROM, or have it mapped; one found at the end of that reaches on."""
    end = SCAN_END + _LARGEST
    return any(start < end and start + size > SCAN_START for base in _BASES for start in [(first - base) & MASK])


def value(kind: str, *numbers: int) -> Value:
    """One that is one of these."""
    return kind, frozenset(numbers)


def signed(number: int) -> int:
    """Of 32 bits."""
    return (number + (1 << 31) & MASK) - (1 << 31)


def tags(what: Value) -> frozenset[int]:
    """What it leads to, or may be made of."""
    if what is None:
        return _NOTHING
    kind, numbers = what
    if kind == "made":
        return numbers
    if kind == "number":
        return _PLACES["low"] if any(map(rom_area, numbers)) else _NOTHING
    return _PLACES.get(kind, _NOTHING)


def made(*values: Value) -> Value:
    """Something that was made of these in a way that is not followed."""
    found = _NOTHING.union(*map(tags, values))
    return ("made", found) if found else None


def single(what: Value, kind: str) -> int | None:
    """The one number of that kind that it is."""
    return next(iter(what[1])) if what is not None and what[0] == kind and len(what[1]) == 1 else None


def place(what: Value) -> int | None:
    """The one place on the stack that it is."""
    return single(what, "stack")


def join(one: Value, other: Value) -> Value:
    """What is known of one of two."""
    if one == other:
        return one
    if one is not None and other is not None and one[0] == other[0]:
        limit = NUMBERS_LIMIT if one[0] == "number" else SET_LIMIT
        if one[0] in ("number", "image", "low", "stack") and len(both := one[1] | other[1]) <= limit:
            return one[0], both
        if one[0] == "flags":
            return value("flags", min(one[1]) | min(other[1]))
    return made(one, other)


def times(what: Value, scale: int) -> Value:
    """A multiple."""
    if scale == 1 or what is None:
        return what
    return value("number", *(signed(each * scale) for each in what[1])) if what[0] == "number" else made(what)


def add(one: Value, other: Value, sign: int = 1) -> Value:
    """The sum, or the difference."""
    if other == ZERO or (one == ZERO and sign > 0):
        return one if other == ZERO else other
    if one is None or other is None:
        return made(one, other)
    first, second = one[0], other[0]
    kind = ""
    if second == "number" and first in ("number", "image", "low", "stack"):
        kind = first
    elif first == "number" and sign > 0 and second in ("image", "low", "stack"):
        kind = second
    elif sign < 0 and first == second and first in ("image", "low", "stack"):
        kind = "number"
    if not kind or len(one[1]) * len(other[1]) > SET_LIMIT:
        return made(one, other)
    return kind, frozenset([signed(each + sign * by) for each in one[1] for by in other[1]])


def folded(one: Value, other: Value, what: Callable[[int, int], int]) -> Value:
    """Arithmetic with numbers that are known, as what they are without a sign."""
    if (one is None or other is None or one[0] != "number" or other[0] != "number"
            or len(one[1]) * len(other[1]) > SET_LIMIT):
        return made(one, other)
    return "number", frozenset([signed(what(a & MASK, b & MASK)) for a, b in product(one[1], other[1])])


def masked(what: Value, mask: Value) -> Value:
    """The logical and. With a number of few bits it is one of few numbers, whatever the other is."""
    if what is not None and what[0] == "number" and (mask is None or mask[0] != "number"):
        what, mask = mask, what
    bits = single(mask, "number")
    if bits is None or (what is not None and what[0] == "number"):
        return folded(what, mask, lambda a, b: a & b)
    if what is not None and what[0] == "flags":
        return value("flags", (min(what[1]) | ~bits) & MASK)
    if what is not None and what[0] == "image" and bits == -_MIB and 0 <= min(what[1]) <= max(what[1]) < _LARGEST:
        return value("low", 0)
    if not 0 <= bits < _MIB:
        return made(what, mask)
    if bits.bit_count() > SET_LIMIT.bit_length() - 1:
        return made(what, mask) if bits >= _PAGE else None
    subsets, each = [0], bits
    while each:
        subsets.append(each)
        each = each - 1 & bits
    return value("number", *subsets)


def changed(what: Value, by: Value, fold: Callable[[int, int], int]) -> Value:
    """Or, exclusive or: as arithmetic, but that of flags it is known which may be others now."""
    if what is not None and by is not None and what[0] == "flags" and by[0] == "number":
        bits = min(what[1])
        for each in by[1]:
            bits |= each & MASK
        return value("flags", bits)
    return folded(what, by, fold)
