# SPDX-License-Identifier: MIT
"""Entering the guest's handlers and returning from them, both ways: as the interface has it, and as a processor does.

Linked: the handler of TrapTableSet, the stack of KernelStackSet, the GS base of the VCPU block. Not linked: the
guest's own interrupt descriptor table and task state (Intel SDM volume 3, sections 6.14 and 8.7), GS left alone.
"""

from __future__ import annotations

import struct

from openvmi.abi.layouts import Frame
from openvmi.abi.names import FLAG_IF
from openvmi.hypervisors.base import Ending
from openvmi.hypervisors.emu.cpu import R11, RCX, RSP
from openvmi.hypervisors.emu.ending import GuestEnd
from openvmi.hypervisors.emu.segments import KERNEL_CS, KERNEL_SS, USER_CS, USER_SS
from openvmi.hypervisors.emu.vcpu import Vcpu
from openvmi.machine.paging import canonical
from openvmi.units import Gva

BREAKPOINT, INVALID_OPCODE, DOUBLE_FAULT, NOT_PRESENT, PROTECTION, PAGE_FAULT = 3, 6, 8, 11, 13, 14
_WITH_ERROR = frozenset({8, 10, 11, 12, 13, 14, 17, 21, 29, 30})
_IN_TABLE = 2  #: error code bit: the selector field is a vector
_FLAGS_CLEARED = FLAG_IF | 1 << 8 | 1 << 14 | 1 << 16  #: IF TF NT RF
_NAMES = {
    0: "division error", 1: "debug", 3: "breakpoint", 4: "overflow", 6: "invalid opcode", 7: "no floating point",
    8: "double fault", 10: "invalid task state", 11: "segment not present", 12: "stack segment fault",
    13: "general protection", 14: "page fault", 16: "floating-point error", 17: "alignment check", 19: "vector error",
}  # fmt: skip


def describe(vcpu: Vcpu, vector: int, error: int) -> str:
    """A trap in words, for people."""
    text = f"{_NAMES.get(vector, 'interrupt')} (vector {vector}"
    if vector in _WITH_ERROR:
        text += f", error code {error:#x}"
    if vector == PAGE_FAULT:
        text += f", address {vcpu.fault_address:#x}"
    return f"{text}) at {vcpu.cpu.rip:#x}"


class _Undeliverable(Exception):
    """A handler cannot be entered; the text says why."""


def deliver(vcpu: Vcpu, vector: int, error: int = 0) -> None:
    """Enters the handler of a trap or event that the processor or the host raised.

    Raises :class:`GuestEnd` when there is no way in.
    """
    first = describe(vcpu, vector, error)
    try:
        if vcpu.linked:
            _enter_linked(vcpu, vector, error)
        else:
            _enter_table(vcpu, vector, error)
    except _Undeliverable as problem:
        if not vcpu.linked and vector != DOUBLE_FAULT:
            try:
                _enter_table(vcpu, DOUBLE_FAULT, 0)
            except _Undeliverable:
                raise GuestEnd(Ending.CRASH, f"triple fault: {first}, and {problem}") from problem
            return
        raise GuestEnd(Ending.CRASH, f"{first}: {problem}") from problem


def software(vcpu: Vcpu, vector: int, length: int) -> None:
    """INT or INT3, RIP after its `length` bytes: allowed to user mode only where the handler says so."""
    if vcpu.cpu.privilege == 3:
        if vcpu.linked:
            gate = vcpu.gates.get(vector)
            allowed = gate is not None and gate.user
        else:
            raw = _gate(vcpu, vector)
            allowed = raw is not None and raw[5] >> 5 & 3 == 3
        if not allowed:
            vcpu.cpu.rip -= length
            deliver(vcpu, PROTECTION, vector * 8 + _IN_TABLE)
            return
    deliver(vcpu, vector)


def system_call(vcpu: Vcpu, lstar: int, mask: int) -> None:
    """SYSCALL, RIP after it. Not from the kernel, nor from 32-bit code."""
    cpu = vcpu.cpu
    if cpu.privilege != 3 or not cpu.long_code or not (vcpu.syscall_entry if vcpu.linked else lstar):
        cpu.rip -= 2
        deliver(vcpu, INVALID_OPCODE)
        return
    cpu.general[RCX], cpu.general[R11] = cpu.rip, vcpu.flags
    if vcpu.linked:
        try:
            _push_linked(vcpu, vcpu.syscall_entry, None)
        except _Undeliverable as problem:
            raise GuestEnd(Ending.CRASH, f"system call at {cpu.rip:#x}: {problem}") from problem
    else:
        flags = vcpu.flags
        _to_kernel(vcpu)
        vcpu.load_flags(flags & ~mask)
        cpu.rip = lstar


def _to_kernel(vcpu: Vcpu) -> None:
    code, stack = vcpu.segments.code(KERNEL_CS), vcpu.segments.stack(KERNEL_SS)
    assert code and stack
    vcpu.segments.hide_code()
    vcpu.cpu.load_code(KERNEL_CS, code, KERNEL_SS, stack)


# ---- as the interface has it ----


