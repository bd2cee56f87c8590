# SPDX-License-Identifier: MIT
"""Runs of the kernels: their output, what their processes take, and when their first byte came."""

from __future__ import annotations

import time

from attrs import frozen

from openvmi import running
from openvmi.bench.times.lines import CONSOLE_LIMIT, Lines, parse
from openvmi.errors import OpenVmiError
from openvmi.guest.image import GuestImage
from openvmi.hypervisors.base import Ending, Hypervisor, MachineConfig, default_rom_path
from openvmi.hypervisors.linux import resident
from openvmi.hypervisors.linux.machine import LinuxMachine
from openvmi.hypervisors.linux.resident import Resident
from openvmi.interrupt import on_interrupt
from openvmi.trust.verdict import admit

OFF = "vmi=off times.short"  #: command line of the kernel that stays native
STAY = "times.stay"  #: of the one that waits to be looked at
_STAYS = b"\nstays"  #: what it prints then


@frozen
class Kernel:
    """What a run came to."""

    lines: Lines
    first_byte: float  #: seconds from the start of the runner
    resident: Resident | None  #: of the one that stays


def run(hypervisor: Hypervisor, guest: GuestImage, options: str, timeout: float) -> Kernel:
    """One run, with the hypervisor's ROM.

    Raises as :func:`openvmi.running.run` does, :class:`OpenVmiError` for one that does not end well, and
    :class:`KeyboardInterrupt` when the user stops it.
    """
    console = bytearray()
    first: list[float] = []
    looked: list[Resident] = []

    def keep(data: bytes) -> None:
        first.append(time.perf_counter())
        console.extend(data[: CONSOLE_LIMIT + 1 - len(console)])
        if _STAYS in console and not looked:
            looked.append(resident.read(machine.runner.pid, config.memory))
            machine.send_console(b"\n")

    rom = running.find_rom(hypervisor, None)
    verdict = admit(rom, guest, options, own=default_rom_path(hypervisor))
    config = MachineConfig(guest=guest, rom=rom, command_line=options, timeout=timeout, console=keep,
                           boot_flags=verdict.flags)
    began = time.perf_counter()
    with LinuxMachine(config) as machine, on_interrupt(machine.stop):
        outcome = machine.run()
    if outcome.ending is Ending.INTERRUPTED:
        raise KeyboardInterrupt
    if outcome.ending is not Ending.EXIT or outcome.code:
        raise OpenVmiError(f"{guest.name} with {options or 'no options'}: {outcome.ending.value} {outcome.code or ''}:"
                           f" {outcome.message or 'it did not say why'}")
    if not first:
        raise OpenVmiError(f"{guest.name} printed nothing; build it again: make build")
    return Kernel(parse(bytes(console)), first[0] - began, looked[0] if looked else None)
