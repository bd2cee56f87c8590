# SPDX-License-Identifier: MIT
"""The parts of an ELF file that say how to load it, read from bytes that nobody vouches for.

Layouts: System V ABI, chapter 4 (object files) and 5 (program loading), 64-bit little-endian forms. Every function
raises :class:`BadGuestError` without the path, which :func:`openvmi.guest.image.parse` puts in front.
"""

from __future__ import annotations

import struct

from attrs import frozen

from openvmi.errors import BadGuestError
from openvmi.units import PAGE_MASK, Gpa, Gva, page_up

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM = struct.Struct("<IIQQQQQQ")

_ET_EXEC, _EM_X86_64 = 2, 62
_PT_LOAD, _PT_NOTE = 1, 4
_PF_X, _PF_W = 1, 2

SEGMENT_LIMIT = 64  #: program headers of a guest
MEMORY_LIMIT = 1 << 30  #: bytes from the first to the last address of a guest's segments
_PHYSICAL_LIMIT = 1 << 52  # Intel SDM volume 3, section 4.1.4: no physical address is wider


@frozen
class ProgramHeader:
    """One entry of the program header table. Offsets and sizes in bytes."""

    index: int
    type: int
    flags: int
    offset: int
    virtual: int
    physical: int
    file_size: int
    memory_size: int
    align: int

    def __str__(self) -> str:
        return f"program header {self.index}"


@frozen
class Segment:
    """A range of the image. Memory past `data` starts as zeros."""

    virtual: Gva
    physical: Gpa
    data: bytes
    memory_size: int
    writable: bool
    executable: bool

    @property
    def end(self) -> Gva:
        """First address after it, not rounded."""
        return Gva(self.virtual + self.memory_size)

    def holds(self, address: int, size: int = 1) -> bool:
        """Whether all of `size` bytes at an address come from the file's part of it."""
        return self.virtual <= address and address + size <= self.virtual + len(self.data)


def canonical(address: int) -> bool:
    """Whether an unsigned 64-bit address is one that four-level paging can translate."""
    return address < 1 << 47 or (1 << 64) - (1 << 47) <= address < 1 << 64


def program_headers(data: bytes) -> tuple[int, list[ProgramHeader]]:
    """The entry address and the program headers, each inside the file."""
    if data[:4] != b"\x7fELF":
        raise BadGuestError(f"starts with {data[:4].hex(' ') or 'nothing'}, not 7f 45 4c 46: not an ELF file; "
                            "name a guest kernel")
    if len(data) < _HEADER.size:
        raise BadGuestError(f"ends at {len(data)}, inside the ELF header of {_HEADER.size} bytes; is it truncated?")
    ident, kind, machine, _, entry, table, _, _, header_size, entry_size, count, *_ = _HEADER.unpack_from(data)
    if (ident[4], ident[5], ident[6]) != (2, 1, 1):
        raise BadGuestError(f"class, byte order, version at 0x4 are {ident[4]}, {ident[5]}, {ident[6]}, expected 2, 1, "
                            "1 (64-bit, little endian, current); build the guest for x86-64")
    if machine != _EM_X86_64:
        raise BadGuestError(f"machine at 0x12 is {machine}, expected {_EM_X86_64} (x86-64); build the guest for x86-64")
    if kind != _ET_EXEC:
        raise BadGuestError(f"type at 0x10 is {kind}, expected {_ET_EXEC} (executable at fixed addresses); "
                            "link it with a linker script, without -pie or -shared")
    if header_size != _HEADER.size or entry_size != _PROGRAM.size:
        raise BadGuestError(f"header sizes at 0x34 are {header_size} and {entry_size}, expected {_HEADER.size} and "
                            f"{_PROGRAM.size}; the file is damaged")
    if not 0 < count <= SEGMENT_LIMIT:
        raise BadGuestError(f"{count} program headers at 0x38, expected 1 to {SEGMENT_LIMIT}; check the linker script")
    if table + count * _PROGRAM.size > len(data):
        raise BadGuestError(f"program headers at {table:#x} need {count * _PROGRAM.size} bytes, the file ends at "
                            f"{len(data):#x}; is it truncated?")
    headers = []
    for index in range(count):
        kind, flags, offset, virtual, physical, file_size, memory_size, align = _PROGRAM.unpack_from(
            data, table + index * _PROGRAM.size)
        header = ProgramHeader(index, kind, flags, offset, virtual, physical, file_size, memory_size, align)
        if kind in (_PT_LOAD, _PT_NOTE) and offset + file_size > len(data):
            raise BadGuestError(f"{header} covers {offset:#x} to {offset + file_size:#x}, the file ends at "
                                f"{len(data):#x}; is it truncated?")
        headers.append(header)
    return entry, headers


