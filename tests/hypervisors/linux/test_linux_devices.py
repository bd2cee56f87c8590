# SPDX-License-Identifier: MIT
"""The devices of a guest without ROM against those of emu: the same accesses, the same answers."""

from __future__ import annotations

import calendar
import ctypes
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from openvmi.abi.names import ShutdownReason
from openvmi.hypervisors.emu.devices import apic, ioapic, rtc, serial
from openvmi.hypervisors.emu.devices.pc import Pc
from openvmi.hypervisors.linux import build
from openvmi.machine import exit_port
from openvmi.machine.boot import IOAPIC, LOCAL_APIC
from openvmi.machine.console import ConsoleInput
from openvmi.toolchain import FREESTANDING
from openvmi.units import Nanoseconds
from tests.compiled import library

RUNNER = build.SOURCES
STEPS = 20_000
LEAST_ALARM = 100_000  #: nanoseconds between two alarms of a periodic timer
APIC_WRITES = (0x20, 0x30, 0x80, 0xB0, 0xB0, 0xB0, 0xB0, 0xF0, 0x300, 0x300, 0x310, 0x320, 0x350, 0x360,
               0x380, 0x380, 0x390, 0x3E0)  # fmt: skip
SERIAL_ENTRY = 0x10 + 2 * ioapic.SERIAL_PIN
DAYS = [(1970, 1, 1), (1999, 12, 31), (2000, 2, 29), (2001, 1, 1), (2024, 2, 29), (2024, 3, 1), (2026, 7, 9),
          (2099, 12, 31), (2100, 2, 28), (2100, 3, 1)]  # fmt: skip


class Emu:
    """The devices of emu, without its processor."""

    def __init__(self) -> None:
        self.now_is, self.wall_is = Nanoseconds(1), 0
        self.input, self.output = ConsoleInput(), bytearray()
        self.memory: dict[int, tuple[Callable[[int], int], Callable[[int, int], None]]] = {}
        self.pc = Pc(self, self, self.input, self.output.extend, lambda what: None)  # type: ignore[arg-type]

    def attach_device(self, base: int, size: int, read: Callable[[int], int],
                      write: Callable[[int, int], None]) -> None:
        self.memory[base] = read, write

    def interrupt(self) -> None:
        pass

    def now(self) -> Nanoseconds:
        return self.now_is

    def wall(self) -> int:
        return self.wall_is

    def next(self) -> int:
        self.pc.tick(self.now_is)
        return self.pc.apic.next() or 0


class Runner:
    """Those of the runner, in this process."""

    def __init__(self, library: Path) -> None:
        self.library = ctypes.CDLL(str(library))
        for name in ("device_read", "device_write"):
            getattr(self.library, name).argtypes = (ctypes.c_uint64, ctypes.c_uint32)[: 1 + (name == "device_write")]
        for name in ("device_read", "port_read", "interrupt_next", "interrupt_take"):
            getattr(self.library, name).restype = ctypes.c_uint32
        for name in ("device_at", "run_port_write"):
            getattr(self.library, name).restype = ctypes.c_bool
        self.library.device_at.argtypes = (ctypes.c_uint64,)

    def word(self, name: str) -> ctypes.c_uint64:
        return ctypes.c_uint64.in_dll(self.library, name)

    def count(self, name: str) -> ctypes.c_uint32:
        return ctypes.c_uint32.in_dll(self.library, name)

    def put(self, data: bytes) -> None:
        at, array = self.count("input_end"), (ctypes.c_uint8 * 256).in_dll(self.library, "input")
        for byte in data:
            array[at.value % 256] = byte
            at.value += 1

    def output(self) -> bytes:
        array, count = (ctypes.c_uint8 * 256).in_dll(self.library, "output"), self.count("output_count").value
        return bytes(array[at % 256] for at in range(max(0, count - 256), count))


