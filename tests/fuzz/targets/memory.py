# SPDX-License-Identifier: MIT
"""What the host reads back out of a guest's memory: page tables, link state, crash report, back-trace, on Xen the
guest's last word. All of it may be another at the next read.

An input is a page root, addresses, and pairs of a place and 64 bits there; those of the last half come one by one,
each after a read.
"""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any, cast

from attrs import frozen

from openvmi import running
from openvmi.guest.symbols import Symbols
from openvmi.hypervisors.base import Ending
from openvmi.hypervisors.xen import private
from openvmi.hypervisors.xen.machine import XenMachine
from openvmi.machine import exit_port
from openvmi.machine.crash import backtrace, read_report
from openvmi.machine.paging import AddressSpace
from openvmi.units import Gpa, Gva
from tests.fuzz.target import Source

ALLOWED: tuple[type[Exception], ...] = ()
LIMIT = 2048
_SIZE = 1 << 16
_PAIR = struct.Struct("<HQ")
_STATE, _REPORT = 0x4000, 0x5000  # virtual, as seeds have them
_MAPPED = 7
_BACKTRACE_LIMIT = 64
_LOW = (1 << 47) - 1


@frozen
class _Guest:
    address: int

    def symbols(self) -> Symbols:
        return Symbols([(self.address, 0, "vmi_link_state")])


@frozen
class _Machine:
    space: AddressSpace

    def read_memory(self, address: Gva, size: int) -> bytes | None:
        return self.space.read(address, size)


def seeds() -> list[bytes]:
    """Tables for some pages, with a link state, a report and frames in them; and one large page that has it all."""
    tables = [(0x1000, 0x2000 | _MAPPED), (0x2000, 0x3000 | _MAPPED), (0x3000, 0x6000 | _MAPPED)]
    tables += [(0x6000 + 8 * page, page << 12 | _MAPPED) for page in range(16)]
    contents = [(_STATE, 0x4B4E4C56), (_STATE + 40, _REPORT), (_REPORT, 0xFFFF_FFFF), (_REPORT + 48, 0x7000)]
    contents += [(0x7000, 0x7010), (0x7008, 0x1234), (0x7010, 0x7020), (0x7018, 0x5678)]
    head = struct.pack("<QQQQ", 0x1000, _STATE, _REPORT, 0x7000)
    long = [pair for at in range(0x7000, 0x7000 + 16 * 80, 16) for pair in ((at, at + 16), (at + 8, 1))]
    large = [(0x1000, 0x2000 | _MAPPED), (0x2000, 0x80 | _MAPPED), *contents]
    place = 0x7000 + private.XEN_HANDOVER + private.XEN_EXIT_MAGIC
    word = [(place, private.XEN_EXIT_VALID), (place + 8, 3)]
    return [head + b"".join(_PAIR.pack(*pair) for pair in pairs)
            for pairs in (tables + contents, large, tables + word, [*large[:2], *long],
                          tables + contents + 2 * contents)]


def run(data: bytes) -> None:
    """Reads everything."""
    source = Source(data)
    root, state, report, frame = (source.long() for _ in range(4))
    pairs = [(source.half(), source.long()) for _ in range(source.left // _PAIR.size)]
    ram = bytearray(_SIZE + 8)
    keep = len(pairs) if root & 1 else len(pairs) // 2
    for at, value in pairs[:keep]:
        struct.pack_into("<Q", ram, at, value)
    later = pairs[keep:]

    def read(address: Gpa, size: int) -> bytes | None:
        found = bytes(ram[address:address + size]) if address >= 0 and address + size <= _SIZE else None
        if later:
            struct.pack_into("<Q", ram, *later.pop(0))
        return found

    def write(address: Gpa, new: bytes) -> bool:
        if not 0 <= address <= address + len(new) <= _SIZE:
            return False
        ram[address:address + len(new)] = new
        return True

    space = AddressSpace(read, write, lambda: Gpa(root))
    link = running.read_link(cast(Any, _Guest(state)), cast(Any, _Machine(space)))
    assert link is None or link.sites >= 0
    crash = read_report(space.read, Gva(report), Gva(0x5000))
    if crash and crash.registers:
        assert crash.reason and len(crash.backtrace) <= _BACKTRACE_LIMIT
    assert len(backtrace(space.read, frame)) <= _BACKTRACE_LIMIT
    xen = SimpleNamespace(read_memory=space.read, config=SimpleNamespace(guest=SimpleNamespace(window=frame & _LOW)),
                          _console=SimpleNamespace(lines=[]))
    last = XenMachine._recorded(cast(Any, xen))
    assert 0 <= last.code <= exit_port.CODE_MOST and (last.crash is not None) == (last.ending is Ending.CRASH)
    for address in (state, report, frame):
        found = space.read(Gva(address), 64)
        assert found is None or len(found) == 64
        space.write(Gva(address), b"\xff" * 64)
    assert len(ram) == _SIZE + 8
