# SPDX-License-Identifier: MIT
"""How a run ends from within, and what is kept of a crash."""

from __future__ import annotations

from openvmi.hypervisors.base import Crash, Ending, Registers
from openvmi.hypervisors.emu.state import REGISTERS
from openvmi.hypervisors.emu.vcpu import Vcpu
from openvmi.machine import exit_port
from openvmi.machine.crash import backtrace


class GuestEnd(Exception):
    """Raised by whatever handles an exit when the guest shall not go on."""

    def __init__(self, ending: Ending, message: str = "", code: int = 0) -> None:
        super().__init__(message)
        self.ending = ending
        self.message = message
        self.code = code


def shutdown(reason: int, code: int) -> GuestEnd:
    """The end that Shutdown asked for."""
    ending, status = exit_port.shutdown(reason, code)
    return GuestEnd(ending, exit_port.MESSAGES[ending], status)


def exit_byte(value: int) -> GuestEnd:
    """The end that a byte to the exit port asked for."""
    ending, status = exit_port.decode(value)
    return GuestEnd(ending, exit_port.MESSAGES[ending], status)


def registers(vcpu: Vcpu) -> Registers:
    """The processor as it is."""
    cpu = vcpu.cpu
    return Registers(
        general=dict(zip(REGISTERS, cpu.general, strict=True)),
        rip=cpu.rip,
        rflags=vcpu.flags,
        cs=cpu.cs,
        ss=cpu.ss,
        cr2=vcpu.fault_address,
        cr3=cpu.page_root,
        user=cpu.privilege == 3,
    )


def crash(vcpu: Vcpu, reason: str) -> Crash:
    """A crash of what runs now."""
    now = registers(vcpu)
    return Crash(reason, now, backtrace(vcpu.space.read, now.general["rbp"]))
