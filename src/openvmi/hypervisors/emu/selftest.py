# SPDX-License-Identifier: MIT
"""Whether this Unicorn behaves as :mod:`.cpu` relies on: run at each start, in a few milliseconds.

Small programs run in ring 1 in pages far above guest memory, which are taken away again afterwards.
"""

from __future__ import annotations

import struct

from openvmi.errors import UnavailableError
from openvmi.hypervisors.emu.cpu import RAX, RBX, RSP, Cpu, Stop, StopKind
from openvmi.hypervisors.emu.segments import KERNEL_CS, KERNEL_SS, LIMIT, DescriptorTable
from openvmi.hypervisors.emu.state import REMEDY
from openvmi.machine.memory import Memory
from openvmi.machine.paging import LARGE, PRESENT, WRITABLE
from openvmi.units import Gpa, Gva

_BASE = 0xE000_0000
_CODE = _BASE + 0x3000
_STACK = _BASE + 0x5000
_TABLE = _BASE + 0x5000
_LOOP = bytes.fromhex("48 ff c3 eb fb")  # 1: inc rbx; jmp 1b

#: Name, code, what is expected, RIP after it, instructions executed.
_PROGRAMS: tuple[tuple[str, str, Stop, int, int], ...] = (
    ("a privileged instruction", "90 fa", Stop(StopKind.FAULT, 13), 1, 1),
    ("a second fault", "90 fb", Stop(StopKind.FAULT, 13), 1, 1),
    ("an error code", "66 b8 fb 00 8e d8", Stop(StopKind.FAULT, 13, 0xF8), 4, 1),
    ("a page fault", "48 8b 04 25 00 10 00 00", Stop(StopKind.FAULT, 14, 0, 0, 0x1000), 0, 0),
    ("division by zero", "31 d2 f7 f2", Stop(StopKind.FAULT, 0), 2, 1),
    ("an undefined instruction", "90 0f 0b", Stop(StopKind.FAULT, 6), 1, 1),
    ("a software interrupt", "90 cd 0d", Stop(StopKind.SOFTWARE, 13), 3, 2),
    ("a breakpoint", "90 cc", Stop(StopKind.SOFTWARE, 3), 2, 2),
    ("a port write", "90 e7 20 90 90", Stop(StopKind.PORT_OUT, 0x20, 0x77, 4, _CODE + 1), 3, 2),
    ("a port read", "90 e5 20 90 90", Stop(StopKind.PORT_IN, 0x20, 0x77, 4, _CODE + 1), 3, 2),
    ("a system call", "90 0f 05 90", Stop(StopKind.SYSCALL), 3, 2),
    ("CPUID", "90 0f a2 90", Stop(StopKind.CPUID), 3, 2),
    ("the time-stamp counter", "0f 31", Stop(StopKind.FAULT, 13), 0, 0),
    ("a budget", "48 ff c3 eb fb", Stop(StopKind.BUDGET, value=20), 0, 20),
)


def check(cpu: Cpu) -> None:
    """Calibrates the processor and raises :class:`UnavailableError` when it does not behave."""
    memory = Memory(0x1000)
    region = memory.add(Gpa(_BASE), 0x6000, writable=True, executable=True)
    table = DescriptorTable(region.view[0x5000:0x6000])
    try:
        struct.pack_into("<Q", region.view, 0, _BASE + 0x1000 | PRESENT | WRITABLE)
        struct.pack_into("<Q", region.view, 0x1000 + 8 * 3, _BASE + 0x2000 | PRESENT | WRITABLE)
        struct.pack_into("<Q", region.view, 0x2000 + 8 * 256, _BASE | PRESENT | WRITABLE | LARGE)
        table.emulate_loads(False)
        cpu.attach_region(region)
        cpu.enter_long_mode(Gva(_TABLE), LIMIT, Gpa(_BASE))
        _enter_kernel(cpu, table)
        region.view[0x3000 : 0x3000 + len(_LOOP)] = _LOOP
        cpu.rip = _CODE
        cpu.calibrate()
        for what, code, expected, rip, executed in _PROGRAMS:
            _enter_kernel(cpu, table)
            _run(cpu, region.view, bytes.fromhex(code), what, expected, rip, executed)
        cpu.instructions = 0
        cpu.detach_region(region)
    finally:
        table.close()
        memory.close()


def _enter_kernel(cpu: Cpu, table: DescriptorTable) -> None:
    code, stack = table.code(KERNEL_CS), table.stack(KERNEL_SS)
    assert code and stack
    cpu.load_code(KERNEL_CS, code, KERNEL_SS, stack)


def _run(cpu: Cpu, view: memoryview, code: bytes, what: str, expected: Stop, rip: int, executed: int) -> None:
    view[0x3000 : 0x3000 + len(code)] = code
    cpu.forget_code()
    cpu.rip = _CODE
    cpu.general[RAX] = 0x77
    cpu.general[RBX] = 0
    cpu.general[RSP] = _STACK
    before = cpu.instructions
    stop = cpu.run(20)
    found = stop, cpu.rip - _CODE, cpu.instructions - before, cpu.privilege
    if found != (expected, rip, executed, 1):
        raise UnavailableError(
            f"Unicorn treats {what} in ring 1 differently: found {found}, expected {(expected, rip, executed, 1)}"
            f" (what, where, instructions, ring); {REMEDY}"
        )
