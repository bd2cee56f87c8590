# SPDX-License-Identifier: MIT
"""Option ROMs that no package has, made byte by byte (PCI Firmware 3.0, section 5.1; UEFI 2.10, section 14.4)."""

from __future__ import annotations

import struct

X86, OPEN_FIRMWARE, EFI = 0, 1, 3


def pci(kind: int, size: int, last: bool = True) -> bytes:
    """PCI data, 28 bytes, of a network card."""
    return struct.pack("<4sHHHHB3sHHBBHHH", b"PCIR", 0x1234, 0x5678, 0, 28, 3, b"\0\0\2", size // 512, 0, kind,
                       0x80 if last else 0, 0, 0, 0)


def image(kind: int, body: bytes = b"", head: bytes = b"", last: bool = True, summed: bool = True) -> bytes:
    """One image: `head` from offset 2 on, `body` from 0x40 on."""
    size = -(-(0x40 + len(body)) // 512) * 512
    out = bytearray(size)
    out[:2] = b"\x55\xaa"
    out[2:2 + len(head)] = head
    if kind == X86:
        out[2] = size // 512
    struct.pack_into("<H", out, 0x18, 0x1C)
    out[0x1C:0x38] = pci(kind, size, last)
    out[0x40:0x40 + len(body)] = body
    out[-1] = -sum(out) + (not summed) & 0xFF
    return bytes(out)


def efi(subsystem: int, compression: int = 0, body: bytes | None = None, start: int = 0x40, last: bool = True) -> bytes:
    """An EFI image with a PE file in it."""
    head = bytearray(0x18)
    struct.pack_into("<HIHHH", head, 0, 1, 0x0EF1, subsystem, 0x8664, compression)
    struct.pack_into("<H", head, 0x14, start)
    return image(EFI, pe(subsystem) if body is None else body, bytes(head[:0x16]), last)


def pe(subsystem: int, sections: tuple[bytes, ...] = (b".text",), certificates: int = 0) -> bytes:
    """Headers of a PE32+ file for x86-64."""
    optional = bytearray(112 + 16 * 8)
    struct.pack_into("<H", optional, 0, 0x20B)
    struct.pack_into("<I", optional, 4, 0x321)
    struct.pack_into("<I", optional, 56, 0x4000)
    struct.pack_into("<H", optional, 68, subsystem)
    struct.pack_into("<I", optional, 112 + 8 * 4 + 4, certificates)
    out = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40) + b"PE\0\0"
    out += struct.pack("<HHIIIHH", 0x8664, len(sections), 0, 0, 0, len(optional), 0x2022) + optional
    return out + b"".join(name.ljust(40, b"\0") for name in sections)


def fcode(tokens: bytes = b"\x12\x04test\x00") -> bytes:
    """An FCode program: start1, its header, tokens."""
    return struct.pack(">BBHI", 0xF1, 8, sum(tokens) & 0xFFFF, 8 + len(tokens)) + tokens


def open_firmware(program: bytes | None = None) -> bytes:
    """The same in an image of a ROM."""
    return image(OPEN_FIRMWARE, fcode() if program is None else program, struct.pack("<H", 0x40))
