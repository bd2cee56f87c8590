# SPDX-License-Identifier: MIT
"""The virtual processor: what the guest has told about its handlers and stacks, and where its interrupt flag lives.

Not linked (`linked` is false), the state is that of a bare processor: descriptor tables, task register, system call
registers, and the interrupt flag in RFLAGS. Linked, the guest has given handlers through calls, and the interrupt flag
is in the ROM's part of the VCPU block, where the guest changes it without leaving.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from openvmi.abi import names
from openvmi.hypervisors.emu import private
from openvmi.hypervisors.emu.cpu import Cpu
from openvmi.hypervisors.emu.segments import SLOT_BASE, DescriptorTable
from openvmi.machine.memory import Memory
from openvmi.machine.paging import AddressSpace, canonical
from openvmi.units import Gpa, Gva

_WAITING = private.EMU_HIGH_WAITING << 8
_BLOCK_ALIGNMENT = 64


class Gate(NamedTuple):
    """One handler of TrapTableSet."""

    handler: Gva
    user: bool  #: INT may raise it from user mode


class Table(NamedTuple):
    """What LGDT or LIDT loaded."""

    base: Gva = Gva(0)
    limit: int = 0


class Vcpu:
    """State beyond the registers. The only VCPU, number 0."""

    def __init__(self, cpu: Cpu, memory: Memory, segments: DescriptorTable) -> None:
        self.cpu = cpu
        self.memory = memory
        self.segments = segments
        self.space = AddressSpace(memory.read, memory.write, lambda: cpu.page_root)
        self.linked = False
        self.fault_address = Gva(0)
        self.shadow = False  #: STI was the last instruction: nothing is delivered before the next one
        # Given by calls.
        self.gates: dict[int, Gate] = {}
        self.syscall_entry = Gva(0)
        self.kernel_stack = Gva(0)
        self.block = Gva(0)
        self._shared: Gpa | None = None
        # As on a bare processor.
        self.gdt = Table()
        self.idt = Table()
        self.task = Gva(0)
        self.kernel_gs = Gva(0)
        self.fpu_trap = False
        self._slots_seen: bytes | None = None  #: what the guest's own table last said of the slots

    # ---- the ROM's part of the block ----

    def init_block(self, block: int) -> bool:
        """VcpuInit. False when the block cannot be one."""
        if block % _BLOCK_ALIGNMENT or not canonical(block):
            return False
        shared = self.space.translate(Gva(block + names.VCPU_ROM_OFFSET), write=True)
        if shared is None or not self.memory.write(shared, bytes(private.EMU_VCPU_SIZE)):
            return False
        self.block, self._shared = Gva(block), shared
        self.cpu.gs_base = block
        self.share_page_root()
        return True

    def _get(self, offset: int) -> int:
        raw = None if self._shared is None else self.memory.read(Gpa(self._shared + offset), 8)
        return int.from_bytes(raw, "little") if raw else 0

    def _put(self, offset: int, value: int) -> None:
        if self._shared is not None:
            self.memory.write(Gpa(self._shared + offset), struct.pack("<Q", value))

    @property
    def user_gs(self) -> int:
        """What GS becomes on the return to user mode."""
        return self._get(private.EMU_USER_GS) if self.linked else self.kernel_gs

    @user_gs.setter
    def user_gs(self, value: int) -> None:
        if self.linked:
            self._put(private.EMU_USER_GS, value)
        else:
            self.kernel_gs = Gva(value)

    def share_fault(self, address: Gva) -> None:
        """Keeps the address of a page fault where FaultAddressRead and CR2 find it."""
        self.fault_address = address
        self._put(private.EMU_FAULT_ADDRESS, address)

    def share_page_root(self) -> None:
        """Keeps the page root where AddressSpaceRead finds it."""
        self._put(private.EMU_PAGE_ROOT, self.cpu.page_root)

    # ---- the interrupt flag ----

    @property
    def interrupts(self) -> bool:
        """The virtual interrupt flag."""
        if not self.linked:
            return self.cpu.interrupt_flag
        return bool(self._get(private.EMU_FLAGS) & names.FLAG_IF)

    @interrupts.setter
    def interrupts(self, on: bool) -> None:
        if not self.linked:
            self.cpu.interrupt_flag = on
        else:
            word = self._get(private.EMU_FLAGS)
            self._put(private.EMU_FLAGS, word & ~names.FLAG_IF | (names.FLAG_IF if on else 0))

    def set_waiting(self, on: bool) -> None:
        """Tells the ROM whether enabling interrupts must ask for a delivery."""
        if self.linked:
            word = self._get(private.EMU_FLAGS)
            if bool(word & _WAITING) != on:
                self._put(private.EMU_FLAGS, word ^ _WAITING)

    @property
    def flags(self) -> int:
        """RFLAGS with the virtual interrupt flag in its place."""
        return self.cpu.flags & ~names.FLAG_IF | (names.FLAG_IF if self.interrupts else 0)

    def load_flags(self, value: int) -> None:
        """Restores RFLAGS and the virtual interrupt flag from a frame."""
        self.cpu.flags = value
        if self.linked:
            self.cpu.interrupt_flag = True  # what PUSHFQ shows; nothing depends on it
        self.interrupts = bool(value & names.FLAG_IF)

    def refresh_slots(self) -> bool:
        """Takes the descriptors of the guest's own table into the slots. Whether that changed anything."""
        start = SLOT_BASE & ~7
        if start + 8 * names.DESCRIPTOR_SLOTS - 1 > self.gdt.limit:
            return False
        raw = self.space.read(Gva(self.gdt.base + start), 8 * names.DESCRIPTOR_SLOTS)
        if raw == self._slots_seen:
            return False
        self._slots_seen, before = raw, self.segments.slots
        if raw is not None:
            self.segments.set_slots(0, list(struct.unpack(f"<{names.DESCRIPTOR_SLOTS}Q", raw)))
        return self.segments.slots != before

    def link(self, on: bool) -> None:
        """Changes between calls and trap-and-emulate for traps, interrupts and returns."""
        self.linked = on
        self.segments.emulate_loads(not on)
        self.cpu.interrupt_flag = on
