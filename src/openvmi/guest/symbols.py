# SPDX-License-Identifier: MIT
"""Names for addresses, from an ELF symbol table.

Symbols are for people: a stripped or damaged table gives fewer names and never an error, so that it cannot spoil the
report of a crash.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator

from openvmi.units import Gva

_SYMBOL = struct.Struct("<IBBHQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SHT_SYMTAB = 2
_FUNCTION = 2  # STT_FUNC
_NAMED_TYPES = (0, 1, _FUNCTION)  # STT_NOTYPE (labels in assembler), STT_OBJECT
_ABSOLUTE = 0xFFF1
_COUNT_LIMIT = 1 << 18
_NAME_LIMIT = 256
_REACH = 1 << 16  # a symbol without a size names at most these bytes


class Symbols:
    """Looks up names by address and addresses by name."""

    def __init__(self, symbols: list[tuple[int, int, str]]) -> None:
        """From (address, size in bytes or 0, name)."""
        self._sorted = sorted(symbols)
        self._starts = [address for address, _, _ in self._sorted]
        self._by_name = {name: Gva(address) for address, _, name in self._sorted}

    def __len__(self) -> int:
        return len(self._sorted)

    def lookup(self, address: int) -> tuple[str, int] | None:
        """Name and offset into it of what an address is in, or None."""
        index = bisect_right(self._starts, address) - 1
        # A label inside a function sorts after it; the function still covers what follows.
        for start, size, name in reversed(self._sorted[max(0, index - 7):index + 1]):
            if address - start < (size or _REACH):
                return name, address - start
        return None

    def address(self, name: str) -> Gva | None:
        """Where a symbol is, or None."""
        return self._by_name.get(name)


def parse(data: bytes) -> Symbols:
    """The symbols of an ELF file with a sound header."""
    return Symbols([(address, size, name) for address, size, name, _ in _read(data)])


def functions(data: bytes) -> list[tuple[Gva, int]]:
    """Address and size in bytes of what the same file calls a function, by ascending address; none overlaps another."""
    largest: dict[int, int] = {}
    for address, size, _, kind in _read(data):
        if kind == _FUNCTION:
            largest[address] = max(size, largest.get(address, 0))
    starts = sorted(largest)
    ends = [*starts[1:], 1 << 64]
    return [(Gva(at), min(largest[at], end - at)) for at, end in zip(starts, ends, strict=False) if largest[at]]


def _read(data: bytes) -> Iterator[tuple[int, int, str, int]]:
    """Address, size, name, type."""
    table, = struct.unpack_from("<Q", data, 0x28)
    entry_size, count = struct.unpack_from("<HH", data, 0x3A)
    if entry_size != _SECTION.size or table + count * _SECTION.size > len(data):
        return
    sections = [_SECTION.unpack_from(data, table + index * _SECTION.size) for index in range(count)]
    for _, kind, _, _, offset, size, link, *_ in sections:
        if kind != _SHT_SYMTAB or link >= count or offset + size > len(data):
            continue
        names, names_size = sections[link][4:6]
        if names + names_size > len(data):
            continue
        for index in range(min(size // _SYMBOL.size, _COUNT_LIMIT)):
            name, info, _, section, value, extent = _SYMBOL.unpack_from(data, offset + index * _SYMBOL.size)
            if section in (0, _ABSOLUTE) or info & 15 not in _NAMED_TYPES or name >= names_size:
                continue
            end = data.find(b"\0", names + name, min(names + names_size, names + name + _NAME_LIMIT))
            text = data[names + name:end].decode("ascii", "replace") if end > names + name else ""
            if text and text.isprintable():
                yield value, extent, text, info & 15
