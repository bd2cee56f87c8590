# SPDX-License-Identifier: MIT
"""All of the runner's monitor (C) under hostile processes: calls with any registers, faults of the kernel's process and
of user mode's, areas with anything in them, native instructions, devices, processes that die, a host that fails; and,
if the first byte says so, memory that changes between two reads of the monitor's.

monitor/driver.c has the steps and the rules.
"""

from __future__ import annotations

import ctypes
import struct
from functools import cache
from itertools import pairwise

from openvmi.abi.names import MAJOR, Call
from tests.fuzz import library

ALLOWED: tuple[type[Exception], ...] = ()
LIMIT = 1024
NATIVE, PREPARED, CHANGING = 1, 2, 4
_PRIVATE = (0xE001, 0xE002, 0xE003, 0xE004)  # roms/linux/private.h
_BYTE, _WORD, _DATA, _LARGE, _WINDOW, _HIGH, _PAGE, _CODE, _END, _SELF, _UPPER, _LONG = range(12)  # value() there
_CALL, _STORE, _FAULT, _AREA, _REGISTER, _TIME, _INSTRUCTION, _SYSCALL, _DEATH, _HOST, _TURN, _GO_ON = range(12)
_DATA_AT, _CODE_AT, _STACK_AT = 0xC000, 0x10000, 0xB000  # fake.h
_USER_CS, _USER_SS = 0x33, 0x2B
_SEGV, _BUS, _ILL, _FPE, _TRAP, _USR1, _OTHER = 0, 2, 3, 4, 5, 6, 7  # fault() there
_USER, _AWAITED = 1, 2
_RSP, _RIP, _RFLAGS, _SELECTORS, _FPSTATE = 20, 21, 22, 23, 28  # words of struct context


@cache
def monitor() -> ctypes.CDLL:
    """The library, ready for inputs."""
    found = library.monitor()
    problem = found.set_up()
    assert not problem, problem
    return found


def _value(kind: int, value: int = 0) -> bytes:
    return struct.pack("<BI", kind, value & 0xFFFF_FFFF) + (struct.pack("<I", value >> 32) if kind == _LONG else b"")


def _call(number: int, *arguments: bytes, flags: int = 0) -> bytes:
    return struct.pack("<BBH", _CALL, flags, number) + b"".join((*arguments, *[_value(0)] * (3 - len(arguments))))


def _store(at: int, data: bytes) -> bytes:
    return bytes([_STORE]) + _value(_WORD, at) + bytes([len(data)]) + data


def _fault(who: int, vector: int, address: bytes = _value(0), error: int = 0, signal: int = _SEGV) -> bytes:
    return bytes([_FAULT, who | signal << 2, vector]) + address + struct.pack("<H", error)


def _area(index: int, at: int, data: bytes) -> bytes:
    return struct.pack("<BBHB", _AREA, index, at, len(data)) + data


def _register(who: int, field: int, value: bytes) -> bytes:
    return bytes([_REGISTER, who, field]) + value


def _time(what: int, passed: int, typed: bytes = b"") -> bytes:
    return struct.pack("<BBH", _TIME, what, passed) + typed


def _instruction(code: str, *registers: bytes, flags: int = 0, before: int = 0) -> bytes:
    """RAX, RCX, RDX; then RSP (flags 1), CR2 (flags 2: a page fault). Flags 8: invalid opcode."""
    data = bytes.fromhex(code)
    values = b"".join((*registers, *[_value(0)] * (3 - len(registers))))
    return bytes([_INSTRUCTION, before, len(data), flags]) + data + values


def _frame(cs: int = _USER_CS, ss: int = _USER_SS, flags: int = 0x202) -> bytes:
    return struct.pack("<6Q", 0, _CODE_AT + 64, cs, flags, _DATA_AT + 0x800, ss)


