# SPDX-License-Identifier: MIT
"""A processor without paging and a PC's timers, to call the functions of a classic ROM one at a time.

Memory below 1 MiB stands at PAGE_OFFSET, the ROM is read-only, a page for a local APIC is at APIC. The TSC advances by
`step` at every reading, every port and every access to the APIC, so all times are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from unicorn import (
    UC_ARCH_X86,
    UC_HOOK_CODE,
    UC_HOOK_INSN,
    UC_HOOK_MEM_WRITE,
    UC_MODE_32,
    UC_PROT_ALL,
    UC_PROT_EXEC,
    UC_PROT_READ,
    Uc,
)
from unicorn import x86_const as x

from openvmi.abi.classic import Call
from openvmi.classic.image import ClassicRom

PAGE_OFFSET = 0xC0000000
BASES = (0xC00C8000, 0xC00CB800)
APIC = 0xFFFFB000
STATE = PAGE_OFFSET + 0x600
TABLES = PAGE_OFFSET + 0x90000  #: room for what a test puts into memory
_STACK = PAGE_OFFSET + 0x80000
_RETURN = PAGE_OFFSET + 0xA0000
PIT_HZ = 1193182
ROUNDS = 2_000_000  #: instructions a call may take

REGISTERS = ("eax", "ebx", "ecx", "edx", "esi", "edi", "ebp")
KEPT = ("ebx", "esi", "edi", "ebp")
_NUMBERS = {name: getattr(x, f"UC_X86_REG_{name.upper()}") for name in (*REGISTERS, "esp", "eflags", "eip")}
LVTT, ICR, TMICT, TMCCT, TDCR = 0x320, 0x300, 0x380, 0x390, 0x3E0
_DIVIDERS = {3: 16, 8: 32}


@dataclass
class Clocks:
    """What the ROM measures: TSC, 8254 channel 2 behind port 0x61, the APIC's timer, the real-time clock."""

    hz: int = 1_000_000_000
    step: int = 100
    apic_hz: int = 100_000_000
    tsc: int = 0x1_2345_6789
    port_61: int = 0x0E  #: bits 0 to 3, as written
    stuck: int | None = None  #: OUT of channel 2, if it does not move
    fold: int | None = None  #: what mode 6 reads back as
    rtc: dict[int, int] = field(default_factory=dict)
    apic: dict[int, int] = field(default_factory=dict)
    accesses: list[tuple[int, int]] = field(default_factory=list)  #: writes to the APIC: register, value
    written: list[tuple[int, int]] = field(default_factory=list)  #: to ports: port, value
    inputs: dict[int, Callable[[], int]] = field(default_factory=dict)
    apic_since: int = 0
    _index: int = 0
    _latch: list[int] = field(default_factory=list)
    _start: int = 0
    _status: bool = False

    def advance(self) -> int:
        self.tsc += self.step
        return self.tsc

    def port_in(self, _uc: Uc, port: int, size: int, _data: object) -> int:
        now = self.advance()
        if port in self.inputs:
            return self.inputs[port]()
        if port == 0x61:
            ticks = (now - self._start) * PIT_HZ // self.hz
            out = ticks >= (self._latch[1] << 8 | self._latch[0]) if len(self._latch) == 2 else 0
            return self.port_61 | 0x10 | (int(out) if self.stuck is None else self.stuck) << 5
        if port == 0x71:
            return self.rtc.get(self._index, 0)
        if port == 0x40 and self._status:
            self._status = False
            return (6 if self.fold is None else self.fold) << 1 | 0x30
        return (1 << 8 * size) - 1

    def port_out(self, _uc: Uc, port: int, size: int, value: int, _data: object) -> None:
        now = self.advance()
        value &= (1 << 8 * size) - 1
        self.written.append((port, value))
        if port == 0x61:
            self.port_61 = value
        elif port == 0x70:
            self._index = value
        elif port == 0x43:
            self._status = value == 0xE2
            if value == 0xB0:
                self._latch = []
        elif port == 0x42:
            self._latch.append(value)
            self._start = now

    def apic_read(self, _uc: Uc, offset: int, _size: int, _data: object) -> int:
        now = self.advance()
        if offset == TMCCT:
            divider = _DIVIDERS[self.apic.get(TDCR, 0)]
            left = self.apic.get(TMICT, 0) - (now - self.apic_since) * self.apic_hz // divider // self.hz
            return max(left, 0)
        return self.apic.get(offset, 0)

    def apic_write(self, _uc: Uc, offset: int, _size: int, value: int, _data: object) -> None:
        self.apic_since = self.advance()
        self.apic[offset] = value
        self.accesses.append((offset, value))

    def outs(self, *ports: int) -> list[tuple[int, int]]:
        return [each for each in self.written if each[0] in ports]


