# SPDX-License-Identifier: MIT
"""How a run ends from within, and what is kept of a crash."""

from __future__ import annotations

import struct

from openvmi.abi.names import ShutdownReason
from openvmi.hypervisors.base import Crash, Ending, Registers
from openvmi.hypervisors.emu.state import REGISTERS
from openvmi.hypervisors.emu.vcpu import Vcpu
from openvmi.units import Gva

_BACKTRACE_LIMIT = 64
_EXIT_CODE_MOST = 63

_ENDINGS = {
    ShutdownReason.EXIT: (Ending.EXIT, ""),
    ShutdownReason.REBOOT: (Ending.REBOOT, "the guest asked to be started again"),
    ShutdownReason.REFUSED: (Ending.REFUSED, "the guest refused to run here; its console says why"),
    ShutdownReason.CRASH: (Ending.CRASH, "the guest said that it crashed"),
}


class GuestEnd(Exception):
    """Raised by whatever handles an exit when the guest shall not go on."""

    def __init__(self, ending: Ending, message: str = "", code: int = 0) -> None:
        super().__init__(message)
        self.ending = ending
        self.message = message
        self.code = code


def shutdown(reason: int, code: int) -> GuestEnd:
    """The end that a guest asked for: a code above 63 is taken as 63, an unknown reason as CRASH."""
    known = ShutdownReason(reason) if reason in _ENDINGS else ShutdownReason.CRASH
    ending, message = _ENDINGS[known]
    return GuestEnd(ending, message, min(code, _EXIT_CODE_MOST) if ending is Ending.EXIT else 0)


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


def backtrace(vcpu: Vcpu, frame: int) -> tuple[Gva, ...]:
    """Return addresses along saved frame pointers. Ends at the first that is unmapped or does not lead upwards."""
    found: list[Gva] = []
    while len(found) < _BACKTRACE_LIMIT and frame and frame % 8 == 0:
        pair = vcpu.space.read(Gva(frame), 16)
        if pair is None:
            break
        following, address = struct.unpack("<QQ", pair)
        if not address:
            break
        found.append(Gva(address))
        if following <= frame:
            break
        frame = following
    return tuple(found)


def crash(vcpu: Vcpu, reason: str) -> Crash:
    """A crash of what runs now."""
    return Crash(reason, registers(vcpu), backtrace(vcpu, registers(vcpu).general["rbp"]))