def _linked() -> list[bytes]:
    start = bytes([PREPARED])
    buffer, size, one = _value(_DATA), _value(_BYTE, 16), _value(_BYTE, 1)
    far, top = _value(_UPPER, 1 << 30), _value(_WORD, _STACK_AT)
    leave = _store(_DATA_AT + 0x400, _frame()) + _call(0xE001, _value(_DATA, 0x400), flags=1)
    gates = _store(_DATA_AT, struct.pack("<BBxxxxxxQ", 13, 1, _CODE_AT) * 3)
    found = [start + _call(number, *arguments) for number in (*Call, *_PRIVATE)
             for arguments in ((buffer, size, size), (size, buffer, size), (one, one, buffer), (far, far, far))]
    found += [bytes([flags]) + _call(number, buffer, size) for flags in (0, PREPARED | CHANGING) for number in Call]
    found += [
        start + _call(Call.INIT, _value(_WORD, MAJOR << 16)) + gates + _call(Call.TRAP_TABLE_SET, buffer, one)
        + _call(Call.VCPU_INIT, _value(0), buffer) + _call(Call.KERNEL_STACK_SET, top),
        start + _store(_DATA_AT, struct.pack("<BBxxxxxxQ", 13, 1, 1 << 62))
        + _call(Call.TRAP_TABLE_SET, buffer, one),
        start + _call(Call.EVENT_BIND, _value(_BYTE, 8), _value(_BYTE, 40)) + _call(Call.EVENT_SEND, _value(_BYTE, 8))
        + _call(0, flags=2) + _call(Call.EVENT_ACK, _value(_BYTE, 8)) + _call(Call.HALT),
        start + _call(Call.EVENT_BIND, _value(_BYTE, 0), _value(_BYTE, 41)) + _call(Call.TIMER_SET, _value(_WORD, 1))
        + _time(2 | 8, 1 << 12) + _call(Call.HALT) + _time(8, 1) + _call(Call.CLOCK_READ) + _time(8, 1 << 15)
        + _call(Call.CLOCK_READ) + _time(8, 1) + _call(Call.CLOCK_READ),
        start + _call(Call.EVENT_BIND, _value(_BYTE, 1), _value(_BYTE, 42)) + _time(1 | 8, 1, b"typed" * 8)
        + _call(Call.CONSOLE_READ, buffer, size),
        start + _call(Call.DESCRIPTORS_SET, one, _value(_WORD, 0x7010), one) + leave
        + _call(Call.DESCRIPTORS_SET, _value(0), _value(_DATA, 0x1000), _value(_BYTE, 2)) + bytes([_GO_ON]),
        start + _call(Call.PAGE_TABLE_ADD, _value(_PAGE, 0x40000), _value(_BYTE, 4)) * 2
        + _call(Call.PAGE_TABLE_REMOVE, _value(_PAGE, 0x40000), _value(_BYTE, 4)),
        start + leave + bytes([_GO_ON]) + _call(Call.ADDRESS_SPACE_SET, _value(_PAGE, 0x3000)) + _call(Call.TLB_FLUSH),
    ]
    user = start + leave + bytes([_GO_ON])
    last = [
        *(_fault(_USER | _AWAITED, vector, signal=signal) for vector, signal in (
            (13, _SEGV), (6, _ILL), (0, _FPE), (3, _TRAP), (1, _TRAP), (14, _BUS), (0, _USR1), (0, _OTHER))),
        *(_fault(_USER | _AWAITED, 14, _value(kind, place), error) for kind, place, error in (
            (_WORD, 0x10000, 16), (_WORD, 0x20000, 2), (_LARGE, 0x1000, 2), (_WINDOW, 0, 0), (_END, 0, 0),
            (_SELF, 0, 0), (_LARGE, 0x1FF000, 0), (_WORD, 0, 0))),
        _area(1, 48, b"\x80" * 8), _area(1, 24, bytes(8)), _area(1, 0, bytes(1)),
        _area(1, 4, b"\3" + bytes(12)), _area(1, 88, b"x" * 8),
        _register(_USER, _FPSTATE, _value(_SELF, 0x1234)) + _fault(_USER | _AWAITED, 13),
        *(bytes([_SYSCALL, _USER | what]) for what in (0, 2, 4, 6, 14)),
        bytes([_TURN, 1, 0]), bytes([_TURN, 1, 1]) + _time(8, 1) + _time(8, 60000) + _time(8, 60000) + _time(8, 60000),
        bytes([_DEATH, 1, 9]), bytes([_DEATH, 0, 9]), bytes([_DEATH, 0, 24]), bytes([_DEATH, 0, 11]),
        bytes([_HOST, 1, 0]) + _fault(_USER | _AWAITED, 14, _value(_WORD, 0x30000)) + bytes([_GO_ON]),
        bytes([_HOST, 0, 3]) + _fault(_USER | _AWAITED, 13), bytes([_HOST, 0x80, 0]) + leave * 3,
    ]
    found += [user + each for each in last] + [bytes([PREPARED | CHANGING]) + 2 * (user[1:] + each) for each in last]
    pages = b"".join(_fault(0, 14, _value(_WORD, 0x40000 + 0x2000 * page), 2 * (page & 1)) for page in range(36))
    return [*found, start + pages, user + pages.replace(bytes([_FAULT, 0]), bytes([_FAULT, _USER | _AWAITED])),
            start + pages + _call(Call.TLB_FLUSH_PAGE, _value(_WORD, 0x40000)) + _call(Call.TLB_FLUSH)]


