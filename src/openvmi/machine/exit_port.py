# SPDX-License-Identifier: MIT
"""How a native guest ends a PC: one byte to a port, as QEMU's isa-debug-exit takes it and the hypervisors here do.

Below 64 the byte is the guest's exit status; from 64 on it is 64 and a :class:`ShutdownReason`
(libvmi/src/native/console.c). Seven bits are all that comes through QEMU's own exit status.
"""

from __future__ import annotations

from openvmi.abi.names import ShutdownReason
from openvmi.hypervisors.base import Ending

EXIT_PORT = 0xF4
CODE_LIMIT = 63  #: the highest exit status of a guest
_REASONS = 64

_ENDINGS = {
    ShutdownReason.EXIT: (Ending.EXIT, ""),
    ShutdownReason.REBOOT: (Ending.REBOOT, "the guest asked to be started again"),
    ShutdownReason.REFUSED: (Ending.REFUSED, "the guest refused to run here; its console says why"),
    ShutdownReason.CRASH: (Ending.CRASH, "the guest said that it crashed"),
}


def shutdown(reason: int, code: int) -> tuple[Ending, int, str]:
    """The end that a guest asked for: a code above 63 is taken as 63, an unknown reason as CRASH."""
    known = ShutdownReason(reason) if reason in _ENDINGS else ShutdownReason.CRASH
    ending, message = _ENDINGS[known]
    return ending, min(code, CODE_LIMIT) if ending is Ending.EXIT else 0, message


def decode(value: int) -> tuple[Ending, int, str]:
    """What a byte written to the port means: how the guest ended, its exit status, a sentence about it."""
    return shutdown(ShutdownReason.EXIT, value) if value <= CODE_LIMIT else shutdown(value - _REASONS, 0)
