# SPDX-License-Identifier: MIT
"""The processor: Unicorn, with all that is peculiar about it kept in here and in :mod:`.state`.

Unicorn never enters a guest's handlers by itself: every exception, port access, SYSCALL and CPUID calls a hook. The
hooks only note what happened and stop the emulation, which then stops exactly there; :meth:`Cpu.run` returns what it
was, and between runs every register can be read and written.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

import unicorn
from unicorn import unicorn_const as uc
from unicorn import x86_const as x86

from openvmi.abi.names import FLAG_IF
from openvmi.errors import UnavailableError
from openvmi.hypervisors.emu import abort, state
from openvmi.hypervisors.emu.segments import is_long
from openvmi.machine.memory import Memory, Region
from openvmi.units import Gpa, Gva

RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 = range(9)
R11 = 11
_CS, _SS, _FS, _GS = 1, 2, 4, 5
_REGISTER_IDS = tuple(getattr(x86, f"UC_X86_REG_{name.upper()}") for name in state.REGISTERS)

CR0 = 0x8005_0033  #: PG AM WP NE ET MP PE
CR0_TS = 1 << 3
CR4 = 0x0001_06A4  #: FSGSBASE OSXMMEXCPT OSFXSR PGE PAE TSD
EFER = 0xD01  #: NXE LMA LME SCE
_EFER_MSR = 0xC000_0080

#: Bits of RFLAGS that are what they are, whatever is loaded: IOPL, VM, VIF, VIP are never set.
FLAGS_LOADABLE = 0x0024_0FD5
FLAGS_FIXED = 0x2

# Bits of State.hidden (QEMU hflags) that follow from the code segment.
_PRIVILEGE = 3
_CS32, _SS32, _ADD_SEGMENT, _CS64 = 1 << 4, 1 << 5, 1 << 6, 1 << 15


class StopKind(Enum):
    """Why the processor stopped, and where RIP is then."""

    BUDGET = "budget"  #: the count was reached, or a device asked for attention; before the next instruction
    PORT_OUT = "out"  #: `number` port, `value` data, `size` bytes; after the instruction, `address` is its own
    PORT_IN = "in"  #: as PORT_OUT; RAX is still to be written
    FAULT = "fault"  #: `number` vector, `value` error code; at the instruction (traps: after it)
    SOFTWARE = "software"  #: `number` vector of INT, INT3; after the instruction
    SYSCALL = "syscall"  #: after the instruction, nothing else done
    SYSENTER = "sysenter"  #: after the instruction, nothing else done
    CPUID = "cpuid"  #: after the instruction, registers still to be written
    PHYSICAL = "physical"  #: an access that guest-physical memory does not allow; `address` of it, `value` how


class Stop(NamedTuple):
    """What ended a run."""

    kind: StopKind
    number: int = 0
    value: int = 0
    size: int = 0
    address: int = 0


_ACCESS = {
    uc.UC_MEM_READ_UNMAPPED: "read",
    uc.UC_MEM_WRITE_UNMAPPED: "wrote",
    uc.UC_MEM_FETCH_UNMAPPED: "executed",
    uc.UC_MEM_WRITE_PROT: "wrote",
    uc.UC_MEM_READ_PROT: "read",
    uc.UC_MEM_FETCH_PROT: "executed",
}
ACCESSES = ("accessed", "read", "wrote", "executed")  #: what Stop.value of PHYSICAL means


class Cpu:
    """One x86-64 processor in long mode with paging. Not for use by two threads at a time."""

    def __init__(self) -> None:
        """Raises :class:`UnavailableError` when this Unicorn is not what the rest relies on."""
        abort.expect()
        try:
            engine: Any = unicorn.Uc(uc.UC_ARCH_X86, uc.UC_MODE_64)
            engine.ctl_set_tlb_mode(uc.UC_TLB_CPU)
            # No address ends the emulation: with one, Unicorn looks it up after each run and spoils the error code.
            engine.ctl_exits_enabled(True)
            engine.ctl_set_exits([])
        except (unicorn.UcError, AttributeError) as error:
            raise UnavailableError(f"Unicorn cannot start ({error}); {state.REMEDY}") from error
        self._engine = engine
        self._context = engine.context_save()
        self.state = state.find_state(self._engine, self._context, _REGISTER_IDS)
        self.general = self.state.general  #: RAX to R15 by index
        self.instructions = 0  #: executed so far
        self.page_root = Gpa(0)
        self._stop: Stop | None = None
        self._begun = 0  #: instructions begun when the stop was noted
        self._counter: Any = (0, 0)
        self._running = False
        self._hook()

    def _hook(self) -> None:
        add, engine = self._engine.hook_add, self._engine

        def note(stop: Stop) -> None:
            self._stop = stop
            self._begun = self._counter[0]  # the next instruction may be counted too, before the stop takes effect
            engine.emu_stop()

        def interrupt(_: Any, vector: int, __: Any) -> None:
            note(Stop(StopKind.FAULT, vector))

        def invalid(_: Any, __: Any) -> bool:
            note(Stop(StopKind.FAULT, 6))
            return True

        def port_out(_: Any, port: int, size: int, value: int, __: Any) -> None:
            note(Stop(StopKind.PORT_OUT, port, value, size, engine.reg_read(x86.UC_X86_REG_RIP)))

        def port_in(_: Any, port: int, size: int, __: Any) -> int:
            before = engine.reg_read(x86.UC_X86_REG_RAX)
            note(Stop(StopKind.PORT_IN, port, before, size, engine.reg_read(x86.UC_X86_REG_RIP)))
            return 0

        def memory(_: Any, access: int, address: int, size: int, __: int, ___: Any) -> bool:
            note(Stop(StopKind.PHYSICAL, 0, ACCESSES.index(_ACCESS.get(access, "accessed")), size, address))
            return False

        def simple(kind: StopKind) -> Callable[..., int]:
            def hook(*_: Any) -> int:
                note(Stop(kind))
                return 1  # CPUID: the instruction is done

            return hook

        add(uc.UC_HOOK_INTR, interrupt)
        add(uc.UC_HOOK_INSN_INVALID, invalid)
        add(uc.UC_HOOK_MEM_INVALID, memory)
        add(uc.UC_HOOK_INSN, port_out, None, 1, 0, x86.UC_X86_INS_OUT)
        add(uc.UC_HOOK_INSN, port_in, None, 1, 0, x86.UC_X86_INS_IN)
        for kind, instruction in (
            (StopKind.SYSCALL, x86.UC_X86_INS_SYSCALL),
            (StopKind.SYSENTER, x86.UC_X86_INS_SYSENTER),
            (StopKind.CPUID, x86.UC_X86_INS_CPUID),
        ):
            add(uc.UC_HOOK_INSN, simple(kind), None, 1, 0, instruction)

    # ---- set-up ----

    def attach(self, memory: Memory) -> None:
        """Gives the processor all regions of guest-physical memory. They must outlive its last run."""
        for region in memory.regions:
            self.attach_region(region)

    def attach_region(self, region: Region) -> None:
        """Gives the processor one region, with the guest's rights."""
        rights = uc.UC_PROT_READ | (uc.UC_PROT_WRITE if region.writable else 0)
        rights |= uc.UC_PROT_EXEC if region.executable else 0
        self._engine.mem_map_ptr(region.base, region.size, rights, region.pointer)

    def detach_region(self, region: Region) -> None:
        """Takes a region away again."""
        self._engine.mem_unmap(region.base, region.size)
        self._engine.ctl_flush_tb()

    def attach_device(
        self, base: Gpa, size: int, read: Callable[[int], int], write: Callable[[int, int], None]
    ) -> None:
        """Device registers of 32 bits: called with the offset (and the value) while the guest runs."""
        self._engine.mmio_map(
            base, size, lambda _, offset, __, ___: read(offset), None,
            lambda _, offset, __, value, ___: write(offset, value), None,
        )  # fmt: skip

    def enter_long_mode(self, table: Gva, limit: int, page_root: Gpa) -> None:
        """Turns on paging with these tables and the descriptor table at a virtual address."""
        write = self._engine.reg_write
        write(x86.UC_X86_REG_GDTR, (0, table, limit, 0))
        write(x86.UC_X86_REG_CR4, CR4)
        write(x86.UC_X86_REG_CR3, page_root)
        self._engine.msr_write(_EFER_MSR, EFER)
        write(x86.UC_X86_REG_CR0, CR0)
        self.page_root = page_root
        self._engine.context_update(self._context)

    def calibrate(self) -> None:
        """Finds the instruction counter by running the endless code at RIP; once, before :meth:`run`."""

        def start(count: int) -> None:
            self._engine.context_restore(self._context)
            self._engine.emu_start(self.state.rip, 0, count=count)

        self._counter = state.find_counter(self._engine, start)

    # ---- running ----

    def run(self, count: int) -> Stop:
        """Executes at most `count` instructions, at least 1, from RIP."""
        self._stop = None
        wrong = 0
        self.state.earlier_exception = -1
        self._engine.context_restore(self._context)
        self._running = True
        try:
            self._engine.emu_start(self.state.rip, 0, count=count)
        except unicorn.UcError as error:
            wrong = error.errno
        finally:
            self._running = False
            self._engine.context_update(self._context)
        stop = self._stop
        executed = min(self._counter) if stop is None else self._begun
        if stop is None:
            stop = Stop(StopKind.PHYSICAL) if wrong else Stop(StopKind.BUDGET, value=executed)
        elif stop.kind is StopKind.FAULT:
            stop = self._classify(stop.number)
        if stop.kind in (StopKind.FAULT, StopKind.PHYSICAL):
            executed = max(executed - 1, 0)  # the one that failed did not happen
        self.instructions += executed
        return stop

    def _classify(self, vector: int) -> Stop:
        if vector != 6 and self.state.is_software:
            return Stop(StopKind.SOFTWARE, vector)
        address = self._context.reg_read(x86.UC_X86_REG_CR2) if vector == 14 else 0
        return Stop(StopKind.FAULT, vector, self.state.error_code & 0xFFFF_FFFF, 0, address)

    def interrupt(self) -> None:
        """Called by a device while the guest runs: :meth:`run` returns after the present instruction."""
        # emu_stop would stop at this instruction, with the access done, and the next run would do it again.
        self._counter[1] = self._counter[0]

    @property
    def executed(self) -> int:
        """Instructions executed, also right now from a device's point of view."""
        return self.instructions + (self._counter[0] - 1 if self._running else 0)

    # ---- registers ----

    @property
    def rip(self) -> Gva:
        return Gva(self.state.rip)

    @rip.setter
    def rip(self, value: int) -> None:
        self.state.rip = value

    @property
    def privilege(self) -> int:
        """The privilege level, 0 to 3."""
        return self.state.hidden & _PRIVILEGE

    @property
    def flags(self) -> int:
        """RFLAGS."""
        return self._context.reg_read(x86.UC_X86_REG_EFLAGS)

    @flags.setter
    def flags(self, value: int) -> None:
        self._context.reg_write(x86.UC_X86_REG_EFLAGS, value & FLAGS_LOADABLE | FLAGS_FIXED)

    @property
    def interrupt_flag(self) -> bool:
        """RFLAGS.IF. The guest cannot change it; the processor itself never acts on it."""
        return bool(self.state.rflags & FLAG_IF)

    @interrupt_flag.setter
    def interrupt_flag(self, on: bool) -> None:
        self.state.rflags = self.state.rflags & ~FLAG_IF | (FLAG_IF if on else 0)

    @property
    def cs(self) -> int:
        return self.state.segments[_CS].selector

    @property
    def ss(self) -> int:
        return self.state.segments[_SS].selector

    @property
    def long_code(self) -> bool:
        """Whether 64-bit code runs, not 32-bit code of a user."""
        return bool(self.state.hidden & _CS64)

    @property
    def fs_base(self) -> Gva:
        return self.state.segments[_FS].base

    @fs_base.setter
    def fs_base(self, value: int) -> None:
        self.state.segments[_FS].base = value

    @property
    def gs_base(self) -> Gva:
        return self.state.segments[_GS].base

    @gs_base.setter
    def gs_base(self, value: int) -> None:
        self.state.segments[_GS].base = value

    def load_code(self, cs: int, code: int, ss: int, stack: int) -> None:
        """CS and SS with their descriptors, and the privilege level in the selector of CS, without any check."""
        for index, selector, descriptor in ((_CS, cs, code), (_SS, ss, stack)):
            segment = self.state.segments[index]
            segment.selector = selector
            segment.base = descriptor >> 16 & 0xFF_FFFF | descriptor >> 32 & 0xFF00_0000
            segment.flags = descriptor >> 32
            # Every segment has a limit in pages or is flat; checks of limits in 32-bit code are Unicorn's.
            segment.limit = (descriptor & 0xFFFF | descriptor >> 32 & 0xF_0000) << 12 | 0xFFF
        hidden = self.state.hidden & ~(_PRIVILEGE | _CS32 | _SS32 | _ADD_SEGMENT | _CS64) | _CS32 | _SS32 | cs & 3
        if is_long(code):
            hidden |= _CS64
        elif any(self.state.segments[index].base for index in (0, _SS, 3)):
            hidden |= _ADD_SEGMENT
        self.state.hidden = hidden

    def set_page_root(self, root: Gpa) -> None:
        """Loads CR3 and forgets all translations."""
        self.page_root = root
        self._engine.context_restore(self._context)
        self._engine.reg_write(x86.UC_X86_REG_CR3, root)
        self._engine.context_update(self._context)

    def set_fpu_trap(self, on: bool) -> None:
        """CR0.TS."""
        self._engine.context_restore(self._context)
        self._engine.reg_write(x86.UC_X86_REG_CR0, CR0 | (CR0_TS if on else 0))
        self._engine.context_update(self._context)

    def forget_code(self) -> None:
        """After the host wrote memory that may hold code."""
        self._engine.ctl_flush_tb()

    def close(self) -> None:
        """Lets go of the emulator. No call is allowed afterwards."""
        self._engine = None
