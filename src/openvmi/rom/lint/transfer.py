# SPDX-License-Identifier: MIT
"""What one instruction makes of a state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from capstone import x86

from openvmi.abi.names import TEXT_LIMIT
from openvmi.rom.lint.instruction import PARTS, RBP, RCX, RDI, RSI, RSP, Instruction, is_string
from openvmi.rom.lint.state import ALIGNED, FLAGS, MASK, RETURN, WORD, State, Value, stack

_REG, _IMM, _MEM = x86.X86_OP_REG, x86.X86_OP_IMM, x86.X86_OP_MEM
ARGUMENTS = (RDI, RSI, 2, RCX, 8, 9)


class Watcher:
    """Is told what happens; `Function` keeps what it needs of it."""

    def moved(self, state: State) -> None:
        """The stack pointer is another one."""

    def switched(self, instruction: Instruction, state: State, aligned: bool) -> int:
        """The stack pointer cannot be computed from what it was, or all but its low bits can; the new base."""
        return instruction.offset + 1

    def access(self, instruction: Instruction, operand: Any, address: Value, exact: bool, writes: bool,
               state: State) -> None:
        """Memory is read or written."""

    def kept(self, instruction: Instruction, value: Value) -> None:
        """A value goes to memory, or to who is called."""

    def flags(self, instruction: Instruction) -> None:
        """All flags become others than those of the entry."""


def address_of(instruction: Instruction, operand: Any, state: State) -> tuple[Value, bool]:
    """Where an operand in memory is, segment apart; whether there is no index that is not known."""
    memory = operand.mem
    if memory.base == x86.X86_REG_RIP:
        return ("w", instruction.end + memory.disp), not memory.index
    exact, offset = True, memory.disp
    if memory.index in PARTS:
        index = state.registers[PARTS[memory.index][0]]
        if isinstance(index, tuple) and index[0] == "c":
            offset += index[1] * memory.scale
        else:
            exact = False
    if memory.base not in PARTS:
        return ("c", offset & MASK), exact
    base = state.registers[PARTS[memory.base][0]]
    return moved(base, offset), exact


def moved(value: Value, by: int) -> Value:
    """A value plus a number."""
    if isinstance(value, tuple):
        if value[0] == "c":
            return ("c", (value[1] + by) & MASK)
        if value[0] == "w":
            return ("w", value[1] + by)
        by = (by + (1 << 63) & MASK) - (1 << 63)
        return stack(value[1], value[2] + by) if abs(value[2] + by) < 1 << 20 else None
    return None


def apply(instruction: Instruction, state: State, watcher: Watcher) -> None:
    """Changes the state as an instruction that goes on to the next one does."""
    operand = instruction.memory
    if operand is not None and instruction.mnemonic not in ("lea", "nop"):
        address, exact = address_of(instruction, operand, state)
        watcher.access(instruction, operand, address, exact, instruction.stores, state)
    handler = _HANDLERS.get(instruction.mnemonic)
    if handler is None or not handler(instruction, state, watcher):
        _other(instruction, state, watcher)


def _other(instruction: Instruction, state: State, watcher: Watcher) -> None:
    """Anything else: what it writes is not known."""
    if instruction.stores:
        if is_string(instruction.mnemonic):
            state.forget()
        else:
            address, exact = address_of(instruction, instruction.memory, state) if instruction.memory else (None, False)
            state.store(address, exact, instruction.memory.size if instruction.memory else WORD, None)
    if instruction.mnemonic == "add" or instruction.mnemonic.startswith("cmov"):
        for each in instruction.operands:  # an address goes on in a way that is not followed
            if each.type == _REG and each.reg in PARTS:
                watcher.kept(instruction, state.registers[PARTS[each.reg][0]])
    for number in instruction.written:
        _set(instruction, state, watcher, number, 8, None)


def _set(instruction: Instruction, state: State, watcher: Watcher, number: int, size: int, value: Value) -> None:
    if size < WORD:
        value = ("c", value[1] & 0xFFFFFFFF) if size == 4 and isinstance(value, tuple) and value[0] == "c" else None
    if number == RSP:
        if not (isinstance(value, tuple) and value[0] == "s"):
            value = stack(watcher.switched(instruction, state, False), 0)
        state.registers[RSP] = value
        watcher.moved(state)
    else:
        state.registers[number] = value


def _value(instruction: Instruction, operand: Any, state: State) -> Value:
    """Of a register, a number or a word of the stack."""
    if operand.type == _IMM:
        return ("c", operand.imm & MASK)
    if operand.type == _REG:
        number, size = PARTS.get(operand.reg, (None, 0))
        if number is None:
            return None
        value = state.registers[number]
        if size == WORD or (isinstance(value, tuple) and value[0] == "c" and size == 4):
            return value
        return None
    address, exact = address_of(instruction, operand, state)
    if exact and operand.size == WORD and isinstance(address, tuple) and address[0] == "s":
        return state.slots.get(address[1:])
    return None


def _put(instruction: Instruction, operand: Any, state: State, watcher: Watcher, value: Value) -> bool:
    """Whether the operand was a place that is known here."""
    if operand.type == _REG and operand.reg in PARTS:
        number, size = PARTS[operand.reg]
        _set(instruction, state, watcher, number, size, value)
        return True
    if operand.type == _MEM:
        address, exact = address_of(instruction, operand, state)
        if operand.mem.segment in (x86.X86_REG_GS, x86.X86_REG_FS):
            address = ("w", 0)  # not the stack
        state.store(address, exact, operand.size, value)
        watcher.kept(instruction, value)
        return True
    return False


def _mov(instruction: Instruction, state: State, watcher: Watcher) -> bool:
    to, source = instruction.operands
    return _put(instruction, to, state, watcher, _value(instruction, source, state))


def _lea(instruction: Instruction, state: State, watcher: Watcher) -> bool:
    to, source = instruction.operands
    address, exact = address_of(instruction, source, state)
    return _put(instruction, to, state, watcher, address if exact else None)


def _add(instruction: Instruction, state: State, watcher: Watcher) -> bool:
    to = instruction.operands[0]
    if to.type != _REG or to.reg not in PARTS:
        return False
    step = _value(instruction, instruction.operands[1], state)
    if not (isinstance(step, tuple) and step[0] == "c"):
        return False
    by = -step[1] if instruction.mnemonic == "sub" else step[1]
    return _put(instruction, to, state, watcher, moved(state.registers[PARTS[to.reg][0]], by))


def _step(instruction: Instruction, state: State, watcher: Watcher) -> bool:
    to = instruction.operands[0]
    if to.type != _REG or to.reg not in PARTS:
        return False
    by = -1 if instruction.mnemonic == "dec" else 1
    return _put(instruction, to, state, watcher, moved(state.registers[PARTS[to.reg][0]], by))


def _xor(instruction: Instruction, state: State, watcher: Watcher) -> bool:
    to, source = instruction.operands
    same = to.type == _REG and source.type == _REG and to.reg == source.reg
    return same and _put(instruction, to, state, watcher, ("c", 0))


def _and(instruction: Instruction, state: State, watcher: Watcher) -> bool:
    to, source = instruction.operands
    if to.type != _REG or PARTS.get(to.reg) != (RSP, WORD) or source.type != _IMM or not -ALIGNED - 1 <= source.imm < 0:
        return False
    state.registers[RSP] = stack(watcher.switched(instruction, state, True), 0)
    watcher.moved(state)
    return True


def _xchg(instruction: Instruction, state: State, watcher: Watcher) -> bool:
    one, other = instruction.operands
    first, second = _value(instruction, one, state), _value(instruction, other, state)
    # A memory operand's address is computed before either is written.
    order = ((one, second), (other, first)) if one.type == _MEM else ((other, first), (one, second))
    return all([_put(instruction, operand, state, watcher, value) for operand, value in order])


def push(state: State, watcher: Watcher, value: Value, size: int = WORD) -> None:
    """A word goes on the stack."""
    base, offset = state.top
    state.registers[RSP] = stack(base, offset - size)
    state.store(state.registers[RSP], True, size, value)
    watcher.moved(state)


def _push(instruction: Instruction, state: State, watcher: Watcher) -> bool:
    operand = instruction.operands[0]
    size = operand.size if operand.type != _IMM else WORD
    value = _value(instruction, operand, state)
    watcher.kept(instruction, value)
    push(state, watcher, value, 2 if size == 2 else WORD)
    return True


def _pop(instruction: Instruction, state: State, watcher: Watcher) -> bool:
    operand = instruction.operands[0]
    size = 2 if operand.size == 2 else WORD
    value = state.word() if size == WORD else None
    base, offset = state.top
    state.registers[RSP] = stack(base, offset + size)
    return _put(instruction, operand, state, watcher, value)


def _pushf(instruction: Instruction, state: State, watcher: Watcher) -> bool:
    push(state, watcher, FLAGS)
    return True


def _popf(instruction: Instruction, state: State, watcher: Watcher) -> bool:
    value = state.word()
    base, offset = state.top
    state.registers[RSP] = stack(base, offset + WORD)
    if value != FLAGS:
        watcher.flags(instruction)
        state.direction = 2
    else:
        state.direction = 0
    return True


def _leave(instruction: Instruction, state: State, watcher: Watcher) -> bool:
    _set(instruction, state, watcher, RSP, WORD, state.registers[RBP])
    base, offset = state.top
    state.registers[RBP] = state.slots.get((base, offset))
    state.registers[RSP] = stack(base, offset + WORD)
    return True


def _cld(instruction: Instruction, state: State, watcher: Watcher) -> bool:
    state.direction = 0
    return True


def _std(instruction: Instruction, state: State, watcher: Watcher) -> bool:
    state.direction = 1
    return True


def in_text(value: Value) -> bool:
    """Whether it is an address of text."""
    return isinstance(value, tuple) and value[0] == "w" and 0 <= value[1] < TEXT_LIMIT


_HANDLERS: dict[str, Callable[[Instruction, State, Watcher], bool]] = {
    "mov": _mov, "movabs": _mov, "lea": _lea, "add": _add, "sub": _add, "inc": _step, "dec": _step, "xor": _xor,
    "and": _and, "xchg": _xchg, "push": _push, "pop": _pop, "pushfq": _pushf, "popfq": _popf, "leave": _leave,
    "cld": _cld, "std": _std,
}
__all__ = ["ARGUMENTS", "RETURN", "Watcher", "address_of", "apply", "in_text", "moved", "push"]
