# SPDX-License-Identifier: MIT
"""What is known of registers and stack at a place of a classic ROM's code, and what an instruction makes of it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from attrs import define, field
from capstone import x86

from openvmi.rom.lint.instruction import PARTS, Instruction

#: Bytes of a register and of a push; values that one can have before it counts as unknown.
WORD, SET_LIMIT = 4, 64
MASK = (1 << 32) - 1
EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI = range(8)
#: "entry" (what that register had), "return" (the address that the call pushed), "number", "image" (offsets in the
#: ROM), "stack" (bytes above the stack pointer of the entry, signed). None: not known.
Value = tuple[str, frozenset[int]] | None
RETURN: Value = ("return", frozenset([0]))
_IMM, _REG, _MEM = x86.X86_OP_IMM, x86.X86_OP_REG, x86.X86_OP_MEM


def value(kind: str, *numbers: int) -> Value:
    """One that is one of these."""
    return kind, frozenset(numbers)


@define(eq=True)
class State:
    """`stack` has what was stored there, by bytes above the entry's stack pointer."""

    registers: list[Value]
    stack: dict[int, Value] = field(factory=dict)

    @classmethod
    def entry(cls, called: bool) -> State:
        """Where a function begins; `called`: there is a return address."""
        registers = [value("entry", number) for number in range(8)]
        registers[ESP] = value("stack", 0)
        return cls(registers, {0: RETURN} if called else {})

    def copy(self) -> State:
        """One that can be changed."""
        return State(list(self.registers), dict(self.stack))

    def join(self, other: State) -> State:
        """What holds in both."""
        return State(
            [mine if mine == its else None for mine, its in zip(self.registers, other.registers, strict=True)],
            {place: mine for place, mine in self.stack.items() if other.stack.get(place) == mine})

    @property
    def depth(self) -> int | None:
        """Where the stack pointer is."""
        return place(self.registers[ESP])

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
        self.registers[ESP] = value("stack", at + WORD)
        return self.stack.get(at)

    def store(self, at: int, size: int, what: Value) -> None:
        """Bytes on the stack change."""
        for other in [each for each in self.stack if at - WORD < each < at + size]:
            del self.stack[other]
        if size == WORD and what is not None:
            self.stack[at] = what

    def drop(self) -> None:
        """What is below the stack pointer is anybody's."""
        at = self.depth
        if at is not None:
            self.stack = {each: what for each, what in self.stack.items() if each >= at}

    def address(self, operand: Any) -> tuple[Value, bool]:
        """Of a memory operand, without its segment's base; and whether it goes by the stack or the image, wherever."""
        memory = operand.mem
        total = value("number", signed(memory.disp))
        inside = False
        for number, scale in ((memory.base, 1), (memory.index, memory.scale)):
            if number in PARTS:
                part = self.registers[PARTS[number][0]] if PARTS[number][1] == WORD else None
                inside = inside or (part is not None and part[0] == "image")
                total = add(total, times(part, scale))
        return total, inside

    def read(self, operand: Any) -> Value:
        """Of an operand of a word."""
        if operand.type == _IMM:
            return value("number", signed(operand.imm))
        if operand.size != WORD:
            return None
        if operand.type == _REG:
            return self.registers[PARTS[operand.reg][0]] if operand.reg in PARTS else None
        at = place(self.address(operand)[0])
        return self.stack.get(at) if at is not None else None

    def write(self, operand: Any, what: Value) -> None:
        """To an operand. What is not known to be on the stack is taken to be elsewhere."""
        if operand.type == _REG and operand.reg in PARTS:
            self.registers[PARTS[operand.reg][0]] = what if operand.size == WORD else None
        elif operand.type == _MEM and (at := place(self.address(operand)[0])) is not None:
            self.store(at, operand.size, what)

    def apply(self, found: Instruction) -> None:
        """An instruction that goes on to the next."""
        known = _KNOWN.get(found.mnemonic)
        if known is None or found.repeats or not known(self, found.operands):
            self._other(found)
        self.drop()

    def _other(self, found: Instruction) -> None:
        for operand in found.memories if found.stores else ():
            self.write(operand, None)
        for number in found.written:
            self.registers[number] = None
        if found.repeats or found.mnemonic.startswith("loop"):
            self.registers[ECX] = None


