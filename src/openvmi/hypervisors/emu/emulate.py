# SPDX-License-Identifier: MIT
"""Privileged instructions of a kernel in ring 1: each faults, is decoded here, and done on the virtual processor.

What a processor would refuse in ring 0 is refused too: general protection in the guest. Instructions: Intel SDM
volume 2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openvmi.hypervisors.emu import cpu as processor
from openvmi.hypervisors.emu import traps
from openvmi.hypervisors.emu.clock import Clock
from openvmi.hypervisors.emu.cpu import RAX, RCX, RDX, RSP
from openvmi.hypervisors.emu.msrs import TSC_AUX, Msrs
from openvmi.hypervisors.emu.state import REGISTERS
from openvmi.hypervisors.emu.vcpu import Table, Vcpu
from openvmi.machine.paging import ADDRESS, canonical
from openvmi.units import PAGE_MASK, PAGE_SIZE, Gpa, Gva

_LONGEST = 15  #: bytes of an instruction
_CACHE_LIMIT = 4096
_LOW = 0xFFFF_FFFF
_REGISTER = 1  #: capstone.x86.X86_OP_REG, the type of an operand
_SYSTEM = ("cr", "dr")  #: how the names of control and debug registers begin
_CR4_REQUIRED = 1 << 5  #: PAE
_CR4_ALLOWED = processor.CR4 | 0x7FF


class Emulator:
    """Decodes and executes. `halt` is called for HLT."""

    def __init__(self, vcpu: Vcpu, msrs: Msrs, clock: Clock, halt: Callable[[], None]) -> None:
        self._vcpu = vcpu
        self._cpu = vcpu.cpu
        self._msrs = msrs
        self._clock = clock
        self._halt = halt
        self._decoder: Any = None
        self._cache: dict[bytes, Any] = {}
        self._cr4 = processor.CR4 & ~(1 << 2)  # without TSD: the guest's counter is its own
        self._debug: dict[str, int] = {}
        self._actions: dict[str, Callable[[Any], bool]] = {
            "cli": self._cli, "sti": self._sti, "hlt": self._hlt, "mov": self._mov, "lgdt": self._lgdt,
            "lidt": self._lidt, "ltr": self._ltr, "lldt": self._lldt, "wrmsr": self._wrmsr, "rdmsr": self._rdmsr,
            "invlpg": self._flush, "wbinvd": lambda _: True, "invd": lambda _: True, "clts": self._clts,
            "lmsw": self._lmsw, "swapgs": self._swapgs, "iretq": self._iretq, "sysretq": self._sysretq,
            "rdtsc": self._rdtsc, "rdtscp": self._rdtscp,
        }  # fmt: skip

    def emulate(self) -> str | None:
        """Does the instruction at RIP and returns what it was; None when it is not one of these, or is refused."""
        instruction = self._decode()
        if instruction is None:
            return None
        name = instruction.mnemonic
        action = self._actions.get(name)
        if action is None or (self._cpu.privilege == 3 and name not in ("rdtsc", "rdtscp")):
            return None
        at = self._cpu.rip
        self._cpu.rip = at + instruction.size
        if not action(instruction):
            self._cpu.rip = at
            return None
        self._cpu.instructions += 1
        if name == "mov":
            name += " " + next(op for op in instruction.op_str.split(", ") if op.startswith(_SYSTEM))
        return name

    def _decode(self) -> Any:
        if self._decoder is None:
            import capstone

            self._decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
            self._decoder.detail = True
        space, rip = self._vcpu.space, self._cpu.rip
        data = space.read(rip, _LONGEST) or space.read(rip, min(_LONGEST, PAGE_SIZE - (rip & PAGE_MASK))) or b""
        if data not in self._cache:
            if len(self._cache) >= _CACHE_LIMIT:
                self._cache.clear()
            self._cache[data] = next(self._decoder.disasm(data, 0, 1), None)
        return self._cache[data]

    # ---- operands ----

    def _register(self, instruction: Any, number: int) -> int:
        """Index of a 64-bit (or narrower) general register."""
        name = instruction.reg_name(number)
        if name not in REGISTERS:
            name = {"e": "r" + name[1:], "r": name.rstrip("dw")}.get(name[0], "r" + name)
        return REGISTERS.index(name)

    def _address(self, instruction: Any) -> Gva:
        """Effective address of the memory operand, RIP being after the instruction."""
        memory = instruction.operands[0].mem
        address = memory.disp
        for number, scale in ((memory.base, 1), (memory.index, memory.scale)):
            name = instruction.reg_name(number) if number else "riz"
            if name in ("rip", "eip"):
                address += self._cpu.rip
            elif name not in ("riz", "eiz"):  # capstone's names for no register
                address += self._cpu.general[self._register(instruction, number)] * scale
        if memory.segment:
            address += {"fs": self._cpu.fs_base, "gs": self._cpu.gs_base}.get(instruction.reg_name(memory.segment), 0)
        return Gva(address & (1 << 64) - 1)

    def _word(self, instruction: Any) -> int | None:
        """A 16-bit operand, register or memory."""
        operand = instruction.operands[0]
        if operand.type == _REGISTER:
            return self._cpu.general[self._register(instruction, operand.reg)] & 0xFFFF
        raw = self._vcpu.space.read(self._address(instruction), 2)
        return None if raw is None else int.from_bytes(raw, "little")

    def _load_table(self, instruction: Any) -> Table | None:
        raw = self._vcpu.space.read(self._address(instruction), 10)
        if raw is None:
            return None
        base = int.from_bytes(raw[2:], "little")
        return Table(Gva(base), int.from_bytes(raw[:2], "little")) if canonical(base) else None

    # ---- interrupts ----

    def _cli(self, _: Any) -> bool:
        self._vcpu.interrupts = False
        return True

    def _sti(self, _: Any) -> bool:
        self._vcpu.shadow = not self._vcpu.interrupts
        self._vcpu.interrupts = True
        return True

    def _hlt(self, _: Any) -> bool:
        self._halt()
        return True

    def _iretq(self, _: Any) -> bool:
        return not self._vcpu.linked and traps.interrupt_return(self._vcpu, self._cpu.general[RSP])

    def _sysretq(self, _: Any) -> bool:
        return not self._vcpu.linked and traps.system_return(self._vcpu)

    def _swapgs(self, _: Any) -> bool:
        vcpu, cpu = self._vcpu, self._cpu
        vcpu.user_gs, cpu.gs_base = cpu.gs_base, Gva(vcpu.user_gs)
        return True

    # ---- tables ----

    def _lgdt(self, instruction: Any) -> bool:
        table = self._load_table(instruction)
        if table is not None:
            self._vcpu.gdt = table
        return table is not None

    def _lidt(self, instruction: Any) -> bool:
        table = self._load_table(instruction)
        if table is not None:
            self._vcpu.idt = table
        return table is not None

    def _ltr(self, instruction: Any) -> bool:
        selector = self._word(instruction)
        gdt = self._vcpu.gdt
        if not selector or selector & 4 or (selector & ~7) + 15 > gdt.limit:
            return False
        raw = self._vcpu.space.read(Gva(gdt.base + (selector & ~7)), 16)
        if raw is None or raw[5] & 0x9F not in (0x89, 0x8B):  # present 64-bit task state, available or busy
            return False
        self._vcpu.task = Gva(int.from_bytes(raw[2:5] + raw[7:12], "little"))
        return True

    def _lldt(self, instruction: Any) -> bool:
        return self._word(instruction) == 0

    # ---- registers ----

    def _wrmsr(self, _: Any) -> bool:
        general = self._cpu.general
        return self._msrs.write(general[RCX] & _LOW, general[RAX] & _LOW | (general[RDX] & _LOW) << 32)

    def _rdmsr(self, _: Any) -> bool:
        value = self._msrs.read(self._cpu.general[RCX] & _LOW)
        return value is not None and self._split(value)

    def _rdtsc(self, _: Any) -> bool:
        return self._split(self._clock.now())

    def _rdtscp(self, _: Any) -> bool:
        self._cpu.general[RCX] = (self._msrs.read(TSC_AUX) or 0) & _LOW
        return self._split(self._clock.now())

    def _split(self, value: int) -> bool:
        self._cpu.general[RAX], self._cpu.general[RDX] = value & _LOW, value >> 32 & _LOW
        return True

    def _flush(self, _: Any) -> bool:
        self._cpu.set_page_root(self._cpu.page_root)
        return True

    def _fpu_trap(self, on: bool) -> bool:
        self._vcpu.fpu_trap = on
        self._cpu.set_fpu_trap(on)
        return True

    def _clts(self, _: Any) -> bool:
        return self._fpu_trap(False)

    def _lmsw(self, instruction: Any) -> bool:
        word = self._word(instruction)
        return word is not None and self._fpu_trap(bool(word & processor.CR0_TS))

    def _mov(self, instruction: Any) -> bool:
        if any(operand.type != _REGISTER for operand in instruction.operands):
            return False  # not what faulted: tables changed without a flush. A number is no name of a register
        to, source = (operand.reg for operand in instruction.operands)
        names = [instruction.reg_name(register) or "" for register in (to, source)]
        if names[0].startswith(_SYSTEM):
            return self._write_register(names[0], self._cpu.general[self._register(instruction, source)])
        value = self._read_register(names[1]) if names[1].startswith(_SYSTEM) else None
        if value is not None:
            self._cpu.general[self._register(instruction, to)] = value
        return value is not None

    def _read_register(self, name: str) -> int | None:
        if name.startswith("dr"):
            return self._debug.get(name, 0)
        vcpu = self._vcpu
        return {
            "cr0": processor.CR0 | (processor.CR0_TS if vcpu.fpu_trap else 0),
            "cr2": vcpu.fault_address,
            "cr3": self._cpu.page_root,
            "cr4": self._cr4,
            "cr8": 0,
        }.get(name)

    def _write_register(self, name: str, value: int) -> bool:
        if name.startswith("dr"):
            self._debug[name] = value  # kept; the emulator has no hardware breakpoints
        elif name == "cr0":
            return value & ~processor.CR0_TS == processor.CR0 and self._fpu_trap(bool(value & processor.CR0_TS))
        elif name == "cr2":
            self._vcpu.share_fault(Gva(value))
        elif name == "cr3":
            self._cpu.set_page_root(Gpa(value & ADDRESS))
            self._vcpu.share_page_root()
        elif name == "cr4":
            if not value & _CR4_REQUIRED or value & ~_CR4_ALLOWED:
                return False
            self._cr4 = value
            self._flush(None)
        else:
            return name == "cr8" and value == 0
        return True