def _native() -> list[bytes]:
    start = bytes([NATIVE | PREPARED])
    one, buffer = _value(_BYTE, 1), _value(_DATA)
    codes = ("fa", "fb", "f4", "0f06", "0f08", "0f09", "0f30", "0f32", "0fa2", "0f22d8", "0f20d8", "0f22c0", "0f20e0",
             "0f21f8", "0f23c0", "0f0100", "0f0110", "0f0118", "0f01f8", "0f00d0", "0f00d8", "0f0138", "ec", "ee", "ed",
             "66ed", "e4f4", "e6f4", "e670", "6c", "480f07", "48cf", "0f0130")
    found = [start + _instruction(code, *arguments) for code in codes for arguments in ((one, one, one), (buffer,) * 3)]
    found += [start + _instruction(code, _value(_BYTE, 0x48), flags=8) for code in ("06", "0e90", "06", "0f0b")]
    ports = [_instruction("ee" if write else "ec", one, one, _value(_WORD, port))
             for port in (0x3F8, 0x3F9, 0x3FB, 0x3FD, 0x70, 0x71, 0x21) for write in (0, 1)]
    found += [start + each + other for each, other in pairwise(ports)]
    for number in (0x10, 0x1B, 0x277, *range(0xC0000080, 0xC0000085), *range(0xC0000100, 0xC0000104)):
        found += [start + _instruction(code, one, _value(_WORD, number)) for code in ("0f30", "0f32")]
    # A page of the local controller's in the tables, at 0x30000; and its registers.
    device = _store(0x4000 + 8 * 0x30, struct.pack("<Q", 0xFEE00000 | 7))
    for register, value in ((0xF0, 0x1FF), (0x320, 0x20040), (0x380, 1000), (0x3E0, 0xB), (0x300, 0x40041), (0xB0, 0)):
        access = _value(_WORD, 0x30000 + register)
        code = "c70425" + struct.pack("<II", 0x30000 + register, value).hex()
        device += _instruction(code, flags=2 | 0x20) + access
        found.append(start + device + _instruction("8b0425" + struct.pack("<I", 0x30000 + register).hex(), flags=2)
                     + access + _instruction("fb") + _time(2 | 8, 1 << 8))
    leave = _store(_DATA_AT + 0x400, _frame(0x2B, 0x23)[8:]) + _instruction("48cf", flags=1) + _value(_DATA, 0x400)
    last = [*(_fault(_USER, vector, signal=signal) for vector, signal in ((13, _SEGV), (3, _TRAP), (0, _USR1))),
            _fault(_USER, 14, _value(_WORD, 0x20000), 2), _fault(0, 14, _value(_WORD, 0x20000), 2),
            bytes([_SYSCALL, _USER]), bytes([_SYSCALL, _USER | 2]), bytes([_TURN, 1, 2]), bytes([_DEATH, 1, 9]),
            _area(1, 24, bytes(8)) + _time(8, 60000) * 4]
    last += [_register(_USER, field, _value(_LONG, value)) + _fault(_USER, 6, signal=_ILL) for field, value in (
        (_SELECTORS, 0x2B000000000000 | 0xC), (_SELECTORS, 0x4000000000033), (_RIP, 1 << 63), (_RFLAGS, 1 << 63),
        (_RSP, _DATA_AT))]
    found += [start + leave + each for each in last]
    found += [bytes([NATIVE | PREPARED | CHANGING]) + 2 * (leave + each) for each in last]
    return [*found, start + leave + _fault(_USER, 13) + leave + bytes([_SYSCALL, 0]), start + bytes([_SYSCALL, 8])]


def seeds() -> list[bytes]:
    """Each call and instruction, user mode that has begun with each way to stop, and so on; the longer ones cut."""
    return [seed[:LIMIT] for seed in (*_linked(), *_native())]


def run(data: bytes) -> None:
    """All steps, or as many as the guest lives through."""
    found = monitor()
    wrong = found.run(data, len(data))
    assert not wrong, wrong.decode()
