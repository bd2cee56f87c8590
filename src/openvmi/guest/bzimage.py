# SPDX-License-Identifier: MIT
"""A linked i386 kernel to a bzImage.

The ELF file has both parts: segments whose physical address is below 64 KiB are boot sector and setup code, which run
in real mode and start with file offset 0 at address 0; the others are the kernel, loaded from 1 MiB on. The sources
bring the header of the boot protocol (:mod:`openvmi.guest.linux`); `setup_sects` and `syssize` are filled in here.
Memory that is in no file (.bss) at the end of either part is the kernel's own to clear: no boot loader does.

Every function raises :class:`BuildError`, which says where in the sources to look.
"""

from __future__ import annotations

import struct

from attrs import frozen

from openvmi.errors import BadGuestError, BuildError
from openvmi.guest import linux
from openvmi.guest.linux import LinuxImage

_HEADER = struct.Struct("<16sHHIIIIIHHHHHH")
_PROGRAM = struct.Struct("<IIIIIIII")
_EM_386, _PT_LOAD = 3, 1
_REAL_END = 0x10000  # physical; a segment is real-mode code or it is not
_REAL_LIMIT = 0x8000  # bytes of boot sector and setup code; what follows is the loader's stack and heap
_HIGH_LIMIT = 64 << 20  # bytes of protected-mode code
_NEWEST = (2, 6)


@frozen
class _Piece:
    """A segment's bytes and where they go."""

    physical: int
    data: bytes


def from_elf(data: bytes, path: str) -> LinuxImage:
    """The bzImage of a linked kernel; `path` is the result's, for messages and the name."""
    pieces = _pieces(data)
    low = [piece for piece in pieces if piece.physical < _REAL_END]
    real = _joined("setup code", low, 0, _REAL_LIMIT)
    high = _joined("kernel", pieces[len(low):], linux.LOAD_ADDRESS, _HIGH_LIMIT)
    _check_header(real)
    sectors = -(-len(real) // linux.SECTOR)
    real += bytes(sectors * linux.SECTOR - len(real))
    high += bytes(-len(high) % linux.PARAGRAPH)
    _fill(real, linux.SETUP_SECTS, "<B", sectors - 1, "setup_sects")
    wide = real[linux.VERSION] >= 4  # the minor version: syssize has four bytes since 2.04
    paragraphs = len(high) // linux.PARAGRAPH
    _fill(real, linux.SYSSIZE, *(("<I", paragraphs) if wide else ("<H", paragraphs & 0xFFFF)), "syssize")
    try:
        return LinuxImage.parse(bytes(real + high), path)
    except BadGuestError as error:
        raise BuildError(str(error)) from error


def _pieces(data: bytes) -> list[_Piece]:
    ident, _, machine, _, _, table, _, _, _, _, count, *_ = _HEADER.unpack_from(data)
    if ident[4] != 1 or machine != _EM_386:
        raise BuildError(f"the linker made an ELF file of class {ident[4]} for machine {machine}, expected 1 and "
                         f"{_EM_386} (i386)")
    found = []
    for index in range(count):
        kind, offset, _, physical, size, _, _, _ = _PROGRAM.unpack_from(data, table + index * _PROGRAM.size)
        if kind == _PT_LOAD and size:
            found.append(_Piece(physical, data[offset:offset + size]))
    return sorted(found, key=lambda piece: piece.physical)


def _joined(what: str, pieces: list[_Piece], start: int, limit: int) -> bytearray:
    """All pieces at their distance from `start`, zeros between them."""
    if not pieces or pieces[0].physical != start:
        raise BuildError(f"the {what} starts at " + (f"{pieces[0].physical:#x}" if pieces else "no address")
                         + f", expected physical address {start:#x}; check the linker script")
    result = bytearray()
    for piece in pieces:
        at = piece.physical - start
        if at < len(result) or at + len(piece.data) > limit:
            raise BuildError(f"the {what} has a segment of {len(piece.data):#x} bytes at physical address "
                             f"{piece.physical:#x}, expected it behind {start + len(result):#x} and within "
                             f"{start + limit:#x}; check the linker script")
        result += bytes(at - len(result)) + piece.data
    return result


def _check_header(real: bytearray) -> None:
    if len(real) <= linux.CODE32_START + 4 or real[linux.SIGNATURE:linux.VERSION] != linux.MAGIC:
        raise BuildError(f"no HdrS at {linux.SIGNATURE:#x} of the setup code, which starts the boot protocol's header; "
                         "put it there")
    protocol = real[linux.VERSION + 1], real[linux.VERSION]
    if not (2, 0) <= protocol <= _NEWEST:
        raise BuildError(f"boot protocol at {linux.VERSION:#x} is {protocol[0]}.{protocol[1]:02}, expected 2.00 to "
                         "2.06; change the header")
    address = int.from_bytes(real[linux.CODE32_START:linux.CODE32_START + 4], "little")
    if address != linux.LOAD_ADDRESS:
        raise BuildError(f"code32_start at {linux.CODE32_START:#x} is {address:#x}, expected "
                         f"{linux.LOAD_ADDRESS:#x}; change the header")


def _fill(real: bytearray, offset: int, layout: str, value: int, name: str) -> None:
    (said,) = struct.unpack_from(layout, real, offset)
    if said not in (0, value):
        raise BuildError(f"{name} at {offset:#x} is {said:#x}, and {value:#x} is right; leave it 0, to be filled in")
    struct.pack_into(layout, real, offset, value)
