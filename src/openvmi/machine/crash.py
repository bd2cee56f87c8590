# SPDX-License-Identifier: MIT
"""What a guest says of its own crash (struct crash_report), and return addresses along frame pointers."""

from __future__ import annotations

import struct
from collections.abc import Callable

from openvmi.abi.layouts import CrashReport
from openvmi.abi.names import WINDOW_SIZE
from openvmi.hypervisors.base import Crash, Registers
from openvmi.units import Gpa, Gva

#: Reads guest memory by virtual address; None where it is not mapped.
Reader = Callable[[Gva, int], bytes | None]

_BACKTRACE_LIMIT = 64
_MESSAGE_LIMIT = 4096
_NO_TRAP = 0xFFFF_FFFF
_REGISTERS = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", *(f"r{n}" for n in range(8, 16)))


def backtrace(read: Reader, frame: int) -> tuple[Gva, ...]:
    """Return addresses along saved frame pointers. Ends at the first that is unmapped or does not lead upwards."""
    found: list[Gva] = []
    while len(found) < _BACKTRACE_LIMIT and frame and frame % 8 == 0:
        pair = read(Gva(frame), 16)
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


def read_report(read: Reader, address: Gva, window: Gva) -> Crash | None:
    """The crash that the report at an address describes; None when it is not mapped. `window`: where the ROM is."""
    raw = read(address, CrashReport.SIZE)
    if raw is None:
        return None
    report = CrashReport.unpack(raw)
    text = read(Gva(report.message), min(report.message_size, _MESSAGE_LIMIT)) or b""
    reason = text.decode("ascii", "replace").strip() or "no reason given"
    if report.vector != _NO_TRAP:
        reason += f" (vector {report.vector}, error code {report.error:#x})"
    if 0 <= report.fault_address - window < WINDOW_SIZE:
        reason += f"; the address {report.fault_address:#x} is in the ROM's window"
    rip, cs, rflags, rsp, ss = report.frame
    general = dict(zip(_REGISTERS, report.registers, strict=True)) | {"rsp": rsp}
    registers = Registers(
        general, Gva(rip), rflags, cs & 0xFFFF, ss & 0xFFFF, Gva(report.fault_address), Gpa(report.page_root),
        user=cs & 3 == 3,
    )
    return Crash(reason, registers, backtrace(read, general["rbp"]))
