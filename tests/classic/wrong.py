# SPDX-License-Identifier: MIT
"""ROMs that are wrong on purpose, made of the bytes of a right one. Firmware places each but the one whose sum is bad.

Code for them goes to a unit of 512 bytes that is added at the end; the last byte of it makes the sum right.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from openvmi.abi.classic import Call, Header, Relocation
from openvmi.abi.layout import offset_of
from openvmi.classic.image import ClassicRom

UNIT = 512
TABLE = 0x90  #: of the image: 4 bytes a call, u16 offset, u8 relocation, u8 0; see roms/classic/private.h
CLOBBER = {"EAX": 0xB8, "ECX": 0xB9, "EDX": 0xBA, "EBX": 0xBB, "ESI": 0xBE, "EDI": 0xBF, "EBP": 0xBD}  #: mov imm32
RET = b"\xc3"

Change = Callable[[bytearray], None]


def wrong(right: ClassicRom, *changes: Change) -> ClassicRom:
    """The ROM after the changes, in its own length plus a unit, its sum right."""
    data = bytearray(right.data) + bytearray(UNIT)
    _put(data, "rom_length", len(data) // UNIT)
    for change in changes:
        change(data)
    data[-1] = (data[-1] - sum(data)) & 0xFF
    return ClassicRom("wrong.rom", bytes(data))


def bad_sum(right: ClassicRom) -> ClassicRom:
    """The same ROM with a byte that does not matter to a client, and makes the sum 1."""
    data = bytearray(wrong(right).data)
    data[-1] = (data[-1] + 1) & 0xFF
    return ClassicRom("wrong.rom", bytes(data))


# ---- changes ----


def header(field: str, value: int) -> Change:
    """A field of the header."""
    return lambda data: _put(data, field, value)


def licence(text: bytes) -> Change:
    """Another text where the licence was; not longer than that."""

    def change(data: bytearray) -> None:
        at = Header.unpack(bytes(data)).license_offs
        data[at:at + len(text) + 1] = text + b"\0"

    return change


def answer(call: Call, kind: Relocation) -> Change:
    """Another type of answer; the address stays."""

    def change(data: bytearray) -> None:
        data[TABLE + 4 * call + 2] = kind

    return change


def code(call: Call, instructions: bytes, kind: Relocation = Relocation.CALL_REL) -> Change:
    """Other code for a call."""

    def change(data: bytearray) -> None:
        at = _place(data, instructions)
        struct.pack_into("<HBB", data, TABLE + 4 * call, at, kind, 0)

    return change


def rdtsc(text: str) -> Change:
    """Code, in hexadecimal, for a call that returns and may change EAX, ECX and EDX."""
    return code(Call.RDTSC, bytes.fromhex(text))


def flags(text: str) -> Change:
    """For one that may change flags only, and finds only CS and SS flat."""
    return code(Call.EnableInterrupts, bytes.fromhex(text))


def iret(text: str, kind: Relocation = Relocation.JUMP_REL) -> Change:
    """For one that does not return."""
    return code(Call.IRET, bytes.fromhex(text), kind)


def before(call: Call, instructions: bytes) -> Change:
    """Code in front of what the call is."""

    def change(data: bytearray) -> None:
        entry = TABLE + 4 * call
        (target,) = struct.unpack_from("<H", data, entry)
        at = _place(data, instructions + b"\xe9\0\0\0\0")
        end = at + len(instructions) + 5
        struct.pack_into("<i", data, end - 4, target - end)
        struct.pack_into("<H", data, entry, at)

    return change


def init(instructions: bytes) -> Change:
    """Other code for VMI_Init, at most 8 bytes."""

    def change(data: bytearray) -> None:
        at = offset_of(Header, "vmi_init")
        data[at:at + 8] = instructions.ljust(8, b"\xcc")

    return change


def clobber(register: str) -> bytes:
    """Instructions that leave something in a register."""
    return bytes([CLOBBER[register]]) + b"\xad\xde\xad\xde"


def _place(data: bytearray, instructions: bytes) -> int:
    """Where they are: behind what was placed before, in the unit that was added."""
    start = len(data) - UNIT
    at = start + len(data[start:].rstrip(b"\0"))
    assert at + len(instructions) < len(data)
    data[at:at + len(instructions)] = instructions
    return at


def _put(data: bytearray, field: str, value: int) -> None:
    size = 1 if field in ("rom_length", "api_version_maj", "api_version_min") else 2
    data[offset_of(Header, field):offset_of(Header, field) + size] = value.to_bytes(size, "little")
