# SPDX-License-Identifier: MIT
"""ELF files of any class, byte order and machine, as far as their section and symbol tables go.

Layouts: System V ABI, chapters 4 and 5. Nothing is followed unchecked; everything raises :class:`BadFileError` without
the path. Made for thousands of files: a table is unpacked at once, and its names are read when somebody asks.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property

from attrs import field, frozen

from openvmi.errors import BadFileError

MAGIC = b"\x7fELF"
SYMBOL_LIMIT = 4 << 20  #: entries of a symbol table
UNDEFINED_LIMIT = 1 << 16  #: different undefined symbols
NAME_LIMIT = 1024  #: bytes of a name; longer ones are cut
_SECTION_LIMIT = 1 << 17
_SEGMENT_LIMIT = 1 << 16

RELOCATABLE, EXECUTABLE, SHARED, CORE = 1, 2, 3, 4
TYPES = {RELOCATABLE: "relocatable object", EXECUTABLE: "executable", SHARED: "shared object or position-independent "
         "executable", CORE: "core dump"}
#: The machines of Linux's distributions (System V gABI, e_machine).
MACHINES = {
    2: "SPARC", 3: "i386", 4: "m68k", 8: "MIPS", 15: "PA-RISC", 18: "SPARC", 20: "PowerPC", 21: "PowerPC64", 22: "S390",
    40: "ARM", 42: "SuperH", 43: "SPARC V9", 50: "IA-64", 62: "x86-64", 183: "AArch64", 243: "RISC-V", 247: "eBPF",
    258: "LoongArch", 0x9026: "Alpha",
}
ALLOC, EXEC = 2, 4  #: flags of a section
SYMTAB, RELA, NOBITS, REL, DYNSYM = 2, 4, 8, 9, 11  #: types of a section
INTERPRETER = 3  #: type of a segment
UNDEFINED = 0  #: section of a symbol that the file does not have


@frozen
class Section:
    """An entry of the section header table."""

    index: int
    name: str
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int


@frozen
class Segment:
    """An entry of the program header table."""

    type: int
    flags: int
    offset: int
    virtual: int
    file_size: int
    memory_size: int


@frozen
class Symbol:
    """An entry of a symbol table: its name is at an offset of the table's strings."""

    name: str
    value: int
    section: int


@frozen
class Elf:
    """A file's tables. Made by :func:`parse`."""

    data: bytes = field(repr=False)
    bits: int
    little: bool
    type: int
    machine: int
    entry: int
    sections: tuple[Section, ...]
    segments: tuple[Segment, ...]

    @cached_property
    def _named(self) -> dict[str, Section]:
        found: dict[str, Section] = {}
        for section in self.sections:
            found.setdefault(section.name, section)
        return found

    def section(self, name: str) -> Section | None:
        """The first one of that name."""
        return self._named.get(name)

    def content(self, section: Section | str | None) -> bytes:
        """A section's bytes in the file; none for one that is absent or has none."""
        found = self._named.get(section) if isinstance(section, str) else section
        if found is None or found.type == NOBITS:
            return b""
        return self.data[found.offset:found.offset + found.size]

    def symbols(self, kind: int = SYMTAB) -> Iterator[Symbol]:
        """Those with a name, of the first table of a type, in order."""
        table = next((section for section in self.sections if section.type == kind), None)
        if table is None:
            return
        layout = struct.Struct(("<" if self.little else ">") + ("IBBHQQ" if self.bits == 64 else "IIIBBH"))
        if table.size // layout.size > SYMBOL_LIMIT:
            raise BadFileError(f"{table.name} has {table.size // layout.size} symbols, at most {SYMBOL_LIMIT} are read")
        strings = self.content(self.sections[table.link]) if table.link < len(self.sections) else b""
        content = self.content(table)
        for entry in layout.iter_unpack(content[:len(content) - len(content) % layout.size]):
            name, section, value = (entry[0], entry[3], entry[4]) if self.bits == 64 else (entry[0], entry[5], entry[1])
            if name:
                yield Symbol(string(strings, name), value, section)


def undefined(elf: Elf, kind: int = SYMTAB) -> list[str]:
    """Names of the undefined symbols, sorted."""
    found: set[str] = set()
    for symbol in elf.symbols(kind):
        if symbol.section == UNDEFINED:
            found.add(symbol.name)
            if len(found) > UNDEFINED_LIMIT:
                raise BadFileError(f"more than {UNDEFINED_LIMIT} undefined symbols; the file is damaged")
    return sorted(found)