def signed(number: int) -> int:
    """Of 32 bits."""
    return (number + (1 << 31) & MASK) - (1 << 31)


def place(what: Value) -> int | None:
    """The one place on the stack that it is."""
    return next(iter(what[1])) if what is not None and what[0] == "stack" and len(what[1]) == 1 else None


def times(what: Value, scale: int) -> Value:
    """A multiple."""
    if scale == 1 or what is None:
        return what
    return value("number", *(signed(each * scale) for each in what[1])) if what[0] == "number" else None


def add(one: Value, other: Value, sign: int = 1) -> Value:
    """The sum, or the difference."""
    if one is None or other is None or {one[0], other[0]} & {"entry", "return"}:
        return None
    kinds = (one[0], other[0])
    if sign < 0 and kinds[0] == kinds[1]:
        kind = "number"
    elif kinds[1] == "number":
        kind = kinds[0]
    elif kinds[0] == "number" and sign > 0:
        kind = kinds[1]
    else:
        return None
    if len(one[1]) * len(other[1]) > SET_LIMIT * SET_LIMIT:
        return None
    found = {signed(first + sign * second) for first, second in product(one[1], other[1])}
    return (kind, frozenset(found)) if len(found) <= SET_LIMIT else None


def masked(what: Value, mask: Value) -> Value:
    """The logical and with a number of few bits is one of few numbers, whatever the other is."""
    if mask is None or mask[0] != "number" or len(mask[1]) != 1:
        return None
    (bits,) = mask[1]
    if what is not None and what[0] == "number":
        return value("number", *(each & bits for each in what[1]))
    if bits < 0 or bits.bit_count() > 6:
        return None
    subsets, each = [0], bits
    while each:
        subsets.append(each)
        each = each - 1 & bits
    return value("number", *subsets)


def _push(state: State, operands: Any) -> bool:
    state.push(state.read(operands[0]))
    return True


def _pop(state: State, operands: Any) -> bool:
    state.write(operands[0], state.pop())
    return True


def _push_flags(state: State, _: Any) -> bool:
    state.push(None)
    return True


def _pop_flags(state: State, _: Any) -> bool:
    state.pop()
    return True


def _push_all(state: State, _: Any) -> bool:
    registers = list(state.registers)
    for number in range(8):
        state.push(registers[number])
    return True


def _pop_all(state: State, _: Any) -> bool:
    for number in reversed(range(8)):
        found = state.pop()
        if number != ESP:
            state.registers[number] = found
    return True


def _move(state: State, operands: Any) -> bool:
    state.write(operands[0], state.read(operands[1]))
    return True


def _address(state: State, operands: Any) -> bool:
    state.write(operands[0], state.address(operands[1])[0])
    return True


def _computed(what: Callable[[Value, Value], Value]) -> Callable[[State, Any], bool]:
    def apply(state: State, operands: Any) -> bool:
        state.write(operands[0], what(state.read(operands[0]), state.read(operands[1])))
        return True

    return apply


def _zero(state: State, operands: Any) -> bool:
    first, second = operands
    if first.type != _REG or second.type != _REG or first.reg != second.reg:
        return False
    state.write(first, value("number", 0))
    return True


def _leave(state: State, _: Any) -> bool:
    state.registers[ESP] = state.registers[EBP]
    state.registers[EBP] = state.pop()
    return True


_KNOWN: dict[str, Callable[[State, Any], bool]] = {
    "push": _push, "pop": _pop, "pushfd": _push_flags, "popfd": _pop_flags, "pushal": _push_all, "popal": _pop_all,
    "mov": _move, "lea": _address, "add": _computed(add), "sub": _computed(lambda one, other: add(one, other, -1)),
    "and": _computed(masked), "xor": _zero, "leave": _leave,
}