def note_ranges(headers: list[ProgramHeader]) -> list[tuple[int, int]]:
    """File ranges (start, end) that hold notes aligned to four bytes; others cannot be OpenVMI's."""
    return [(h.offset, h.offset + h.file_size) for h in headers if h.type == _PT_NOTE and h.align <= 4]


def segments(data: bytes, headers: list[ProgramHeader]) -> tuple[Segment, ...]:
    """What is to be loaded, by ascending address, each checked alone and against the one before it."""
    found: list[Segment] = []
    for header in headers:
        if header.type != _PT_LOAD or not header.memory_size:
            continue
        _check(header)
        segment = Segment(
            Gva(header.virtual), Gpa(header.physical), data[header.offset:header.offset + header.file_size],
            header.memory_size, bool(header.flags & _PF_W), bool(header.flags & _PF_X),
        )
        if found:
            _check_order(header, found[0], found[-1], segment)
        found.append(segment)
    if not found:
        raise BadGuestError("no segment to load, expected at least one PT_LOAD; check the linker script")
    return tuple(found)


def _check(header: ProgramHeader) -> None:
    if header.file_size > header.memory_size:
        raise BadGuestError(f"{header} has {header.file_size} bytes in the file for {header.memory_size} of memory; "
                            "the file is damaged")
    if (header.virtual | header.physical) & PAGE_MASK:
        raise BadGuestError(f"{header} loads at {header.virtual:#x} (physical {header.physical:#x}), expected page "
                            "aligned addresses; align each segment to 4096 in the linker script")
    if header.memory_size > MEMORY_LIMIT or header.physical + header.memory_size > _PHYSICAL_LIMIT:
        raise BadGuestError(f"{header} has {header.memory_size:#x} bytes at physical {header.physical:#x}; a guest may "
                            f"have {MEMORY_LIMIT:#x}, below {_PHYSICAL_LIMIT:#x}; check the linker script")
    last = header.virtual + page_up(header.memory_size) - 1
    if not canonical(header.virtual) or not canonical(last):
        raise BadGuestError(f"{header} covers {header.virtual:#x} to {last:#x}, not canonical addresses; "
                            "link below 2^47 or in the top 2^47 bytes")
    if header.flags & _PF_W and header.flags & _PF_X:
        raise BadGuestError(f"{header} at {header.virtual:#x} is writable and executable; "
                            "separate code and data in the linker script")


def _check_order(header: ProgramHeader, first: Segment, before: Segment, segment: Segment) -> None:
    if segment.virtual < page_up(before.end):
        raise BadGuestError(f"{header} at {segment.virtual:#x} overlaps or comes before the segment that ends at "
                            f"{before.end:#x}, expected ascending pages; check the linker script")
    if segment.end - first.virtual > MEMORY_LIMIT:
        raise BadGuestError(f"{header} ends {segment.end - first.virtual:#x} bytes after the first segment starts; a "
                            f"guest may span {MEMORY_LIMIT:#x}; check the linker script")
    if segment.virtual - segment.physical != first.virtual - first.physical:
        raise BadGuestError(f"{header} maps {segment.virtual:#x} to physical {segment.physical:#x}, expected "
                            f"{first.physical + segment.virtual - first.virtual:#x}: the image is contiguous; "
                            "use one AT() offset for all sections in the linker script")