@pytest.fixture(scope="module")
def program(top: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The devices as a library."""
    sources = (*sorted((RUNNER / "devices").glob("*.c")), Path(__file__).parent / "devices" / "driver.c")
    return library(tmp_path_factory.mktemp("devices") / "devices.so", sources, (*FREESTANDING, "-fpic"),
                   (RUNNER, RUNNER / "devices", top / "roms" / "linux"))


@pytest.fixture
def pair(program: Path, tmp_path: Path) -> tuple[Emu, Runner]:
    """Both, as after a reset."""
    copy = tmp_path / "devices.so"  # a library that has been loaded is not loaded again
    shutil.copyfile(program, copy)
    emu, runner = Emu(), Runner(copy)
    runner.word("now").value = emu.now_is
    return emu, runner


class Accesses:
    """Random ones, done by both."""

    def __init__(self, emu: Emu, runner: Runner, seed: int) -> None:
        self.emu, self.runner, self.random = emu, runner, random.Random(seed)
        self.taken = 0

    def time_passes(self) -> None:
        self.emu.now_is = Nanoseconds(self.emu.now_is + self.random.choice((1, 100, 5000, 1_000_000, 1 << 33)))
        self.runner.word("now").value = self.emu.now_is
        self.emu.wall_is = self.random.randrange(1 << 62)
        self.runner.word("wall").value = self.emu.wall_is

    def typed(self) -> None:
        data = self.random.randbytes(self.random.randrange(1, 4))
        if len(self.emu.input) < 200:
            self.emu.input.put(data)
            self.runner.put(data)

    def value(self) -> int:
        vector = self.random.randrange(256)
        shorthand = self.random.choice((0, 1 << 18, 2 << 18, 3 << 18, 5 << 8))
        return self.random.choice((0, 1, vector, vector | 1 << 8, vector | 1 << 16, vector | 1 << 17,
                                   vector | shorthand, 100, 1 << 20, self.random.randrange(1 << 32)))

    def memory(self) -> tuple[int, int]:
        base, offset = self.random.choice((
            (LOCAL_APIC, self.random.choice(APIC_WRITES)), (LOCAL_APIC, 4 * self.random.randrange(1024)),
            (LOCAL_APIC, self.random.choice((0x390, 0x100, 0x120, 0x170, 0x200, 0x210, 0x270))),
            (IOAPIC, self.random.choice((0, 0, 0x10, 0x10, 4, 0xFFC))),
        ))  # fmt: skip
        return base, offset

    def load(self) -> None:
        base, offset = self.memory()
        self.emu.pc.apic.tick(self.emu.now_is)
        found = self.runner.library.device_read(base + offset)
        assert found == self.emu.memory[base][0](offset), (hex(base), hex(offset))

    def store(self) -> None:
        base, offset = self.memory()
        value = self.value()
        if base == IOAPIC and not offset:
            value = self.random.choice((0, 1, 2, SERIAL_ENTRY, SERIAL_ENTRY, 0x11, 0x3F, 0x40, value))
        if base == LOCAL_APIC and offset == 0xF0 and self.random.random() < 0.7:
            value |= 1 << 8
        if base == LOCAL_APIC and offset == 0x80 and self.random.random() < 0.9:
            value &= 0x1F
        self.emu.pc.apic.tick(self.emu.now_is)
        self.emu.memory[base][1](offset, value)
        self.runner.library.device_write(base + offset, value)

    def port(self) -> int:
        return self.random.choice((serial.BASE + self.random.randrange(8), serial.BASE, rtc.INDEX_PORT, rtc.DATA_PORT,
                                   0x21, 0x42, serial.BASE - 1, serial.BASE + 8, 0x64))

    def read_port(self) -> None:
        port, size = self.port(), self.random.choice((1, 1, 1, 2, 4))
        expected = self.emu.pc.read_port(port) & (1 << 8 * size) - 1
        assert self.runner.library.port_read(port, size) == expected, (hex(port), size)

    def write_port(self) -> None:
        port, size, value = self.port(), self.random.choice((1, 1, 1, 2, 4)), self.random.randrange(1 << 32)
        if port == rtc.INDEX_PORT:
            value = self.random.choice((0, 2, 4, 6, 7, 8, 9, 0x0A, 0x0B, 0x0B, 0x0D, 0x32, 0x80, value))
        if port == serial.BASE + 3:
            value &= self.random.choice((0xFF, 0x7F, 0x7F, 0x7F))
        self.emu.pc.write_port(port, value & (1 << 8 * size) - 1)
        assert self.runner.library.run_port_write(port, size, value)

    def take(self) -> None:
        vector = self.emu.next()
        if vector:
            self.emu.pc.apic.take(vector)
            self.taken += 1
        assert self.runner.library.interrupt_take() == vector

    def step(self) -> None:
        self.random.choices(
            (self.time_passes, self.typed, self.load, self.store, self.read_port, self.write_port, self.take),
            (3, 1, 5, 8, 5, 5, 4))[0]()  # fmt: skip
        assert self.runner.library.interrupt_next() == self.emu.next()
        deadline, alarm = self.emu.pc.apic.deadline, self.runner.word("alarm_at").value
        assert deadline is None or deadline <= alarm <= deadline + LEAST_ALARM
        assert self.runner.output() == bytes(self.emu.output[-256:])


@pytest.mark.parametrize("seed", range(4))
def test_the_same_as_on_emu(pair: tuple[Emu, Runner], seed: int) -> None:
    accesses = Accesses(*pair, seed)
    for _ in range(STEPS):
        accesses.step()
    assert accesses.taken > 50 and len(pair[0].output) > 200, "that was about something"


def test_which_addresses_are_devices(pair: tuple[Emu, Runner]) -> None:
    _, runner = pair
    for base in (IOAPIC, LOCAL_APIC):
        assert [runner.library.device_at(base + at) for at in (-1, 0, apic.SIZE - 1, apic.SIZE)] == [
            False, True, True, False]
    assert not runner.library.device_at(0) and not runner.library.device_at(2**64 - 1)


@pytest.mark.parametrize("day", DAYS)
def test_clock(pair: tuple[Emu, Runner], day: tuple[int, int, int]) -> None:
    """All of its registers, at both ends of days that are something."""
    emu, runner = pair
    for second in (0, 86399):
        emu.wall_is = (calendar.timegm((*day, 0, 0, 0)) + second) * 10**9
        runner.word("wall").value = emu.wall_is
        for register in range(128):
            emu.pc.rtc.select(register)
            runner.library.run_port_write(rtc.INDEX_PORT, 1, register)
            assert runner.library.port_read(rtc.DATA_PORT, 1) == emu.pc.rtc.read(), hex(register)
    runner.library.run_port_write(rtc.INDEX_PORT, 1, 9)
    year = day[0] % 100
    assert runner.library.port_read(rtc.DATA_PORT, 1) == year // 10 << 4 | year % 10


def test_exit_port(pair: tuple[Emu, Runner]) -> None:
    _, runner = pair
    for byte in range(256):
        assert not runner.library.run_port_write(exit_port.EXIT_PORT, 1, 0x5500 | byte)
        reason, code = runner.count("end_reason").value, runner.count("end_code").value
        assert exit_port.shutdown(reason, code) == exit_port.decode(byte)
        assert (reason == ShutdownReason.EXIT) == (byte in (*range(64), 64))