def _enter_linked(vcpu: Vcpu, vector: int, error: int) -> None:
    gate = vcpu.gates.get(vector)
    if gate is None:
        raise _Undeliverable("the guest has no handler for it")
    _push_linked(vcpu, gate.handler, error if vector in _WITH_ERROR else None)


def _push_linked(vcpu: Vcpu, handler: Gva, error: int | None) -> None:
    cpu = vcpu.cpu
    from_user = cpu.privilege == 3
    top = vcpu.kernel_stack if from_user else cpu.general[RSP]
    _push_frame(vcpu, top, error)
    if from_user:
        vcpu.user_gs = cpu.gs_base
    cpu.gs_base = vcpu.block  # also when the ROM was on its way out and had loaded the user's
    _to_kernel(vcpu)
    cpu.rip = handler
    vcpu.interrupts = False
    cpu.flags = cpu.flags & ~_FLAGS_CLEARED | FLAG_IF


def _push_frame(vcpu: Vcpu, top: int, error: int | None) -> None:
    """Pushes the interrupted context on a stack and loads RSP. Nothing is changed when it cannot be pushed."""
    cpu = vcpu.cpu
    frame = Frame(rip=cpu.rip, cs=cpu.cs, rflags=vcpu.flags, rsp=cpu.general[RSP], ss=cpu.ss).pack()
    if error is not None:
        frame = struct.pack("<Q", error) + frame
    new = (top & ~15) - len(frame)
    if new < 0 or not vcpu.space.write(Gva(new), frame):
        raise _Undeliverable(f"its frame cannot be pushed on the stack at {top:#x}, which is not mapped writable")
    cpu.general[RSP] = new


# ---- as a processor does ----


def _gate(vcpu: Vcpu, vector: int) -> bytes | None:
    if vector * 16 + 15 > vcpu.idt.limit:
        return None
    return vcpu.space.read(Gva(vcpu.idt.base + vector * 16), 16)


def _enter_table(vcpu: Vcpu, vector: int, error: int) -> None:
    cpu = vcpu.cpu
    gate = _gate(vcpu, vector)
    if gate is None:
        raise _Undeliverable("the guest's interrupt descriptor table has no entry for it")
    low, _, stack_index, kind, middle, high, _ = struct.unpack("<HHBBHII", gate)
    if not kind & 0x80 or kind & 0xF not in (0xE, 0xF):
        raise _Undeliverable("its entry in the guest's interrupt descriptor table is not a present gate")
    top = cpu.general[RSP]
    if stack_index & 7:
        top = _task_stack(vcpu, 36 + 8 * ((stack_index & 7) - 1))
    elif cpu.privilege == 3:
        top = _task_stack(vcpu, 4)
    _push_frame(vcpu, top, error if vector in _WITH_ERROR else None)
    _to_kernel(vcpu)
    cpu.rip = low | middle << 16 | high << 32
    flags = cpu.flags
    cpu.flags = flags & ~_FLAGS_CLEARED | (flags & FLAG_IF if kind & 1 else 0)


def _task_stack(vcpu: Vcpu, offset: int) -> int:
    raw = vcpu.space.read(Gva(vcpu.task + offset), 8) if vcpu.task else None
    if raw is None:
        raise _Undeliverable("the guest has no task state that names a stack for it")
    return int.from_bytes(raw, "little")


# ---- returns ----


def interrupt_return(vcpu: Vcpu, frame_address: int) -> bool:
    """IRET from the frame at an address, done by the host. False, with nothing changed, when it would be refused."""
    cpu = vcpu.cpu
    raw = vcpu.space.read(Gva(frame_address), Frame.SIZE)
    if raw is None:
        return False
    frame = Frame.unpack(raw)
    user = frame.cs & 3 == 3
    if not vcpu.linked and user:
        vcpu.refresh_slots()
    code = vcpu.segments.code(frame.cs & 0xFFFF)
    stack = vcpu.segments.stack(frame.ss & 0xFFFF)
    if not user and not frame.ss & ~3:
        stack = vcpu.segments.stack(KERNEL_SS)  # the null selector is a stack in 64-bit kernel mode
    if code is None or stack is None or not canonical(frame.rip) or (user and frame.ss & 3 != 3):
        return False
    if user and vcpu.linked:
        cpu.gs_base = vcpu.user_gs
    cpu.load_code(frame.cs & 0xFFFF, code, frame.ss & 0xFFFF, stack)
    cpu.rip, cpu.general[RSP] = frame.rip, frame.rsp
    vcpu.load_flags(frame.rflags)
    return True


def system_return(vcpu: Vcpu) -> bool:
    """SYSRETQ: to user mode at RCX with the flags in R11. False when the processor would refuse."""
    cpu = vcpu.cpu
    if not canonical(cpu.general[RCX]):
        return False
    vcpu.refresh_slots()
    code, stack = vcpu.segments.code(USER_CS), vcpu.segments.stack(USER_SS)
    assert code and stack
    cpu.load_code(USER_CS, code, USER_SS, stack)
    cpu.rip = cpu.general[RCX]
    vcpu.load_flags(cpu.general[R11])
    return True