def string(table: bytes, offset: int) -> str:
    """A name out of a table of strings; empty when it is outside."""
    end = table.find(b"\0", offset, offset + NAME_LIMIT)
    return table[offset:end if end >= 0 else offset + NAME_LIMIT].decode("utf-8", "backslashreplace")


def parse(data: bytes) -> Elf:
    """Reads the header and both tables; every section's and segment's bytes are inside the file."""
    if data[:4] != MAGIC:
        raise BadFileError(f"starts with {data[:4].hex(' ') or 'nothing'}, not 7f 45 4c 46: not an ELF file")
    if len(data) < 16 or data[4] not in (1, 2) or data[5] not in (1, 2):
        raise BadFileError(f"ELF class and byte order are {data[4:6].hex(' ') or 'missing'}, expected 01 or 02 for "
                           "each; the file is damaged")
    bits, order = (64 if data[4] == 2 else 32), "<" if data[5] == 1 else ">"
    header = struct.Struct(f"{order}16x" + ("HHIQQQIHHHHHH" if bits == 64 else "HHIIIIIHHHHHH"))
    if len(data) < header.size:
        raise BadFileError(f"ends at {len(data)}, inside the ELF header of {header.size} bytes; is it truncated?")
    kind, machine, _, entry, programs, table, _, _, program_size, programs_count, size, number, names = (
        header.unpack_from(data))
    sections = _sections(data, order, bits, table, size, number, names) if table else ()
    segments = _segments(data, order, bits, programs, program_size, programs_count) if programs_count else ()
    return Elf(data, bits, order == "<", kind, machine, entry, sections, segments)


def _sections(
    data: bytes, order: str, bits: int, table: int, size: int, number: int, names: int,
) -> tuple[Section, ...]:
    layout = struct.Struct(order + ("IIQQQQIIQQ" if bits == 64 else "IIIIIIIIII"))
    if size != layout.size or table + size > len(data):
        raise BadFileError(f"section headers of {size} bytes at {table:#x}, expected {layout.size} inside "
                           f"{len(data):#x}; the file is damaged or truncated")
    first = layout.unpack_from(data, table)
    number = number or first[5]  # too many for the header's field
    names = first[6] if names == 0xFFFF else names
    if number > _SECTION_LIMIT or table + number * size > len(data) or names >= max(number, 1):
        raise BadFileError(f"{number} section headers at {table:#x}, names in section {names}, and the file ends at "
                           f"{len(data):#x}; expected {_SECTION_LIMIT} at most, inside it; is it truncated?")
    headers = list(layout.iter_unpack(data[table:table + number * size]))
    strings = b""
    if number:
        _, kind, _, _, offset, length, *_ = headers[names]
        strings = b"" if kind == NOBITS else data[offset:offset + length]
    found = []
    for index, (name, kind, flags, address, offset, length, link, *_) in enumerate(headers):
        if kind not in (0, NOBITS) and offset + length > len(data):
            raise BadFileError(f"section {index} covers {offset:#x} to {offset + length:#x}, the file ends at "
                               f"{len(data):#x}; is it truncated?")
        found.append(Section(index, string(strings, name), kind, flags, address, offset, length, link))
    return tuple(found)


def _segments(data: bytes, order: str, bits: int, table: int, size: int, number: int) -> tuple[Segment, ...]:
    layout = struct.Struct(order + ("IIQQQQQQ" if bits == 64 else "IIIIIIII"))
    if size != layout.size or number > _SEGMENT_LIMIT or table + number * size > len(data):
        raise BadFileError(f"{number} program headers of {size} bytes at {table:#x}, expected {layout.size} each "
                           f"inside {len(data):#x}; the file is damaged or truncated")
    found = []
    for entry in layout.iter_unpack(data[table:table + number * size]):
        if bits == 64:
            kind, flags, offset, virtual, _, file_size, memory_size, _ = entry
        else:
            kind, offset, virtual, _, file_size, memory_size, flags, _ = entry
        if kind and offset + file_size > len(data):
            raise BadFileError(f"a segment covers {offset:#x} to {offset + file_size:#x}, the file ends at "
                               f"{len(data):#x}; is it truncated?")
        found.append(Segment(kind, flags, offset, virtual, file_size, memory_size))
    return tuple(found)