class Cpu:
    """One ROM at one place. `call` runs a function of it as a client would."""

    def __init__(self, rom: ClassicRom, base: int, clocks: Clocks | None = None, tsc: bool = True,
                 memory: bool = True) -> None:
        self.base = base
        self.clocks = clocks or Clocks()
        self.stores: list[tuple[int, int, int]] = []  #: address, size, value; not those to the stack
        self.apic_id = 0
        self._tsc = tsc
        self.uc = uc = Uc(UC_ARCH_X86, UC_MODE_32)
        if memory:
            uc.mem_map(PAGE_OFFSET, 0x1000)
        else:
            uc.mmio_map(PAGE_OFFSET, 0x1000, lambda *_: 0xFFFFFFFF, None, lambda *_: None, None)
        uc.mem_map(PAGE_OFFSET + 0x1000, 0xBF000)
        start = base & ~0xFFF
        uc.mem_map(start, 0x3000, UC_PROT_ALL)
        uc.mem_write(base, rom.data)
        uc.mem_protect(start, 0x3000, UC_PROT_READ | UC_PROT_EXEC)
        uc.mmio_map(APIC, 0x1000, self.clocks.apic_read, None, self.clocks.apic_write, None)
        uc.hook_add(UC_HOOK_INSN, self.clocks.port_in, None, 1, 0, x.UC_X86_INS_IN)
        uc.hook_add(UC_HOOK_INSN, self.clocks.port_out, None, 1, 0, x.UC_X86_INS_OUT)
        uc.hook_add(UC_HOOK_INSN, self._cpuid, None, 1, 0, x.UC_X86_INS_CPUID)
        uc.hook_add(UC_HOOK_CODE, self._before, None, start, start + 0x2FFF)
        uc.hook_add(UC_HOOK_MEM_WRITE, self._store, None, 1, 0)

    def _before(self, uc: Uc, address: int, size: int, _data: object) -> None:
        self.count += 1
        if size == 2 and bytes(uc.mem_read(address, 2)) == b"\x0f\x31":  # rdtsc
            now = self.clocks.advance()
            self.put(eax=now & 0xFFFFFFFF, edx=now >> 32 & 0xFFFFFFFF, eip=address + 2)

    def _cpuid(self, _uc: Uc, _data: object) -> bool:
        if self.get("eax") == 1:
            self.put(eax=0x633, ebx=self.apic_id << 24, ecx=0, edx=0x10 if self._tsc else 0)
        else:
            self.put(eax=0x11, ebx=0x22, ecx=0x33, edx=0x44)
        return True

    def _store(self, _uc: Uc, _access: int, address: int, size: int, value: int, _data: object) -> None:
        if not _STACK - 0x1000 <= address < _STACK + 0x1000:
            self.stores.append((address, size, value & (1 << 8 * size) - 1))

    def put(self, **registers: int) -> None:
        for name, value in registers.items():
            self.uc.reg_write(_NUMBERS[name], value)

    def get(self, name: str) -> int:
        return int(self.uc.reg_read(_NUMBERS[name])) & 0xFFFFFFFF

    def write(self, address: int, *words: int) -> None:
        self.uc.mem_write(address, b"".join(word.to_bytes(4, "little") for word in words))

    def read(self, address: int, size: int = 4) -> int:
        return int.from_bytes(self.uc.mem_read(address, size), "little")

    def reloc(self, number: int) -> tuple[int, int]:
        """Type and address that get_reloc answers."""
        after = self.run(self.base + 0x88, eax=number)
        return after["edx"], after["eax"]

    def init(self) -> int:
        return self.run(self.base + 0x80)["eax"]

    def call(self, call: Call, *stack: int, flags: int = 0x202, **registers: int) -> dict[str, int]:
        """Calls as clients do: arguments in registers and on the stack. Returns all registers and flags."""
        kind, address = self.reloc(call)
        assert kind == 1, call
        return self.run(address, *stack, flags=flags, **registers)

    def run(self, address: int, *stack: int, flags: int = 0x202, **registers: int) -> dict[str, int]:
        """Registers that are not given have values of their own. ESP must come back as after RET."""
        before = {name: 0x11111111 * (at + 7) & 0xFFFFFFFF for at, name in enumerate(REGISTERS)} | registers
        self.put(**before, esp=_STACK, eflags=flags)
        self.write(_STACK, _RETURN, *stack)
        self.stores.clear()
        self.count = 0
        self.before = before
        self.uc.emu_start(address, _RETURN, count=ROUNDS)
        assert self.get("eip") == _RETURN, f"stopped at {self.get('eip'):#x}"
        assert self.get("esp") == _STACK + 4, "the caller pops the stack arguments"
        assert [self.read(_STACK + 4 + 4 * at) for at in range(len(stack))] == list(stack)
        return {name: self.get(name) for name in (*REGISTERS, "eflags")}

    def measured(self, khz: int = 1_000_000) -> None:
        """State as vmi_init leaves it for this many TSC ticks in a millisecond."""
        ratio = (PIT_HZ << 32) // (khz * 1000)
        self.write(STATE, khz, ratio, 0, APIC, 0x564D4933 - khz - ratio & 0xFFFFFFFF, 0)
