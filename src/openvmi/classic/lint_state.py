# SPDX-License-Identifier: MIT
"""What is known of registers and stack at a place of a classic ROM's code."""

from __future__ import annotations

from typing import Any

from capstone import x86

from openvmi.classic.lint_value import (
    IMAGE,
    RETURN,
    STACK,
    WORD,
    Value,
    add,
    join,
    made,
    place,
    rom_area,
    signed,
    single,
    tags,
    times,
    value,
)
from openvmi.classic.lint_value import MASK as WHOLE
from openvmi.rom.lint.instruction import PARTS

EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI = range(8)
#: Words of a frame that IRET takes from user mode's stack back: EIP, CS, EFLAGS, ESP, SS.
FRAME = tuple(WORD * each for each in range(5))
_IMM, _REG, _MEM = x86.X86_OP_IMM, x86.X86_OP_REG, x86.X86_OP_MEM
#: Segments whose base nobody knows here.
OTHER_SEGMENTS = (x86.X86_REG_FS, x86.X86_REG_GS)
_HIGH = frozenset((x86.X86_REG_AH, x86.X86_REG_CH, x86.X86_REG_DH, x86.X86_REG_BH))
#: Stores of more bytes, or of nobody knows how many, are not followed to the byte.
_LONGEST = 4096


