# SPDX-License-Identifier: MIT
"""What runner and this process say to each other while the guest runs: packets (runner/runner.h).

From the runner, `u32 kind, u32 size` and a payload of that size; to it, one u32. The runner has a hostile guest:
nothing that it says is taken on trust.
"""

from __future__ import annotations

import struct
from enum import IntEnum

from attrs import frozen

from openvmi.errors import OpenVmiError
from openvmi.hypervisors.base import Ending, Mark, Registers
from openvmi.machine import exit_port
from openvmi.units import Gpa, Gva, Nanoseconds

PACKET_MOST = 64 << 10  #: bytes
_HEAD = struct.Struct("<II")
_ORDER = struct.Struct("<I")
_END = struct.Struct("<II256s23QI4x")
_COUNT = struct.Struct("<32sQ")
_MARK = struct.Struct("<I4xQQ")
_REPORT = struct.Struct("<QQ")
_PAUSED = struct.Struct("<Q")
#: Of the registers at an end, the first; RIP, RFLAGS, CS, SS, CR2, CR3 and whether it was user mode follow.
GENERAL = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", *(f"r{n}" for n in range(8, 16)))


class Kind(IntEnum):
    """What a packet of the runner is about."""

    END = 1
    MARK = 2
    REPORT = 3
    PAUSED = 4


class Order(IntEnum):
    """What the runner is told."""

    STOP = 1
    PAUSE = 2
    RESUME = 3

    @property
    def packet(self) -> bytes:
        """The bytes."""
        return _ORDER.pack(self)


#: By number in an END. None: the runner could not go on.
ENDINGS = (Ending.EXIT, Ending.REBOOT, Ending.CRASH, Ending.REFUSED, Ending.TIMEOUT, Ending.INTERRUPTED, None)


@frozen
class End:
    """How it ended, by the runner's account."""

    ending: Ending | None  #: None: the runner itself failed, and `message` says why
    code: int
    message: str
    registers: Registers | None  #: None: the runner does not know them
    exits: dict[str, int]


@frozen
class Report:
    """The guest said that it crashed; where it says more, in the address space of that moment."""

    address: Gva
    root: Gpa


@frozen
class Paused:
    """The guest stands still, in this address space."""

    root: Gpa


def decode(packet: bytes) -> End | Mark | Report | Paused:
    """A packet of the runner. Raises :class:`OpenVmiError` for one that makes no sense."""
    try:
        return _decode(packet)
    except (struct.error, ValueError) as error:
        raise OpenVmiError(f"the runner sent {len(packet)} bytes that make no sense ({error}); it is of"
                           " another version than openvmi, or the guest broke out of its process; build it again with"
                           " make build") from error


def _decode(packet: bytes) -> End | Mark | Report | Paused:
    number, size = _HEAD.unpack_from(packet)
    body = packet[_HEAD.size :]
    if size != len(body):
        raise ValueError(f"a payload of {size} bytes announced, {len(body)} there")
    kind = Kind(number)
    if kind is Kind.END:
        return _end(body)
    if kind is Kind.MARK:
        mark, value, time = _MARK.unpack(body)
        return Mark(mark, value, None, Nanoseconds(time))
    if kind is Kind.REPORT:
        address, root = _REPORT.unpack(body)
        return Report(Gva(address), Gpa(root))
    return Paused(Gpa(*_PAUSED.unpack(body)))


def _end(body: bytes) -> End:
    number, code, message, *values, count = _END.unpack_from(body)
    if number >= len(ENDINGS):
        raise ValueError(f"ending {number}")
    if len(body) != _END.size + count * _COUNT.size:
        raise ValueError(f"{count} counts announced in {len(body)} bytes")
    exits = {_text(name): times for name, times in _COUNT.iter_unpack(body[_END.size :])}
    ending = ENDINGS[number]
    code = min(code, exit_port.CODE_MOST) if ending is Ending.EXIT else 0
    return End(ending, code, _text(message), _registers(values), exits)


def _registers(values: list[int]) -> Registers | None:
    if not any(values):
        return None
    rip, rflags, cs, ss, cr2, cr3, user = values[len(GENERAL) :]
    general = dict(zip(GENERAL, values, strict=False))
    return Registers(general, Gva(rip), rflags, cs & 0xFFFF, ss & 0xFFFF, Gva(cr2), Gpa(cr3), bool(user))


def _text(raw: bytes) -> str:
    text = raw.partition(b"\0")[0].decode("ascii", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text)
