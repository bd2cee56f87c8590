# SPDX-License-Identifier: MIT
"""The devices together: which port and which address is whose."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from openvmi.hypervisors.emu import ending
from openvmi.hypervisors.emu.clock import Clock
from openvmi.hypervisors.emu.cpu import Cpu
from openvmi.hypervisors.emu.devices import apic, ioapic, rtc, serial
from openvmi.machine.boot import IOAPIC, LOCAL_APIC
from openvmi.machine.console import ConsoleInput
from openvmi.machine.exit_port import EXIT_PORT
from openvmi.units import Nanoseconds

_R = TypeVar("_R")

_NOTHING = 0xFFFF_FFFF  #: what a port without device reads as


class Pc:
    """Serial port, CMOS clock, interrupt controllers, exit port. Other ports swallow writes."""

    def __init__(
        self,
        cpu: Cpu,
        clock: Clock,
        source: ConsoleInput,
        output: Callable[[bytes], None],
        count: Callable[[str], None],
    ) -> None:
        """`count` is told of each access to device memory."""
        self.serial = serial.Serial(source, output)
        self.rtc = rtc.Rtc(clock.wall)
        self.apic = apic.LocalApic(clock.now, cpu.interrupt)
        self.ioapic = ioapic.IoApic(self.apic.request, cpu.interrupt)
        for base, device in ((LOCAL_APIC, self.apic), (IOAPIC, self.ioapic)):
            cpu.attach_device(base, apic.SIZE, _counted(device.read, count), _counted(device.write, count))

    def tick(self, now: Nanoseconds) -> None:
        """Lets timers and lines catch up with time."""
        self.apic.tick(now)
        self.ioapic.set_line(ioapic.SERIAL_PIN, self.serial.interrupt)

    def read_port(self, port: int) -> int:
        """IN, as wide as there are bits."""
        if serial.BASE <= port < serial.BASE + serial.SIZE:
            return self.serial.read(port - serial.BASE)
        return self.rtc.read() if port == rtc.DATA_PORT else _NOTHING

    def write_port(self, port: int, value: int) -> None:
        """OUT. Raises :class:`.ending.GuestEnd` for the exit port."""
        if serial.BASE <= port < serial.BASE + serial.SIZE:
            self.serial.write(port - serial.BASE, value & 0xFF)
        elif port == rtc.INDEX_PORT:
            self.rtc.select(value)
        elif port == rtc.DATA_PORT:
            self.rtc.write(value)
        elif port == EXIT_PORT:
            raise ending.exit_byte(value & 0xFF)


def _counted(function: Callable[..., _R], count: Callable[[str], None]) -> Callable[..., _R]:
    def call(*arguments: int) -> _R:
        count("mmio")
        return function(*arguments)

    return call
