# SPDX-License-Identifier: MIT
"""What is done about each exit from the guest, and how each is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from openvmi.abi import names
from openvmi.hypervisors.base import Ending
from openvmi.hypervisors.emu import layout, private, segments, traps
from openvmi.hypervisors.emu.cpu import ACCESSES, RAX, RBX, RCX, RDX, Stop, StopKind
from openvmi.hypervisors.emu.cpuid import cpuid
from openvmi.hypervisors.emu.emulate import Emulator
from openvmi.hypervisors.emu.ending import GuestEnd
from openvmi.hypervisors.emu.hypercalls import Hypercalls
from openvmi.units import PAGE_SIZE, Gva

if TYPE_CHECKING:
    from openvmi.hypervisors.emu.machine import EmuMachine

_PRIVILEGED_FAULTS = (traps.NOT_PRESENT, traps.PROTECTION)
_LOW = 0xFFFF_FFFF


class Exits:
    """The handlers, for one machine."""

    def __init__(self, machine: EmuMachine) -> None:
        self._machine = machine
        self._vcpu = machine.vcpu
        self._cpu = machine.vcpu.cpu
        self._count = machine.count
        self._calls = Hypercalls(machine)
        self._emulator = Emulator(machine.vcpu, machine.msrs, machine.clock, self._halt)
        self._handlers: dict[StopKind, Callable[[Stop], None]] = {
            StopKind.BUDGET: self._on_budget, StopKind.PORT_OUT: self._on_out, StopKind.PORT_IN: self._on_in,
            StopKind.FAULT: self._on_fault, StopKind.SOFTWARE: self._on_software, StopKind.SYSCALL: self._on_syscall,
            StopKind.SYSENTER: self._on_sysenter, StopKind.CPUID: self._on_cpuid, StopKind.PHYSICAL: self._on_physical,
        }  # fmt: skip

    def handle(self, stop: Stop) -> None:
        """Does what the exit asks for. Raises :class:`GuestEnd` when the guest ends by it."""
        self._handlers[stop.kind](stop)

    def _halt(self) -> None:
        self._machine.halted = True

    def _on_budget(self, stop: Stop) -> None:
        if not stop.value:
            raise GuestEnd(Ending.CRASH, f"the guest cannot go on at {self._cpu.rip:#x}")

    def _on_out(self, stop: Stop) -> None:
        if self._machine.config.rom is not None and self._cpu.privilege != 3:
            if stop.number == private.EMU_PORT:
                self._calls.perform()
                return
            if stop.number == private.EMU_DELIVER_PORT:
                self._count("deliver")  # what is pending is delivered after every OUT
                return
        if self._refuse_port(stop):
            return
        self._count("port out")
        self._machine.pc.write_port(stop.number, stop.value & (1 << 8 * stop.size) - 1)

    def _on_in(self, stop: Stop) -> None:
        self._cpu.general[RAX] = stop.value
        if self._refuse_port(stop):
            return
        self._count("port in")
        mask = (1 << 8 * stop.size) - 1
        value = self._machine.pc.read_port(stop.number) & mask
        # A 32-bit result clears the upper half, narrower ones leave the rest.
        self._cpu.general[RAX] = value if stop.size == 4 else stop.value & ~mask | value

    def _refuse_port(self, stop: Stop) -> bool:
        """General protection for user mode, which has no ports, and for the string forms, which nobody needs here."""
        code = self._vcpu.space.read(Gva(stop.address), min(2, PAGE_SIZE - stop.address % PAGE_SIZE)) or b"\0"
        string = any(byte in b"\x6c\x6d\x6e\x6f" for byte in (code[:1] if code[0] not in b"\xf2\xf3\x66" else code[1:]))
        if self._cpu.privilege != 3 and not string:
            return False
        self._cpu.rip = stop.address
        self._trap(traps.PROTECTION, 0)
        return True

    def _trap(self, vector: int, error: int) -> None:
        self._count("page fault" if vector == traps.PAGE_FAULT else f"trap {vector}")
        traps.deliver(self._vcpu, vector, error)

    def _on_fault(self, stop: Stop) -> None:
        vector = stop.number
        if vector == traps.PAGE_FAULT:
            self._vcpu.share_fault(Gva(stop.address))
        elif vector in _PRIVILEGED_FAULTS:
            done = self._emulator.emulate()
            if done:
                self._count(f"native {done}")
                return
            if self._new_slot(stop.value):
                return
            if vector == traps.NOT_PRESENT and not self._vcpu.linked and self._cpu.privilege == 3:
                if self._vcpu.segments.show_code():
                    return  # a segment that is absent for the host's sake: user mode may read by it, or go there
            elif vector == traps.NOT_PRESENT and not self._vcpu.linked:
                # Code segments are absent for the host's sake only: what was refused is the frame of an IRET.
                self._trap(traps.PROTECTION, 0)
                return
        elif vector == traps.INVALID_OPCODE and self._vcpu.space.read(self._cpu.rip, 2) == b"\xcd\x06":
            self._cpu.rip += 2  # INT 6 comes the same way
            self._on_software(Stop(StopKind.SOFTWARE, vector))
            return
        self._trap(vector, stop.value)

    def _new_slot(self, selector: int) -> bool:
        """Whether a load failed only because the guest wrote the descriptor into a table of its own."""
        slot = selector - (segments.SLOT_BASE & ~7)
        if self._vcpu.linked or not 0 <= slot < 8 * names.DESCRIPTOR_SLOTS:
            return False
        return self._vcpu.refresh_slots()

    def _on_software(self, stop: Stop) -> None:
        before = self._vcpu.space.read(Gva(self._cpu.rip - 1), 1)
        self._count(f"trap {stop.number}")
        traps.software(self._vcpu, stop.number, 1 if stop.number == traps.BREAKPOINT and before == b"\xcc" else 2)

    def _on_syscall(self, _: Stop) -> None:
        self._count("syscall")
        traps.system_call(self._vcpu, self._machine.msrs.syscall_entry, self._machine.msrs.syscall_mask)

    def _on_sysenter(self, _: Stop) -> None:
        self._cpu.rip -= 2
        self._trap(traps.INVALID_OPCODE, 0)

    def _on_cpuid(self, _: Stop) -> None:
        self._count("cpuid")
        general = self._cpu.general
        result = cpuid(general[RAX] & _LOW, general[RCX] & _LOW)
        general[RAX], general[RBX], general[RCX], general[RDX] = result

    def _on_physical(self, stop: Stop) -> None:
        where = next(
            (text for base, size, text in layout.PROTECTED if base <= stop.address < base + size),
            f"guest-physical {stop.address:#x}, where no memory is (it has {self._machine.config.memory:#x} bytes)",
        )
        raise GuestEnd(Ending.CRASH, f"the guest {ACCESSES[stop.value]} {where} at {self._cpu.rip:#x}")
