# SPDX-License-Identifier: MIT
"""emu's side of the guest: calls with any registers, faults on any code, devices, deliveries, in any order, on memory
and page tables that change between two steps and, if the first byte says so, between two reads of the same bytes.

An input is a list of steps. What must hold: a guest ends by GuestEnd only, calls answer what the interface has, and
neither the ROM's text nor the descriptor table is written to by a call.
"""

from __future__ import annotations

import random
import struct
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

from openvmi.abi.names import CONSOLE_LIMIT, MAJOR, Call, Error
from openvmi.hypervisors.emu import private, segments
from openvmi.hypervisors.emu.clock import Clock
from openvmi.hypervisors.emu.cpu import R8, RAX, RCX, RDI, RDX, RSI, RSP, Stop, StopKind
from openvmi.hypervisors.emu.devices.pc import Pc
from openvmi.hypervisors.emu.ending import GuestEnd
from openvmi.hypervisors.emu.events import Events
from openvmi.hypervisors.emu.exits import Exits
from openvmi.hypervisors.emu.hypercalls import CALLS
from openvmi.hypervisors.emu.layout import ROM_TEXT, TABLE
from openvmi.hypervisors.emu.machine import EmuMachine
from openvmi.hypervisors.emu.msrs import Msrs
from openvmi.hypervisors.emu.vcpu import Vcpu
from openvmi.machine.console import ConsoleInput
from openvmi.machine.paging import canonical
from openvmi.units import PAGE_SIZE, Gpa, Gva
from tests.fuzz.target import Source
from tests.machine.fakes import FakeRom, config

ALLOWED: tuple[type[Exception], ...] = ()
LIMIT = 1024
_MEMORY = 8 << 20
_STEPS = 32
_SCRATCH = Gpa(0x40_0000)
_DATA = Gva(0x4000_3000)  # of the fake guest
_CODE = Gva(0x4000_0000)
_LINKED, _CHANGING, _USER = 1, 2, 4
_NUMBERS = tuple(CALLS)
_ARGUMENTS = (RDI, RSI, RDX, RCX, R8)
_FAULTS = (0, 1, 3, 6, 7, 8, 11, 12, 13, 13, 13, 14, 17, 255)
_PORTS = (private.EMU_PORT, private.EMU_DELIVER_PORT, 0x3F8, 0x3F9, 0x3FB, 0x70, 0x71, 0xF4, 0x21)
_COUNTS = {Call.CONSOLE_WRITE, Call.CONSOLE_READ, Call.INFO, Call.RANDOM_READ, Call.CLOCK_READ, Call.CLOCK_FREQUENCY,
           Call.WALL_CLOCK_READ, Call.STOLEN_TIME_READ}
#: Leave the registers alone.
_SILENT = {Call.HALT, Call.CPUID, Call.FPU_TRAP_SET, Call.ADDRESS_SPACE_SET, Call.TLB_FLUSH, Call.TLB_FLUSH_PAGE,
           Call.TRACE_MARK, Call.DEBUG_BREAK, Call.CRASH_REPORT, private.EMU_IRET}


