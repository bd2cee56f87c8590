# SPDX-License-Identifier: MIT
"""The runner's own walk of page tables and its decoder of instructions (C), against openvmi's walk and Capstone.

Guest memory lies between pages that nobody may touch. An input is a page root, an address, RIP, registers, the code
there, and pairs of a place and 64 bits there.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from functools import cache
from typing import Any

import capstone

from openvmi.machine.paging import AddressSpace, Translation
from openvmi.units import PAGE_SIZE, Gpa, Gva
from tests.fuzz import library
from tests.fuzz.target import Source

ALLOWED: tuple[type[Exception], ...] = ()
LIMIT = 512
_RAM, _ROM = 1 << 16, 3 * PAGE_SIZE
_ALL = _RAM + _ROM
_WRITE, _USER, _EXECUTE = 2, 4, 16  # ACCESS_ of runner.h
_ACCESSES = tuple(write | user | execute for write in (0, _WRITE) for user in (0, _USER) for execute in (0, _EXECUTE))
_PAIR = struct.Struct("<HQ")
_REGISTERS, _RIP, _CONTEXT = slice(5, 21), 21, 64  # of struct context, in words
_CODE = 15
_COPIED = 6000
_MAPPED = 7
#: Capstone gives these a length of its own: what is no instruction, and prefixes that it counts apart.
_PREFIXES = frozenset(b"\xf0\xf2\xf3\x66\x67\x26\x2e\x36\x3e\x64\x65")


class Instruction(ctypes.Structure):
    """struct instruction of native.h."""

    _fields_ = [("length", ctypes.c_uint32), ("opcode", ctypes.c_uint32), ("reg", ctypes.c_uint32),
                ("rm", ctypes.c_uint32), ("memory", ctypes.c_bool), ("wide", ctypes.c_bool), ("narrow", ctypes.c_bool),
                ("address", ctypes.c_uint64), ("immediate", ctypes.c_uint64)]


class Leaf(ctypes.Structure):
    """struct leaf of runner.h."""

    _fields_ = [("physical", ctypes.c_uint64), ("size", ctypes.c_uint64), ("entries", ctypes.c_uint64 * 4),
                ("levels", ctypes.c_uint32), ("rights", ctypes.c_uint64)]


class Runner:
    """The library with memory for it."""

    def __init__(self) -> None:
        self.library = library.readers()
        self.decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
        pages = mmap.mmap(-1, _ALL + 2 * PAGE_SIZE)
        base = ctypes.addressof(ctypes.c_char.from_buffer(pages))
        host = ctypes.CDLL(None, use_errno=True)
        for guard in (base, base + PAGE_SIZE + _ALL):
            assert host.mprotect(ctypes.c_void_p(guard), ctypes.c_size_t(PAGE_SIZE), 0) == 0
        self.start = base + PAGE_SIZE
        self.memory = memoryview(pages)[PAGE_SIZE:PAGE_SIZE + _ALL]


@cache
def _runner() -> Runner:
    return Runner()


def seeds() -> list[bytes]:
    """Tables for some pages, with each instruction on them; a large page; and code at the end of memory."""
    tables = [(0x1000, 0x2000 | _MAPPED), (0x2000, 0x3000 | _MAPPED), (0x3000, 0x6000 | _MAPPED)]
    tables += [(0x6000 + 8 * page, page << 12 | _MAPPED) for page in (0, 1, 7, 8, 9, 16, 17, 18, 19)]
    large = [(0x1000, 0x2000 | _MAPPED), (0x2000, 0x80 | _MAPPED)]
    codes = ("fa", "fb", "f4", "48cf", "ec", "e670", "9c", "06", "6c", "0f06", "480f07", "0f09", "0f30", "0f32", "0fa2",
             "0f0118", "0f00d8", "0f22d8", "0f21f8", "8b0425e0000000", "488b05e0000000", "418944240c", "c70300000000",
             "66c703ffff", "65480fb200", "6589849d11223344", "670f0118", "f00f01f8")
    found = []
    for number, code in enumerate(codes):
        rip = (0x8000, 0xA000 - len(code) // 2, 0xA000 - len(code) // 4)[number % 3]
        head = struct.pack("<QQQQB", 0x1000, 0x8000, rip, 0x9000, len(code) // 2) + bytes.fromhex(code)
        found.append(head + b"".join(_PAIR.pack(*pair) for pair in (tables if number % 5 else large)))
    # A table in the ROM's pages is none; what a place at the end of RAM has as its last bytes would be its first entry.
    rom = [(0x1000, 0x2000 | _MAPPED), (0x2000, _RAM | _MAPPED), (_RAM - 4, (0x3000 | _MAPPED) << 32),
           (0x3000, 0x8000 | _MAPPED)]
    found += [struct.pack("<QQQQB", 0x1000, address, 0, 0x1000, 0) + b"".join(_PAIR.pack(*pair) for pair in pairs)
              for pairs in (rom, tables) for address in (0, 0x12FF0, 0xFFF0, 0x11000)]
    return found


def run(data: bytes) -> None:
    """Walks, copies, decodes."""
    runner, source = _runner(), Source(data)
    root, address, rip, value = (source.long() for _ in range(4))
    code = source.take(source.byte() % (_CODE + 1))
    runner.memory[:] = bytes(_ALL)
    while source.left:
        at, entry = source.half(), source.long()
        struct.pack_into("<Q", runner.memory, at, entry)
    runner.library.set_up(runner.start, _RAM, root, value, root)

    def read(place: Gpa, size: int) -> bytes | None:
        return bytes(runner.memory[place:place + size]) if place >= 0 and place + size <= _RAM else None

    space = AddressSpace(read, lambda place, new: False, lambda: Gpa(root))
    found = space.lookup(Gva(address))
    _walk(runner, root, address, found)
    _copy(runner, space, address, value % _COPIED)
    _decode(runner, space, rip, value, code)


def _walk(runner: Runner, root: int, address: int, expected: Translation | None) -> None:
    leaf = Leaf()
    for access in _ACCESSES:
        result = runner.library.walk(root, address, access, ctypes.byref(leaf))
        allowed = expected is not None and not (
            (access & _WRITE and not _writable(expected)) or (access & _USER and not expected.user)
            or (access & _EXECUTE and not expected.executable))
        assert (result == 0) == allowed, (hex(address), access, result)
        if expected is not None:
            assert leaf.physical == expected.address and 2 <= leaf.levels <= 4
            assert all(entry < _RAM for entry in leaf.entries[:leaf.levels])


def _writable(found: Translation) -> bool:
    return found.writable and not _RAM <= found.address < _RAM + 2 * PAGE_SIZE


def _copy(runner: Runner, space: AddressSpace, address: int, size: int) -> None:
    """What the model finds is what is read; and what is written is there, unless the write changed the tables."""
    buffer = ctypes.create_string_buffer(size + 1)
    expected: bytes | None = b""
    at, left = address, size
    while left:
        step = min(left, PAGE_SIZE - at % PAGE_SIZE)
        leaf = space.lookup(Gva(at & (1 << 64) - 1))
        if leaf is None or leaf.address + step > _ALL or expected is None:
            expected = None
            break
        expected += bytes(runner.memory[leaf.address:leaf.address + step])
        at, left = at + step, left - step
    done = runner.library.guest_read(address, buffer, size)
    assert done == (expected is not None), (hex(address), size)
    text = bytes(runner.memory[_RAM:_RAM + 2 * PAGE_SIZE])
    runner.library.guest_write(address, buffer, size)
    assert bytes(runner.memory[_RAM:_RAM + 2 * PAGE_SIZE]) == text, "the ROM's text was written to"


def _decode(runner: Runner, space: AddressSpace, rip: int, value: int, code: bytes) -> None:
    for offset, byte in enumerate(code):
        place = space.lookup(Gva(rip + offset))
        if place is not None and place.address < _ALL:
            runner.memory[place.address] = byte
    context: Any = (ctypes.c_uint64 * _CONTEXT)()
    context[_REGISTERS] = [value * (number + 1) & (1 << 64) - 1 for number in range(16)]
    context[_RIP] = rip
    instruction = Instruction()
    if not runner.library.instruction_at(context, ctypes.byref(instruction)):
        return
    assert 1 <= instruction.length <= _CODE and instruction.reg < 16 and instruction.rm < 16
    raw = ctypes.create_string_buffer(_CODE)
    assert runner.library.guest_read(rip, raw, instruction.length), "bytes that cannot be read"
    theirs = next(runner.decoder.disasm_lite(raw.raw, 0), None)
    if theirs and raw.raw[0] not in _PREFIXES:
        assert theirs[1] == instruction.length, (raw.raw[:instruction.length].hex(), theirs)
