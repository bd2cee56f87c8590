# SPDX-License-Identifier: MIT
"""The calls of the interface that the ROM passes on: one method each, found by number in :data:`CALLS`.

Arguments are in the registers that the interface names. Pointers are guest-virtual and read through the guest's own
page tables; every size has the bound that abi/ gives it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from openvmi.abi import names
from openvmi.abi.layouts import TrapGate
from openvmi.abi.names import Call, Error
from openvmi.hypervisors.base import Mark
from openvmi.hypervisors.emu import ending, private, traps
from openvmi.hypervisors.emu.clock import FREQUENCY
from openvmi.hypervisors.emu.cpu import R8, RAX, RCX, RDI, RDX, RSI, RSP
from openvmi.hypervisors.emu.cpuid import cpuid
from openvmi.hypervisors.emu.vcpu import Gate
from openvmi.machine import crash
from openvmi.machine.paging import ADDRESS, canonical
from openvmi.units import PAGE_MASK, Gpa, Gva, Nanoseconds

if TYPE_CHECKING:
    from openvmi.hypervisors.emu.machine import EmuMachine

_VECTORS = 256
_STACK_ALIGNMENT = 16
_LOW = 0xFFFF_FFFF
_MARK_LIMIT = 1 << 20  #: marks that are kept; later ones are counted as exits only
_LEVELS = range(1, 5)

#: Answers of the handlers: a result for RAX, or None to leave every register alone.
Result = int | None


class Hypercalls:
    """The handlers, for one machine."""

    def __init__(self, machine: EmuMachine) -> None:
        self._machine = machine
        self._vcpu = machine.vcpu
        self._general = machine.vcpu.cpu.general
        self._tables: dict[int, int] = {}  #: announced: level by address

    def perform(self) -> None:
        """Does the call in RAX and counts it."""
        name, handler = CALLS.get(self._general[RAX] & _LOW, ("unknown call", None))
        self._machine.count(name)
        result: Result = Error.NOT_SUPPORTED if handler is None else handler(self)
        if result is not None:
            self._general[RAX] = result & (1 << 64) - 1

    def _arguments(self) -> tuple[int, ...]:
        return tuple(self._general[register] for register in (RDI, RSI, RDX, RCX, R8))

    # ---- base ----

    def init(self) -> Result:
        version, native, *_ = self._arguments()
        version &= _LOW
        if version >> 16 != names.MAJOR or version & 0xFFFF > names.MINOR:
            return Error.INVALID
        left = {group for group in names.Group if native >> group & 1}
        for one, other in ((names.Group.IRQ, names.Group.TRAP), (names.Group.TIME, names.Group.EVENT)):
            if (one in left) != (other in left):
                return Error.NOT_SUPPORTED
        if names.Group.BASE in left:
            return Error.NOT_SUPPORTED
        self._vcpu.link(names.Group.IRQ not in left)
        return Error.SUCCESS

    def info(self) -> Result:
        item, buffer, size, *_ = self._arguments()
        text = self._machine.texts.get(item & _LOW)
        if text is None:
            return Error.INVALID
        data = text.encode("ascii", "replace")[: min(size, names.CONSOLE_LIMIT)]
        return len(data) if self._vcpu.space.write(Gva(buffer), data) else Error.FAULT

    def vcpu_init(self) -> Result:
        number, block, *_ = self._arguments()
        return Error.SUCCESS if not number & _LOW and self._vcpu.init_block(block) else Error.INVALID

    # ---- irq ----

    def halt(self) -> Result:
        self._vcpu.interrupts = True
        self._machine.halted = True
        return None

    def private_iret(self) -> Result:
        """Iret, when an event waits for it: the ROM has pushed RAX."""
        stack = self._general[RSP]
        saved = self._vcpu.space.read(Gva(stack), 8)
        if saved is not None:
            self._general[RAX] = int.from_bytes(saved, "little")
            self._general[RSP] = stack + 8 & (1 << 64) - 1
        if saved is None or not traps.interrupt_return(self._vcpu, stack + 8):
            traps.deliver(self._vcpu, traps.PROTECTION)
        return None

    # ---- trap ----

    def trap_table_set(self) -> Result:
        gates, count, *_ = self._arguments()
        count &= _LOW
        if count > _VECTORS:
            return Error.INVALID
        raw = self._vcpu.space.read(Gva(gates), count * TrapGate.SIZE)
        if raw is None:
            return Error.FAULT
        table = [TrapGate.unpack(raw, index * TrapGate.SIZE) for index in range(count)]
        if not all(canonical(gate.handler) and canonical(gate.native) for gate in table):
            return Error.INVALID
        for gate in table:
            self._vcpu.gates[gate.vector] = Gate(Gva(gate.handler), bool(gate.flags & names.GATE_USER))
        return Error.SUCCESS

    def syscall_entry_set(self) -> Result:
        handler, native, *_ = self._arguments()
        if not (canonical(handler) and canonical(native)):
            return Error.INVALID
        self._vcpu.syscall_entry = Gva(handler)
        return Error.SUCCESS

    def kernel_stack_set(self) -> Result:
        top = self._general[RDI]
        if top % _STACK_ALIGNMENT or not canonical(top):
            return Error.INVALID
        self._vcpu.kernel_stack = Gva(top)
        return Error.SUCCESS

    def descriptors_set(self) -> Result:
        first, descriptors, count, *_ = self._arguments()
        first, count = first & _LOW, count & _LOW
        if first + count > names.DESCRIPTOR_SLOTS:
            return Error.INVALID
        raw = self._vcpu.space.read(Gva(descriptors), 8 * count)
        if raw is None:
            return Error.FAULT
        done = self._vcpu.segments.set_slots(first, list(struct.unpack(f"<{count}Q", raw)))
        return Error.SUCCESS if done else Error.INVALID

    def tls_set(self) -> Result:
        fs_base, gs_base, *_ = self._arguments()
        if not (canonical(fs_base) and canonical(gs_base)):
            return Error.INVALID
        self._vcpu.cpu.fs_base, self._vcpu.user_gs = Gva(fs_base), gs_base
        return Error.SUCCESS

    def cpuid(self) -> Result:
        leaf, subleaf, registers, *_ = self._arguments()
        self._vcpu.space.write(Gva(registers), struct.pack("<4I", *cpuid(leaf & _LOW, subleaf & _LOW)))
        return None

    def msr_read(self) -> Result:
        number, place, *_ = self._arguments()
        value = self._machine.msrs.read(number & _LOW)
        if value is None:
            return Error.NOT_SUPPORTED
        return Error.SUCCESS if self._vcpu.space.write(Gva(place), struct.pack("<Q", value)) else Error.FAULT

    def msr_write(self) -> Result:
        number, value, *_ = self._arguments()
        if self._machine.msrs.read(number & _LOW) is None:
            return Error.NOT_SUPPORTED
        return Error.SUCCESS if self._machine.msrs.write(number & _LOW, value) else Error.INVALID

    def fpu_trap_set(self) -> Result:
        self._vcpu.fpu_trap = bool(self._general[RDI] & _LOW)
        self._vcpu.cpu.set_fpu_trap(self._vcpu.fpu_trap)
        return None

    # ---- mmu ----

    def address_space_set(self) -> Result:
        self._vcpu.cpu.set_page_root(Gpa(self._general[RDI] & ADDRESS))
        self._vcpu.share_page_root()
        return None

    def tlb_flush(self) -> Result:
        self._vcpu.cpu.set_page_root(self._vcpu.cpu.page_root)
        return None

    def page_table_add(self) -> Result:
        page, level, *_ = self._arguments()
        if page & PAGE_MASK or page >= self._machine.config.memory or level & _LOW not in _LEVELS:
            return Error.INVALID
        if page in self._tables:
            return Error.BUSY
        self._tables[page] = level & _LOW
        return Error.SUCCESS

    def page_table_remove(self) -> Result:
        page, level, *_ = self._arguments()
        if page == self._vcpu.cpu.page_root:  # the one of the boot contract was never announced
            return Error.BUSY
        if self._tables.get(page) != level & _LOW:
            return Error.INVALID
        del self._tables[page]
        return Error.SUCCESS

    def tlb_flush_others(self) -> Result:
        return Error.INVALID if self._general[RDI] & ~1 else Error.SUCCESS

    # ---- time ----

    def clock_read(self) -> Result:
        return self._machine.clock.now()

    def clock_frequency(self) -> Result:
        return FREQUENCY

    def wall_clock_read(self) -> Result:
        return self._machine.clock.wall()

    def stolen_time_read(self) -> Result:
        return 0

    def timer_set(self) -> Result:
        self._machine.events.deadline = Nanoseconds(self._general[RDI])
        return Error.SUCCESS

    def timer_cancel(self) -> Result:
        self._machine.events.deadline = None
        return Error.SUCCESS

    # ---- event ----

    def event_bind(self) -> Result:
        source, vector, *_ = self._arguments()
        return self._machine.events.bind(source & _LOW, vector & _LOW)

    def event_mask(self) -> Result:
        return self._machine.events.mask(self._general[RDI] & _LOW, True)

    def event_unmask(self) -> Result:
        return self._machine.events.mask(self._general[RDI] & _LOW, False)

    def event_ack(self) -> Result:
        return self._machine.events.acknowledge(self._general[RDI] & _LOW)

    def event_send(self) -> Result:
        return self._machine.events.send(self._general[RDI] & _LOW)

    # ---- sys ----

    def console_write(self) -> Result:
        buffer, size, *_ = self._arguments()
        if size > names.CONSOLE_LIMIT:
            return Error.INVALID
        data = self._vcpu.space.read(Gva(buffer), size)
        if data is None:
            return Error.FAULT
        self._machine.console_output(data)
        return size

    def console_read(self) -> Result:
        buffer, size, *_ = self._arguments()
        if size > names.CONSOLE_LIMIT:
            return Error.INVALID
        room = self._vcpu.space.read(Gva(buffer), size)
        if room is None or not self._vcpu.space.write(Gva(buffer), room):
            return Error.FAULT  # nothing was taken
        data = self._machine.input.take(size)
        if data and not self._vcpu.space.write(Gva(buffer), data):
            return Error.FAULT
        self._vcpu.cpu.forget_code()  # it may have been code that was overwritten
        return len(data)

    def shutdown(self) -> Result:
        reason, code, *_ = self._arguments()
        raise ending.shutdown(reason & _LOW, code & 0xFF)

    def memory_balloon(self) -> Result:
        return Error.NOT_SUPPORTED

    # ---- debug ----

    def trace_mark(self) -> Result:
        mark, value, *_ = self._arguments()
        if len(self._machine.marks) < _MARK_LIMIT:
            machine = self._machine
            machine.marks.append(Mark(mark & _LOW, value, self._vcpu.cpu.instructions, machine.clock.now()))
        return None

    def debug_break(self) -> Result:
        return None

    def crash_report(self) -> Result:
        machine = self._machine
        report = crash.read_report(self._vcpu.space.read, Gva(self._general[RDI]), machine.config.guest.window)
        machine.reported = report or machine.reported
        return None

    # ---- random ----

    def random_read(self) -> Result:
        buffer, size, *_ = self._arguments()
        if size > names.RANDOM_LIMIT:
            return Error.INVALID
        if not self._vcpu.space.write(Gva(buffer), self._machine.random_bytes(size)):
            return Error.FAULT
        self._vcpu.cpu.forget_code()  # it may have been code that was overwritten
        return size


_Handler = Callable[[Hypercalls], Result]

#: Call number -> name in the count of exits, handler.
CALLS: dict[int, tuple[str, _Handler]] = {
    call: (call.name.lower(), getattr(Hypercalls, call.name.lower()))
    for call in Call
    if hasattr(Hypercalls, call.name.lower())
} | {
    Call.TLB_FLUSH_PAGE: ("tlb_flush_page", Hypercalls.tlb_flush),
    private.EMU_IRET: ("iret", Hypercalls.private_iret),
}
