# SPDX-License-Identifier: MIT
"""Where Unicorn keeps what its interface does not give: found by looking for known values, never assumed.

Two places. The saved context of a processor begins, after a header, with its registers in the order below. The
instance itself has the count of instructions executed since emu_start, followed by the count that was asked for.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from typing import Any

from openvmi.errors import UnavailableError

REGISTERS = ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", *(f"r{n}" for n in range(8, 16)))

REMEDY = "install the version that openvmi asks for: pip install --force-reinstall openvmi"


class Segment(ctypes.Structure):
    """One cached segment register."""

    _fields_ = [
        ("selector", ctypes.c_uint32),
        ("base", ctypes.c_uint64),
        ("limit", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),  # the descriptor's second half
    ]


class State(ctypes.Structure):
    """The processor, as far as it is needed, from its first register on (QEMU target/i386/cpu.h, CPUX86State)."""

    _fields_ = [
        ("general", ctypes.c_uint64 * 16),
        ("rip", ctypes.c_uint64),
        ("rflags", ctypes.c_uint64),  # without the arithmetic flags, which are kept apart
        ("lazy_flags", ctypes.c_uint64 * 4),
        ("hidden", ctypes.c_uint32),  # low two bits: privilege level
        ("hidden2", ctypes.c_uint32),
        ("segments", Segment * 6),  # ES CS SS DS FS GS
        ("_between", ctypes.c_uint8 * (0x1508 - 328)),
        ("error_code", ctypes.c_int32),
        ("is_software", ctypes.c_int32),  # the last interrupt came from an INT instruction
        ("_next", ctypes.c_uint64 * 13),
        ("earlier_exception", ctypes.c_int32),  # decides about double faults; -1: none
    ]


def find_state(engine: Any, context: Any, register_ids: tuple[int, ...]) -> State:
    """A view of the registers in a saved context. :class:`UnavailableError` when they are not there."""
    marks = [0x5A17_0000_0000_0001 * (number + 1) & (1 << 64) - 1 for number in range(16)]
    before = [engine.reg_read(register) for register in register_ids]
    for register, mark in zip(register_ids, marks, strict=True):
        engine.reg_write(register, mark)
    engine.context_update(context)
    for register, value in zip(register_ids, before, strict=True):
        engine.reg_write(register, value)
    start, size = context.context.value, context.size
    offset = ctypes.string_at(start, size).find(struct.pack("<16Q", *marks))
    if offset < 0 or offset + ctypes.sizeof(State) > size:
        raise UnavailableError(f"this version of Unicorn keeps registers differently; {REMEDY}")
    return State.from_address(start + offset)


_INSTANCE_SIZE = 2048  #: bytes of the instance that are searched; it is larger


def find_counter(engine: Any, run: Callable[[int], None]) -> Any:
    """Two live numbers: instructions begun, and after how many to stop. `run` executes as many as it is told."""
    start = engine._uch.value  # the handle is the address of the instance
    found: set[int] | None = None
    for count in (1237, 2153):
        run(count)
        data = ctypes.string_at(start, _INSTANCE_SIZE)
        pair = struct.pack("<QQ", count + 1, count)
        places = {at for at in range(0, _INSTANCE_SIZE - 16, 8) if data[at : at + 16] == pair}
        found = places if found is None else found & places
    if not found or len(found) != 1:
        raise UnavailableError(f"this version of Unicorn counts instructions differently; {REMEDY}")
    return (ctypes.c_uint64 * 2).from_address(start + found.pop())
