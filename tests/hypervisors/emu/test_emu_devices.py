# SPDX-License-Identifier: MIT
"""The PC's devices, register by register, and the descriptor table."""

from __future__ import annotations

import pytest

from openvmi.hypervisors.emu.devices.apic import LocalApic
from openvmi.hypervisors.emu.devices.ioapic import IoApic
from openvmi.hypervisors.emu.devices.rtc import Rtc
from openvmi.hypervisors.emu.devices.serial import Serial
from openvmi.hypervisors.emu.segments import DescriptorTable
from openvmi.machine.console import INPUT_LIMIT, ConsoleInput
from openvmi.units import Nanoseconds


class Time:
    """A clock that stands still."""

    now = Nanoseconds(1000)

    def __call__(self) -> Nanoseconds:
        return self.now


def _apic() -> tuple[LocalApic, Time]:
    time = Time()
    apic = LocalApic(time, lambda: None)
    apic.write(0xF0, 0x1FF)
    return apic, time


def test_apic_is_silent_until_enabled() -> None:
    apic = LocalApic(Time(), lambda: None)
    apic.request(0x40)
    assert apic.next() is None


def test_apic_priorities() -> None:
    apic, _ = _apic()
    apic.request(0x41)
    apic.request(0x52)
    assert apic.next() == 0x52
    apic.take(0x52)
    assert apic.next() is None, "a lower class waits"
    apic.request(0x53)
    assert apic.next() is None, "so does the same class"
    apic.request(0x61)
    assert apic.next() == 0x61
    assert apic.read(0x120) == 1 << 0x12 and apic.read(0x220) == 1 << 0x13 | 1 << 1
    apic.write(0xB0, 0)
    assert apic.next() == 0x61
    apic.write(0x80, 0x60)
    assert apic.next() is None, "task priority"


@pytest.mark.parametrize(("code", "divider"), [(0x0B, 1), (0, 2), (1, 4), (2, 8), (3, 16), (8, 32), (9, 64), (10, 128)])
def test_apic_timer(code: int, divider: int) -> None:
    apic, time = _apic()
    apic.write(0x320, 0x40)
    apic.write(0x3E0, code)
    apic.write(0x380, 100)
    assert apic.deadline == 1000 + 100 * divider
    time.now = Nanoseconds(1000 + 40 * divider)
    assert apic.read(0x390) == 60
    apic.tick(apic.deadline)
    assert apic.next() == 0x40 and apic.deadline is None and apic.read(0x390) == 0


def test_apic_periodic_and_masked_timer() -> None:
    apic, _ = _apic()
    apic.write(0x320, 0x40 | 1 << 17)
    apic.write(0x3E0, 0x0B)
    apic.write(0x380, 100)
    apic.tick(Nanoseconds(5000))
    assert apic.deadline == 5100
    apic.take(0x40)
    apic.write(0x320, 0x40 | 1 << 16)
    apic.tick(Nanoseconds(5100))
    apic.write(0xB0, 0)
    assert apic.next() is None


def test_ioapic_delivers_the_rise_of_a_line() -> None:
    vectors: list[int] = []
    pins = IoApic(vectors.append, lambda: None)
    pins.set_line(4, True)
    assert vectors == [], "masked at first"
    pins.write(0x00, 0x10 + 2 * 4)
    pins.write(0x10, 0x44)
    assert pins.read(0x10) == 0x44
    pins.set_line(4, True)
    pins.set_line(4, True)
    pins.set_line(4, False)
    pins.set_line(4, True)
    assert vectors == [0x44, 0x44]
    pins.write(0x00, 0xFF)
    pins.write(0x10, 1)
    assert pins.read(0x10) == 0, "no such register"


def test_serial() -> None:
    source, out = ConsoleInput(), bytearray()
    port = Serial(source, out.extend)
    port.write(3, 0x80)
    port.write(0, 1)
    assert port.read(0) == 1 and not out, "that was the divisor"
    port.write(3, 3)
    port.write(0, ord("x"))
    assert out == b"x" and port.read(5) == 0x60
    source.put(b"yz")
    assert port.read(5) == 0x61 and not port.interrupt
    port.write(1, 1)
    assert port.interrupt and port.read(2) == 0xC4
    assert bytes([port.read(0), port.read(0), port.read(0)]) == b"yz\0" and not port.interrupt
    port.write(7, 0x5A)
    assert port.read(7) == 0x5A


def test_clock() -> None:
    clock = Rtc(lambda: 1_577_836_800 * 10**9 + 37 * 10**9)
    clock.select(0)
    assert clock.read() == 0x37
    clock.select(0x0B)
    clock.write(4)
    assert clock.read() == 6
    clock.select(0)
    assert clock.read() == 37
    for register, value in ((0x32, 20), (9, 20), (8, 1), (7, 1), (6, 4), (4, 0), (0x0A, 0x26), (0x0D, 0x80), (0x55, 0)):
        clock.select(register)
        assert clock.read() == value


def test_console_input_is_bounded() -> None:
    source = ConsoleInput()
    source.put(bytes(INPUT_LIMIT))
    source.put(b"more")
    assert len(source) == INPUT_LIMIT and source.arrived() and not source.arrived()


def test_descriptor_table() -> None:
    page = memoryview(bytearray(4096))
    table = DescriptorTable(page)
    read = lambda selector: int.from_bytes(page[selector & ~7 : (selector & ~7) + 8], "little")  # noqa: E731
    assert read(0x09) == 0x00AF_3B00_0000_FFFF, "code is not present while loads are emulated"
    assert read(0x11) == 0x00CF_B300_0000_FFFF
    table.emulate_loads(False)
    assert (read(0x09), read(0x2B)) == (0x00AF_BB00_0000_FFFF, 0x00AF_FB00_0000_FFFF)
    assert table.code(0x08) is None and table.code(0x0A) is None and table.code(0x23) is None
    assert table.stack(0x23) is not None and table.stack(0x2B) is None


@pytest.mark.parametrize(
    ("descriptor", "allowed"),
    [
        (0, True),
        (0x00CF_F200_0000_FFFF, True),
        (0x00CF_FA00_0000_FFFF, True),
        (0x00CF_9200_0000_FFFF, False),  # privilege 0
        (0x00CF_7200_0000_FFFF, False),  # not present
        (0x0000_E900_0000_0067, False),  # task state
        (0x0000_EC00_0008_0000, False),  # call gate
    ],
)
def test_slots(descriptor: int, allowed: bool) -> None:
    table = DescriptorTable(memoryview(bytearray(4096)))
    assert table.set_slots(0, [descriptor]) == allowed
    assert not table.set_slots(3, [0]) and table.set_slots(2, [descriptor]) == allowed