class State:
    """`stack` has what was stored there, by bytes above the entry's stack pointer.

    `tested`: register and mask, when the flags tell of their AND. Of the instruction that was applied last: `text`,
    where in the image it wrote; `high`, the byte behind the highest of the stack that it wrote.
    """

    __slots__ = ("high", "registers", "stack", "tested", "text")

    def __init__(self, registers: list[Value], stack: dict[int, Value]) -> None:
        self.registers, self.stack = registers, stack
        self.tested: tuple[int, int] | None = None
        self.text, self.high = "", -WHOLE

    @classmethod
    def entry(cls, frame: int | None) -> State:
        """Where a client comes in. `frame`: how far above the stack pointer the one of its interrupt return is."""
        registers = [value("entry", number) for number in range(8)]
        registers[ESP] = value("stack", 0)
        stack = {0: RETURN} if frame != 0 else {}
        if frame is not None:
            stack |= {frame + each: value("frame", each) for each in FRAME}
        return cls(registers, stack)

    def copy(self) -> State:
        """One that can be changed."""
        found = State(self.registers.copy(), self.stack.copy())
        found.tested = self.tested
        return found

    def join(self, other: State) -> bool:
        """Keeps what holds in both; whether that is less than it was."""
        less = False
        for number, its in enumerate(other.registers):
            mine = self.registers[number]
            if mine != its and (both := join(mine, its)) != mine:
                self.registers[number], less = both, True
        for at in self.stack.keys() | other.stack.keys():
            mine, its = self.stack.get(at), other.stack.get(at)
            if mine != its and (both := join(mine, its)) != mine:
                less = True
                if both is None:
                    del self.stack[at]
                else:
                    self.stack[at] = both
        if self.tested is not None and self.tested != other.tested:
            self.tested, less = None, True
        return less

    @property
    def depth(self) -> int | None:
        """Where the stack pointer is."""
        return place(self.registers[ESP])

    # ---- the stack ----

    def push(self, what: Value) -> None:
        """A word more on the stack."""
        at = self.depth
        if at is not None:
            self.registers[ESP] = value("stack", at - WORD)
            self.store(at - WORD, WORD, what)

    def pop(self) -> Value:
        """A word less."""
        at = self.depth
        if at is None:
            return None
        found = self.load(at, WORD)
        self.move(value("stack", at + WORD))
        return found

    def move(self, to: Value) -> None:
        """The stack pointer becomes another one. What is below it is anybody's then."""
        before, after = self.depth, place(to)
        self.registers[ESP] = to
        if before is not None and after is not None and after > before:
            near = range(before - WORD + 1, after) if after - before < 256 else list(self.stack)
            for each in near:
                if each < after:
                    self.stack.pop(each, None)

    def load(self, at: int, size: int) -> Value:
        """What is known of bytes of the stack."""
        if size == WORD and at in self.stack:
            return self.stack[at]
        return made(*(self.stack.get(each) for each in range(at - WORD + 1, at + min(size, _LONGEST))))

    def store(self, at: int, size: int, what: Value) -> None:
        """Bytes of the stack change. Of an address that is written over in part something stays."""
        self.high = max(self.high, at + size)
        before: list[Value] = []
        for each in range(at - WORD + 1, at + size) if size < 256 else list(self.stack):
            if at - WORD < each < at + size and each in self.stack:
                if each < at or each + WORD > at + size:
                    before.append(self.stack[each])
                del self.stack[each]
        if size != WORD:
            what = made(what)
        if before:
            what = made(what, *before)
        if what is not None:
            self.stack[at] = what

    # ---- memory ----

    def address(self, operand: Any) -> Value:
        """Of a memory operand, without its segment's base."""
        memory = operand.mem
        total = value("number", memory.disp)
        for number, scale in ((memory.base, 1), (memory.index, memory.scale)):
            if number in PARTS:
                register, size = PARTS[number]
                # Of 16 bits nothing is left of an address; such code is a finding by itself.
                total = add(total, times(self.registers[register], scale) if size == WORD else None)
        return total

    def put(self, address: Value, size: int, what: Value, exact: bool = True, foreign: bool = False) -> None:
        """Memory is written. `exact`: there, so many bytes; else somewhere from there on. `foreign`: by a segment that
        may have another base."""
        for lead in tags(address):
            if lead != STACK:
                self.text = self.text or self._text(address, size, exact, lead)
        if address is None or STACK not in tags(address):
            return
        if address[0] == "stack" and exact and 0 < size <= _LONGEST:
            for at in address[1]:
                known = what if len(address[1]) == 1 and not foreign else made(what, self.load(at, WORD))
                self.store(at, size, known)
            return
        left = made(what, *self.stack.values())
        self.stack.clear()
        depth = self.depth
        if left is not None and depth is not None:  # an address may be anywhere there
            self.stack[depth] = left

    def _text(self, address: Value, size: int, exact: bool, lead: int) -> str:
        assert address is not None
        kind, numbers = address
        if lead != IMAGE:
            return "through the address to which its caller wants it to return"
        if kind == "image":
            return "at a distance from its own place"
        if kind == "made":
            return "at a place that was computed from its own or from where ROMs are, and is not known"
        if not exact:
            return "from a place in low memory on, and how far is not known"
        if size > 1 << 20:
            return "from a place on, and further than where ROMs are"
        for each in sorted(numbers):
            for byte in (*range(each, each + size, 1 << 16), each + size - 1):
                if rom_area(byte):
                    return f"at {byte & WHOLE:#x}" if kind == "number" else f"at the physical address {byte & WHOLE:#x}"
        return ""

    # ---- operands ----

    def read(self, operand: Any) -> Value:
        """Of an operand. What is smaller than a word is known of numbers only."""
        if operand.type == _IMM:
            return value("number", signed(operand.imm))
        if operand.type == _REG:
            if operand.reg not in PARTS:
                return None
            number, size = PARTS[operand.reg]
            known = self.registers[number]
            return known if size == WORD else part(known, size, operand.reg in _HIGH)
        address = self.address(operand)
        if STACK not in tags(address):
            return None
        assert address is not None
        if address[0] != "stack" or not 0 < operand.size <= _LONGEST:
            return made(*self.stack.values())
        found = [self.load(at, operand.size) for at in address[1]]
        return found[0] if len(found) == 1 and operand.mem.segment not in OTHER_SEGMENTS else made(*found)

    def write(self, operand: Any, what: Value, exact: bool = True) -> None:
        """To an operand."""
        if operand.type == _MEM:
            self.put(self.address(operand), operand.size, what, exact, operand.mem.segment in OTHER_SEGMENTS)
        elif operand.type == _REG and operand.reg in PARTS:
            number, size = PARTS[operand.reg]
            if size < WORD:
                what = _inserted(self.registers[number], what, size, operand.reg in _HIGH)
            self.set(number, what)

    def set(self, number: int, what: Value) -> None:
        """A register becomes another."""
        if number == ESP:
            self.move(what)
        else:
            self.registers[number] = what

    def narrow(self, zero: bool) -> bool:
        """The flags say so of what was tested; whether that can be. Of a MiB's addresses the low bits are known."""
        if self.tested is not None:
            number, mask = self.tested
            known = self.registers[number]
            if known is not None and known[0] == "low" and 0 <= mask < 1 << 20:
                left = frozenset(each for each in known[1] if (each & mask == 0) is zero)
                self.registers[number] = (known[0], left)
                return bool(left)
        return True


def part(known: Value, size: int, high: bool) -> Value:
    """What is known of low bytes of a word."""
    number = single(known, "number")
    if number is None:
        return made(known)
    return value("number", (number >> 8 * high) & ((1 << 8 * size) - 1))


def _inserted(before: Value, what: Value, size: int, high: bool) -> Value:
    old, new = single(before, "number"), single(what, "number")
    if old is None or new is None:
        return made(before, what)
    mask = ((1 << 8 * size) - 1) << 8 * high
    return value("number", signed(old & ~mask | (new << 8 * high) & mask))