class Feet:
    """The guest's memory as the host sees it: undone after each input, and another at each read while it changes."""

    def __init__(self, memory: Any) -> None:
        self.memory, self.changes = memory, Source(b"")
        self._before: dict[int, bytes] = {}

    def read(self, address: Gpa, size: int) -> bytes | None:
        data = self.memory.read(address, size)
        if data and self.changes.left and address < _MEMORY:
            change = self.changes.byte()
            if change & 3 == 3:
                at = self.changes.half() % len(data)
                new = self.changes.take(1 + (change >> 4 & 7))
                data = (data[:at] + new + data[at + len(new):])[:size]
                self.write(address, data)
        return cast("bytes | None", data)

    def write(self, address: Gpa, data: bytes) -> bool:
        for page in range(address // PAGE_SIZE, (address + len(data) - 1) // PAGE_SIZE + 1 if data else 0):
            if page * PAGE_SIZE < _MEMORY and page not in self._before:
                self._before[page] = self.memory.read(Gpa(page * PAGE_SIZE), PAGE_SIZE)
        return cast(bool, self.memory.write(address, data))

    def restore(self) -> None:
        for page, data in self._before.items():
            self.memory.write(Gpa(page * PAGE_SIZE), data)
        self._before.clear()


class Devices:
    """A processor as far as devices know it."""

    def __init__(self) -> None:
        self.memory: list[tuple[Callable[[int], int], Callable[[int, int], None]]] = []

    def attach_device(self, _: int, __: int, read: Callable[[int], int], write: Callable[[int, int], None]) -> None:
        self.memory.append((read, write))

    def interrupt(self) -> None:
        pass


class Host:
    """A machine, made once, and as new for each input."""

    def __init__(self) -> None:
        self.said = 0
        self.machine = EmuMachine(config(rom=FakeRom(), console=self._hear, memory=_MEMORY, deterministic=True))
        self.cpu, self.feet = self.machine.vcpu.cpu, Feet(self.machine.vcpu.memory)
        self.root, self.rip = self.cpu.page_root, self.cpu.rip
        self.text = self._fixed(ROM_TEXT)

    def _hear(self, data: bytes) -> None:
        self.said += len(data)

    def _fixed(self, base: int) -> memoryview:
        return next(region.view for region in self.feet.memory.regions if region.base == base)

    def reset(self, linked: bool, user: bool) -> None:
        """Everything that an input may have changed."""
        machine, cpu = cast(Any, self.machine), self.cpu
        self.feet.restore()
        self.feet.changes = Source(b"")
        cpu.set_page_root(self.root)
        cpu.set_fpu_trap(False)
        self._fixed(TABLE)[:] = bytes(PAGE_SIZE)
        machine._segments = segments.DescriptorTable(self._fixed(TABLE))
        machine.vcpu = Vcpu(cpu, cast(Any, self.feet), machine._segments)
        code, stack = (segments.USER_CS, segments.USER_SS) if user else (segments.KERNEL_CS, segments.KERNEL_SS)
        code_descriptor, stack_descriptor = machine._segments.code(code), machine._segments.stack(stack)
        cpu.load_code(code, code_descriptor, stack, stack_descriptor)
        for index in range(16):
            cpu.general[index] = 0
        cpu.flags, cpu.rip, cpu.fs_base, cpu.gs_base = 0, self.rip, 0, 0
        machine.vcpu.link(linked)
        cpu.instructions = 0
        machine.clock, machine.events, machine.input = Clock(cpu, True), Events(), ConsoleInput()
        machine.msrs, machine.random_bytes = Msrs(machine.vcpu, machine.clock), random.Random(0).randbytes
        machine.marks, machine.halted, machine.reported, machine._exits = [], False, None, Counter()
        self.devices, self.said = Devices(), 0
        machine.pc = Pc(cast(Any, self.devices), machine.clock, machine.input, machine.console_output, machine.count)
        self.exits = machine._handler = Exits(machine)


_hosts: list[Host] = []


def _host() -> Host:
    if not _hosts:
        _hosts.append(Host())
    return _hosts[0]


def _argument(kind: int, value: int) -> bytes:
    return struct.pack("<BQ", kind, value)


def _call(number: int, *arguments: bytes, stack: bool = False) -> bytes:
    return bytes([0, _NUMBERS.index(number)]) + b"".join(arguments).ljust(9 * len(_ARGUMENTS), b"\0") + bytes([stack])


def _store(offset: int, data: bytes) -> bytes:
    return struct.pack("<BHB", 1, offset, len(data)) + data


def _instruction(code: str, *registers: bytes) -> bytes:
    """RAX, RCX, RDX, RSP."""
    data = bytes.fromhex(code)
    return bytes([3, len(data)]) + data + b"".join(registers).ljust(36, b"\0")


def _frame(code: int, stack: int) -> bytes:
    return struct.pack("<5Q", _CODE + 64, code, 0x202, _DATA + 0x800, stack)


def _stories() -> list[bytes]:
    """Steps that need the ones before them."""
    buffer, one = _argument(2, 0), _argument(0, 1)
    top, handler = _argument(2, 0x1000), _argument(7, 0x40)
    block = _call(Call.INIT, _argument(1, MAJOR << 16)) + _call(Call.VCPU_INIT, _argument(0, 0), _argument(2, 0))
    gates = b"".join(struct.pack("<BBxxxxxxQ", vector, user, _CODE) for vector, user in ((13, 0), (14, 0), (0x80, 1)))
    handlers = (_store(0x400, gates) + _call(Call.TRAP_TABLE_SET, _argument(2, 0x400), _argument(0, 3))
                + _call(Call.SYSCALL_ENTRY_SET, handler, handler) + _call(Call.KERNEL_STACK_SET, top))
    user = _store(0x500, bytes(8) + _frame(segments.USER_CS, segments.USER_SS))
    leave = _call(private.EMU_IRET, _argument(2, 0x500), stack=True)
    much = _call(Call.CONSOLE_WRITE, _argument(3, 0), _argument(6, 0x5000))
    far = _argument(1, 1 << 62)
    end = (much, *(_call(number, far, far) for number in (Call.TLS_SET, Call.SYSCALL_ENTRY_SET, Call.KERNEL_STACK_SET)),
           b"\6\3\x80\0" + bytes(9), b"\6\3\x03\0" + bytes(9), b"\6\0\0\0" + bytes(9), b"\2\x0b" + bytes(11),
           _call(Call.TLS_SET, one))
    table = _call(Call.PAGE_TABLE_ADD, _argument(6, 0x4000), one)
    found = [bytes([_LINKED]) + block + handlers + user + leave + last for last in end]
    found += [bytes([_LINKED]) + block + last for last in end]
    found.append(bytes([_LINKED]) + block + table + table + 2 * _call(Call.PAGE_TABLE_REMOVE, _argument(6, 0x4000), one)
                 + _call(Call.CRASH_REPORT, buffer))
    # A native kernel's own table of gates: at 0x100 of its data, all to the start of its code.
    gate = struct.pack("<HHHHQ", _CODE & 0xFFFF, 0x09, 0xEE00, _CODE >> 16 & 0xFFFF, _CODE >> 32)
    tables = _store(0, struct.pack("<HQ", 0xFFF, _DATA)) + _instruction("0f0118", buffer)
    tables += b"".join(_store(16 * vector, gate) for vector in (6, 8, 13, 14))
    frames = [_frame(segments.USER_CS, segments.USER_SS), _frame(segments.KERNEL_CS, segments.KERNEL_SS),
              _frame(0x33, 0x3B)]
    found += [b"\0" + tables + _store(0x500, frame) + _instruction("48cf", one, one, one, _argument(2, 0x500)) + last
              for frame in frames for last in end]
    found.append(b"\0" + _store(0x600, struct.pack("<4Q", *[0xAFFB000000FFFF | 1 << 40] * 4))
                 + _store(0, struct.pack("<HQ", 0xFFF, _DATA + 0x5D0)) + _instruction("0f0110", buffer)
                 + b"\2\x08" + struct.pack("<H", 0x33))
    return found


def seeds() -> list[bytes]:
    """Each call with nothing and with a buffer, and one of each other step."""
    buffer, eight, nowhere, one = _argument(2, 0), _argument(0, 8), _argument(5, 0), _argument(0, 1)
    found = [bytes([flags]) + _call(number, *arguments)
             for number in _NUMBERS for flags in (_LINKED, _CHANGING | _LINKED)
             for arguments in ((), (buffer, eight, eight), (eight, buffer, eight),
                               (nowhere, one, one), (one, nowhere, one))]
    block = _call(Call.VCPU_INIT, _argument(0, 0), _argument(2, 0))
    gates = bytes([1]) + struct.pack("<HB", 0, 16) + struct.pack("<BBxxxxxxQ", 14, 1, _CODE)
    found.append(bytes([_LINKED]) + block + _call(Call.TRAP_TABLE_SET, buffer, _argument(0, 1)) + gates)
    for code in ("fa", "fb", "f4", "0f22d8", "0f20d8", "0f0117", "0f011f", "0f00d8", "0f30", "0f32", "48cf", "480f07",
                 "0f31", "0f01f8", "cc", "cd80", "f36c", "e6f4", "8ed8", "0fa2"):
        data = bytes.fromhex(code)
        found.append(b"\0\3" + bytes([len(data)]) + data + b"\2\x0c\0\0")
    found += [b"\0\2\x0b" + bytes(2), b"\0\4\1" + struct.pack("<HI", 0xF0, 0x1FF), b"\0\5\2\0" + bytes(8), b"\4\6\3",
              b"\0\7",
              bytes([_LINKED]) + block + _call(Call.EVENT_BIND, _argument(0, 8), _argument(0, 40))
              + _call(Call.EVENT_SEND, _argument(0, 8)) + b"\7"]
    return found + _stories()


class Guest:
    """What it does to the host, out of an input."""

    def __init__(self, host: Host, source: Source) -> None:
        self.host, self.source, self.cpu = host, source, host.cpu
        self._steps = (self._call, self._store, self._fault, self._code, self._device, self._port, self._other,
                       self._deliver)

    def step(self) -> None:
        """One of them."""
        self._steps[self.source.byte() % len(self._steps)]()

    def _value(self) -> int:
        kind, value = self.source.byte(), self.source.long()
        guest = self.host.machine.config.guest
        return (value & 0xFF, value, _DATA + (value & 0x1FFF), guest.direct_map + (value & _MEMORY - 1),
                guest.window + (value & 0xFFFF), (1 << 64) - 1 - (value & 0xFFFF), value & _MEMORY - PAGE_SIZE,
                _CODE + (value & 0x1FFF))[kind & 7]

    def _call(self) -> None:
        number = self.source.byte()
        wanted = _NUMBERS[number] if number < len(_NUMBERS) else self.source.number("<I")
        general = self.cpu.general
        for register in _ARGUMENTS:
            general[register] = self._value()
        general[RAX], kernel = wanted, self.cpu.privilege != 3
        if self.source.byte() & 1:
            general[RSP] = general[RDI]
        self.host.exits.handle(Stop(StopKind.PORT_OUT, private.EMU_PORT, 0, 4, self.cpu.rip))
        if kernel and wanted not in _SILENT and wanted in CALLS:
            result = general[RAX] - (1 << 64) if general[RAX] >> 63 else general[RAX]
            assert result in set(Error) or (wanted in _COUNTS and result >= 0), (hex(wanted), result)

    def _store(self) -> None:
        offset, size = self.source.half(), self.source.byte() & 0x3F
        self.host.machine.vcpu.space.write(Gva(_DATA + (offset & 0x1FFF)), self.source.take(size))

    def _fault(self) -> None:
        vector = _FAULTS[self.source.byte() % len(_FAULTS)]
        error = self.source.half()
        self.host.exits.handle(Stop(StopKind.FAULT, vector, error, 0, self._value() if vector == 14 else 0))

    def _code(self) -> None:
        code = self.source.take(self.source.byte() & 15)
        address = self.host.machine.vcpu.space.lookup(self.cpu.rip)
        if address:
            self.host.feet.write(address.address, code)
        for register in (RAX, RCX, RDX):
            self.cpu.general[register] = self._value()
        self.cpu.general[RSP] = self._value()
        self.host.exits.handle(Stop(StopKind.FAULT, 13))

    def _device(self) -> None:
        read, write = self.host.devices.memory[self.source.byte() & 1]
        offset = self.source.half() & 0xFFC
        assert 0 <= read(offset) < 1 << 32
        write(offset, self.source.number("<I"))

    def _port(self) -> None:
        port = _PORTS[self.source.byte() % len(_PORTS)]
        size = (1, 2, 4, 4)[self.source.byte() & 3]
        value = self.source.number("<I")
        kind = StopKind.PORT_IN if value & 1 else StopKind.PORT_OUT
        self.host.exits.handle(Stop(kind, port, value, size, self.cpu.rip))

    def _other(self) -> None:
        kind = (StopKind.SYSCALL, StopKind.SYSENTER, StopKind.CPUID, StopKind.SOFTWARE, StopKind.PHYSICAL,
                StopKind.BUDGET)[self.source.byte() % 6]
        self.host.exits.handle(Stop(kind, self.source.byte(), self.source.byte() & 3, 0, self._value()))

    def _deliver(self) -> None:
        machine = cast(Any, self.host.machine)
        machine.input.put(self.source.take(self.source.byte() & 7))
        self.cpu.instructions += self.source.half() << 4
        machine._tick()
        machine._deliver_pending(True)


def run(data: bytes) -> None:
    """All its steps, or as many as the guest lives through."""
    host, source = _host(), Source(data)
    flags = source.byte()
    host.reset(bool(flags & _LINKED), bool(flags & _USER))
    before = bytes(host.text)
    if flags & _CHANGING:
        host.feet.changes = Source(data[len(data) // 2:])
    guest = Guest(host, source)
    try:
        for _ in range(_STEPS):
            if not source.left:
                break
            said = host.said
            guest.step()
            assert host.said - said <= CONSOLE_LIMIT
    except GuestEnd as end:
        assert end.message or not end.code or end.code <= 255
    assert bytes(host.text) == before
    vcpu = host.machine.vcpu
    handlers = [gate.handler for gate in vcpu.gates.values()]
    for address in (vcpu.cpu.fs_base, vcpu.syscall_entry, vcpu.kernel_stack, *handlers):
        assert canonical(address)
    assert len(host.machine.marks) <= _STEPS and all(vector < 256 for vector in vcpu.gates)
