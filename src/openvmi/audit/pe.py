# SPDX-License-Identifier: MIT
"""The headers of a PE/COFF image, as UEFI has them (PE format, Microsoft; UEFI 2.10, section 2.1)."""

from __future__ import annotations

import struct

from attrs import frozen

from openvmi.errors import BadFileError

_DOS_SIZE, _POINTER = 64, 0x3C
_COFF = struct.Struct("<HHIIIHH")
_SECTION = struct.Struct("<8s6I2HI")
_OPTIONAL = {0x10B: 96, 0x20B: 112}  # magic -> offset of the directories
_CERTIFICATES = 4  # directory
MACHINES = {0x14C: "i386", 0x8664: "x86-64", 0x1C2: "ARM", 0xAA64: "AArch64", 0x200: "IA-64", 0xEBC: "EFI byte code",
            0x5064: "RISC-V", 0x6264: "LoongArch"}
APPLICATION, BOOT_DRIVER, RUNTIME_DRIVER = 10, 11, 12
SUBSYSTEMS = {APPLICATION: "EFI application", BOOT_DRIVER: "EFI boot service driver",
              RUNTIME_DRIVER: "EFI runtime driver", 13: "EFI ROM"}


@frozen
class Pe:
    """What an image's headers say. Sizes in bytes."""

    machine: int
    subsystem: int
    image_size: int
    sections: tuple[str, ...]
    code_size: int
    certificates: int  #: bytes of signatures; 0 without


def parse(data: bytes) -> Pe:
    """Reads them. Raises :class:`BadFileError` without the path."""
    if data[:2] != b"MZ" or len(data) < _DOS_SIZE:
        raise BadFileError(f"starts with {data[:2].hex(' ') or 'nothing'}, not 4d 5a: not a PE image")
    at = int.from_bytes(data[_POINTER:_POINTER + 4], "little")
    if data[at:at + 4] != b"PE\0\0" or at + 4 + _COFF.size > len(data):
        raise BadFileError(f"no PE header at {at:#x}, where 0x3c points; the image is damaged")
    machine, number, _, _, _, size, _ = _COFF.unpack_from(data, at + 4)
    optional = at + 4 + _COFF.size
    table = optional + size
    if table + number * _SECTION.size > len(data):
        raise BadFileError(f"{number} sections at {table:#x}, and the image ends at {len(data):#x}; it is truncated")
    header = data[optional:table]
    first = _OPTIONAL.get(int.from_bytes(header[:2], "little"), 0)
    if not first or len(header) < first:
        raise BadFileError(f"an optional header of {len(header)} bytes at {optional:#x} that is neither PE32 nor "
                           "PE32+; the image is damaged")
    sections = [_SECTION.unpack_from(data, table + i * _SECTION.size) for i in range(number)]
    certificates = int.from_bytes(header[first + 8 * _CERTIFICATES + 4:first + 8 * _CERTIFICATES + 8], "little")
    return Pe(machine, int.from_bytes(header[68:70], "little"), int.from_bytes(header[56:60], "little"),
              tuple(entry[0].rstrip(b"\0").decode("latin-1") for entry in sections),
              int.from_bytes(header[4:8], "little"), certificates)
