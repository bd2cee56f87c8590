# SPDX-License-Identifier: MIT
"""How a guest on a PC says that it ends: one byte to a port, which libvmi's native Shutdown writes.

    0 to 63         EXIT with that status
    64 + reason     any other ShutdownReason: 65 REBOOT, 66 CRASH, 67 REFUSED

QEMU has a device for it, isa-debug-exit, which ends QEMU itself with the status (byte << 1) | 1.
"""

from __future__ import annotations

from openvmi.abi.names import ShutdownReason
from openvmi.hypervisors.base import Ending

EXIT_PORT = 0xF4
CODE_MOST = 63  #: the highest exit status that the byte can carry
_REASON = CODE_MOST + 1

_ENDINGS = {
    ShutdownReason.EXIT: Ending.EXIT,
    ShutdownReason.REBOOT: Ending.REBOOT,
    ShutdownReason.CRASH: Ending.CRASH,
    ShutdownReason.REFUSED: Ending.REFUSED,
}

#: A sentence for each ending that the byte can tell of.
MESSAGES = {
    Ending.EXIT: "",
    Ending.REBOOT: "the guest asked to be started again",
    Ending.CRASH: "the guest said that it crashed",
    Ending.REFUSED: "the guest refused to run here; its console says why",
}


def shutdown(reason: int, code: int) -> tuple[Ending, int]:
    """What Shutdown(reason, code) asks for: a code above 63 is taken as 63, an unknown reason as CRASH."""
    ending = next((ending for known, ending in _ENDINGS.items() if known == reason), Ending.CRASH)
    return ending, min(code, CODE_MOST) if ending is Ending.EXIT else 0


def decode(value: int) -> tuple[Ending, int]:
    """How the guest ended, and its status, which is 0 for anything but EXIT. A byte without meaning is a CRASH."""
    return shutdown(ShutdownReason.EXIT, value) if value <= CODE_MOST else shutdown(value - _REASON, 0)
