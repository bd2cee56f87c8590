# SPDX-License-Identifier: MIT
"""What is known of registers and stack at a place of a classic ROM's code."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from capstone import x86

from openvmi.classic.lint_value import (
    CLIENT,
    LOW,
    RETURN,
    SET_LIMIT,
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
from openvmi.rom.lint.instruction import PARTS, Instruction
from openvmi.rom.lint.loops import condition

EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI = range(8)
#: Words of a frame that IRET takes from user mode's stack back: EIP, CS, EFLAGS, ESP, SS.
FRAME = tuple(WORD * each for each in range(5))
_IMM, _REG, _MEM = x86.X86_OP_IMM, x86.X86_OP_REG, x86.X86_OP_MEM
#: Segments whose base nobody knows here.
OTHER_SEGMENTS = (x86.X86_REG_FS, x86.X86_REG_GS)
_HIGH = frozenset((x86.X86_REG_AH, x86.X86_REG_CH, x86.X86_REG_DH, x86.X86_REG_BH))
#: Stores of more bytes, or of nobody knows how many, are not followed to the byte.
_LONGEST = 4096
#: Further away than so, the places that are known are fewer.
_NEAR = 16
#: Whoever is none of these, and was compared with a number, is a small one.
_LARGE = (SET_LIMIT, (1 << 31) - 1, 1 << 31, WHOLE)
_NOTHING: frozenset[int] = frozenset()


class State:
    """`stack` has what was stored there, by bytes above the entry's stack pointer.

    A word of the stack that is not `made` overlaps with no other. `spread`: what any byte of the stack may have, too,
    that was not written since. `hidden`: what control registers, ports and the like may have. `limits`: of what
    registers had where the client came in, by number, one of these. `tested`: the register of which the flags tell, and
    by which instruction. Of the instruction that was applied last: `text`, where in the image it wrote; `high`, the
    byte behind the highest of the stack that it wrote. `cost`: bytes that were gone through one by one so far.
    """

    __slots__ = ("cost", "hidden", "high", "limits", "registers", "spread", "stack", "tested", "text")

    def __init__(self, registers: list[Value], stack: dict[int, Value]) -> None:
        self.registers, self.stack = registers, stack
        self.spread: Value = None
        self.hidden: Value = None
        self.limits: dict[int, frozenset[int]] = {}
        self.tested: tuple[int, Instruction] | None = None
        self.text, self.high, self.cost = "", -WHOLE, 0

    @classmethod
    def entry(cls, called: bool = True, frame: int | None = None) -> State:
        """Where a client comes in. `called`: by a call. `frame`: how far above the stack pointer the one of its
        interrupt return is."""
        registers = [value("entry", number) for number in range(8)]
        registers[ESP] = value("stack", 0)
        stack = {0: RETURN} if called else {}
        if frame is not None:
            stack |= {frame + each: value("frame", each) for each in FRAME}
        return cls(registers, stack)

    def copy(self) -> State:
        """One that can be changed."""
        found = State(self.registers.copy(), self.stack.copy())
        found.spread, found.hidden, found.tested = self.spread, self.hidden, self.tested
        found.limits = self.limits.copy()
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
        for number in list(self.limits):
            either = self.limits[number] | other.limits.get(number, _NOTHING)
            if number not in other.limits:
                del self.limits[number]
                less = True
            elif either != self.limits[number]:
                self.limits[number], less = either, True
        spread, hidden = made(self.spread, other.spread), made(self.hidden, other.hidden)
        less = less or spread != self.spread or hidden != self.hidden
        self.spread, self.hidden = spread, hidden
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
            self.cost += min(after - before, len(self.stack))
            near = after - before < _NEAR
            for each in range(before - WORD + 1, after) if near else list(self.stack):
                if each < after and each in self.stack:
                    self._keep(each, made(self.stack[each]))

    def _keep(self, at: int, what: Value) -> None:
        if what is not None:
            self.stack[at] = what
        else:
            self.stack.pop(at, None)

    def _touching(self, at: int, size: int) -> list[int]:
        """Where words are of which bytes are there."""
        self.cost += min(size, len(self.stack))
        if size < _NEAR:
            return [each for each in range(at - WORD + 1, at + size) if each in self.stack]
        return [each for each in self.stack if at - WORD < each < at + size]

    def load(self, at: int, size: int) -> Value:
        """What is known of bytes of the stack."""
        found = self._touching(at, size)
        if size == WORD and found == [at]:
            return self.stack[at]
        return made(self.spread, *map(self.stack.get, found))

    def store(self, at: int, size: int, what: Value) -> None:
        """Bytes of the stack change. Of an address that is written over in part something stays."""
        self.high = max(self.high, at + size)
        for each in self._touching(at, size):
            inside = at <= each and each + WORD <= at + size
            self._keep(each, None if inside else made(self.stack[each]))
        if size == WORD:
            self._keep(at, what)
        elif (rest := made(what)) is not None:
            for each in range(at, at + size, WORD):
                self._keep(each, made(rest, self.stack.get(each)))

    # ---- memory ----

    def address(self, operand: Any) -> Value:
        """Of a memory operand, without its segment's base."""
        memory = operand.mem
        total = value("number", memory.disp)
        for number, scale in ((memory.base, 1), (memory.index, memory.scale)):
            if number in PARTS:
                register, size = PARTS[number]
                # Of 16 bits nothing is left of an address; such code is a finding by itself.
                what = self.registers[register]
                if what is not None and what[0] == "entry" and (limits := self.limits.get(min(what[1]))):
                    what = "number", limits
                total = add(total, times(what, scale) if size == WORD else None)
        return total

    def put(self, address: Value, size: int, what: Value, exact: bool = True, foreign: bool = False) -> None:
        """Memory is written. `exact`: there, so many bytes; else somewhere from there on. `foreign`: by a segment that
        may have another base."""
        if address is None:
            return
        for lead in {LOW} if address[0] == "number" else tags(address):
            if lead != STACK:
                self.text = self.text or self._text(address, size, exact, lead)
        if STACK not in tags(address):
            return
        few = len(address[1]) == 1
        if address[0] == "stack" and exact and 0 < size <= (_LONGEST if few else _NEAR):
            for at in address[1]:
                self.store(at, size, what if few and not foreign else made(what, self.load(at, size)))
            return
        self.high = WHOLE  # anywhere there
        self.spread = made(self.spread, what)
        for at in list(self.stack):
            self._keep(at, made(self.stack[at], what))

    def _text(self, address: Value, size: int, exact: bool, lead: int) -> str:
        assert address is not None
        kind, numbers = address
        if lead == CLIENT:
            return "through the address to which its caller wants it to return"
        if kind == "image":
            return "at a distance from its own place"
        if kind == "made":
            return "at a place that was computed from its own or from where ROMs are, and is not known"
        if not exact and kind == "low":
            return "from a place in low memory on, and how far is not known"
        for each in sorted(numbers):
            if rom_area(each, size if exact else 1 << 20):
                return f"from {'the physical address ' * (kind == 'low')}{each & WHOLE:#x} on"
        return ""

    # ---- operands ----

    def read(self, operand: Any) -> Value:
        """Of an operand. What is smaller than a word is known of numbers only."""
        if operand.type == _IMM:
            return value("number", signed(operand.imm))
        if operand.type == _REG:
            if operand.reg not in PARTS:
                return self.hidden
            number, size = PARTS[operand.reg]
            known = self.registers[number]
            return known if size == WORD else part(known, size, operand.reg in _HIGH)
        address = self.address(operand)
        if STACK not in tags(address):
            return None
        assert address is not None
        if address[0] != "stack" or not 0 < operand.size <= _LONGEST:
            return made(self.spread, *self.stack.values())
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
        elif operand.type == _REG:
            self.hidden = made(self.hidden, what)

    def set(self, number: int, what: Value) -> None:
        """A register becomes another."""
        if number == ESP:
            self.move(what)
        else:
            self.registers[number] = what

    def narrow(self, jump: str, taken: bool) -> bool:
        """A conditional jump goes so; whether that can be. The register that was tested is one of fewer then."""
        if self.tested is None:
            return True
        number, setter = self.tested
        known, mask = self.registers[number], setter.immediate
        if setter.mnemonic == "test" and mask is not None:
            if jump not in ("je", "jne") or known is None or not (
                    known[0] == "number" or (known[0] == "low" and 0 <= mask < 1 << 20)):
                return True
            fits = partial(_masked_to, mask & WHOLE, (jump == "je") is taken)
        elif (holds := condition(setter, jump, WORD, None if setter.mnemonic in ("test", "cmp") else 1)) is not None:
            fits = partial(_holds, holds, taken)
        else:
            return True
        if known is not None and (known[0] == "number" or (known[0] == "low" and setter.mnemonic == "test")):
            left = frozenset(filter(fits, known[1]))
            if left:
                self.registers[number] = known[0], left
            return bool(left)
        left = frozenset(filter(fits, range(SET_LIMIT))) if not any(map(fits, _LARGE)) else _NOTHING
        if jump in ("je", "jne") and (jump == "je") is taken:
            left = frozenset([signed(mask or 0) if setter.mnemonic == "cmp" else 0])
        if left and known is not None and known[0] == "entry":
            self.limits[min(known[1])] = left
        elif left and (known is None or known[0] == "made"):
            self.registers[number] = "number", left
        return True


def _masked_to(mask: int, zero: bool, each: int) -> bool:
    return (each & mask == 0) is zero


def _holds(what: Callable[[int], bool], taken: bool, each: int) -> bool:
    return what(each & WHOLE) is taken


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
