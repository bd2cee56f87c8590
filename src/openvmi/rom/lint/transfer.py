# SPDX-License-Identifier: MIT
"""What one instruction makes of a state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from capstone import x86

from openvmi.abi.names import TEXT_LIMIT
from openvmi.rom.lint.instruction import PARTS, RBP, RCX, RDI, RSI, RSP, Instruction, is_string
from openvmi.rom.lint.state import ALIGNED, FLAGS, MASK, RETURN, WORD, State, Value, pointer, stack

_REG, _IMM, _MEM = x86.X86_OP_REG, x86.X86_OP_IMM, x86.X86_OP_MEM
ARGUMENTS = (RDI, RSI, 2, RCX, 8, 9)


class Watcher:
    """Is told what happens; `Function` keeps what it needs of it."""

    def moved(self, state: State) -> None:
        """The stack pointer is another one."""

    def switched(self, instruction: Instruction, state: State, aligned: bool) -> int:
        """The stack pointer cannot be computed from what it was, or all but its low bits can; the new base."""
        return instruction.offset + 1

    def access(self, instruction: Instruction, operand: Any, address: Value, exact: bool, writes: bool, size: int,
               state: State) -> None:
        """Memory is read or written."""

    def kept(self, instruction: Instruction, value: Value) -> None:
        """A value goes to memory, or to who is called."""

    def flags(self, instruction: Instruction) -> None:
        """All flags become others than those of the entry."""


def address_of(instruction: Instruction, operand: Any, state: State) -> tuple[Value, bool]:
    """Where an operand in memory is, segment apart; whether it is there and nowhere else."""
    memory, name = operand.mem, instruction.mnemonic
    if instruction.short:
        return None, False
    # A bit's number in a register reaches any byte; how much is saved at once the processor knows.
    exact = not ((name in _BITS and instruction.operands[1].type == _REG) or name.startswith(_WHOLE))
    if memory.base == x86.X86_REG_RIP:
        return ("w", instruction.end + memory.disp), exact
    offset = memory.disp
    base: Value = ("c", 0)
    if memory.base in PARTS:
        base = state.registers[PARTS[memory.base][0]]
        if name == "pop" and PARTS[memory.base][0] == RSP:
            offset += WORD  # the address is computed after the stack pointer moved
    if memory.index in PARTS:
        index = state.registers[PARTS[memory.index][0]]
        if isinstance(index, tuple) and index[0] == "c":
            offset += index[1] * memory.scale
        else:
            exact = False
            base = base if pointer(base) or memory.scale != 1 else pointer(index) or base
    if isinstance(base, tuple) and base[0] in ("i", "u"):
        base, exact = base[1], False
    elif base == RETURN:  # where the caller's code is
        base, exact = ("w", 0), False
    return moved(base, offset), exact


def moved(value: Value, by: int) -> Value:
    """A value plus a number."""
    if value == RETURN:
        return ("i", ("w", 0)) if by else value
    if isinstance(value, tuple):
        if value[0] == "c":
            return ("c", (value[1] + by) & MASK)
        if value[0] == "w":
            return ("w", value[1] + (by + (1 << 63) & MASK) - (1 << 63))
        if value[0] in ("i", "u"):
            return ("i", value[1])
        by = (by + (1 << 63) & MASK) - (1 << 63)
        return stack(value[1], value[2] + by) if abs(value[2] + by) < 1 << 20 else None
    return None


def apply(instruction: Instruction, state: State, watcher: Watcher) -> None:
    """Changes the state as an instruction that goes on to the next one does."""
    if instruction.memories:
        touch(instruction, state, watcher)
    handler = _HANDLERS.get(instruction.mnemonic)
    if not ((handler and handler(instruction, state, watcher)) or _fold(instruction, state, watcher)):
        _other(instruction, state, watcher)


def touch(instruction: Instruction, state: State, watcher: Watcher) -> None:
    """Tells of the memory that an instruction reads or writes."""
    if instruction.mnemonic in ("lea", "nop"):
        return
    for operand in instruction.memories:
        address, exact = address_of(instruction, operand, state)
        size = operand.size
        if instruction.repeats and is_string(instruction.mnemonic):
            count = state.registers[RCX]
            known = isinstance(count, tuple) and count[0] == "c" and not state.direction
            size, exact = (size * count[1], exact and count[1] > 0) if known else (size, False)
        writes = instruction.stores and operand is instruction.memory
        watcher.access(instruction, operand, address, exact, writes, size, state)


def _other(instruction: Instruction, state: State, watcher: Watcher) -> None:
    """Anything else: what it writes is not known."""
    if instruction.stores:
        address, exact = address_of(instruction, instruction.memory, state) if instruction.memory else (None, False)
        exact = exact and not is_string(instruction.mnemonic)
        state.store(address, exact, instruction.memory.size if instruction.memory else WORD, None)
    explicit = [PARTS[each.reg][0] for each in instruction.operands if each.type == _REG and each.reg in PARTS]
    made = None
    # An address that is subtracted from another one, or from something unknown, leaves a distance.
    distance = (instruction.mnemonic == "sub" and len(explicit) == 2 and pointer(state.registers[explicit[1]])
                and not _is_number(state.registers[explicit[0]]))
    if instruction.mnemonic not in _NO_ADDRESS and not distance:
        for each in instruction.operands:  # an address goes on in a way that is not followed
            if each.type != _REG:
                value = _value(instruction, each, state)
            elif each.reg not in PARTS or (each.access == 2 and _overwrites(instruction)):
                continue
            else:
                value = state.registers[PARTS[each.reg][0]]
                watcher.kept(instruction, value)
            made = made or (("w", 0) if value == RETURN else pointer(value))
            if made is None and instruction.mnemonic in _SUMS and _is_high(value):
                made = value
    to = instruction.operands[0] if instruction.operands else None
    part = to if to is not None and to.type == _REG and to.size < 4 and to.reg in PARTS else None
    for number in instruction.written:
        through = made
        if number not in explicit:
            through = None if _replaces(instruction) else made or pointer(state.registers[number])
        value = ("i", through) if through else None
        if part is not None and PARTS[part.reg][0] == number:
            _set(instruction, state, watcher, number, part.size, value, part.reg in _HIGH)
        else:
            _set(instruction, state, watcher, number, WORD, value)


def _replaces(instruction: Instruction) -> bool:
    """Whether registers that it writes and does not name have nothing of what they had. Of some that capstone names
    only a part is written, or nothing."""
    if instruction.mnemonic in ("mul", "imul", "div", "idiv"):
        return instruction.operands[0].size >= 4
    return instruction.mnemonic in _FRESH


def _overwrites(instruction: Instruction) -> bool:
    """Whether nothing of its first operand stays, as capstone says of more than are so."""
    name = instruction.mnemonic
    return name in _OVERWRITE or name.startswith(("set", "lods")) or len(instruction.operands) == 3


def _is_number(value: Value) -> bool:
    return isinstance(value, tuple) and value[0] == "c"


def _is_high(value: Value) -> bool:
    """A number that can be an address of the kernel, and no distance."""
    return _is_number(value) and value[1] >> 32 not in (0, 0xFFFFFFFF)


def _fold(instruction: Instruction, state: State, watcher: Watcher) -> bool:
    """Arithmetic with numbers that are known."""
    count = len(instruction.operands)
    if instruction.mnemonic not in _FOLDED or not 1 <= count <= 2:
        return False
    to = instruction.operands[0]
    if to.type != _REG or to.size < 4:
        return False
    values = [_value(instruction, each, state) for each in instruction.operands]
    if not all(map(_is_number, values)):
        return False
    mask = (1 << 8 * to.size) - 1
    one, other = values[0][1] & mask, values[-1][1] & mask
    result = _FOLDED[instruction.mnemonic](one, other, 8 * to.size) & mask
    return _put(instruction, to, state, watcher, ("c", result))


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 else value


def _part(value: Value, size: int) -> Value:
    """What is known of the low bytes."""
    if size == 4 and isinstance(value, tuple) and value[0] == "c":
        return ("c", value[1] & 0xFFFFFFFF)
    return ("i", pointer(value)) if pointer(value) else None


def _set(instruction: Instruction, state: State, watcher: Watcher, number: int, size: int, value: Value,
         high: bool = False) -> None:
    if size < WORD:
        value = _part(value, size)
    if size < 4 and value is None and (held := pointer(state.registers[number])):
        value = ("i" if high else "u", held)
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
        if isinstance(value, tuple) and value[0] == "u":
            return ("i", value[1]) if size >= 4 else None
        return value if size == WORD else _part(value, size)
    address, exact = address_of(instruction, operand, state)
    if operand.mem.segment in (x86.X86_REG_GS, x86.X86_REG_FS):
        return None
    if exact and operand.size == WORD and isinstance(address, tuple) and address[0] == "s":
        return state.slots.get(address[1:])
    return None


def _put(instruction: Instruction, operand: Any, state: State, watcher: Watcher, value: Value) -> bool:
    """Whether the operand was a place that is known here."""
    if operand.type == _REG and operand.reg in PARTS:
        number, size = PARTS[operand.reg]
        _set(instruction, state, watcher, number, size, value, operand.reg in _HIGH)
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
    if not exact:
        watcher.kept(instruction, address)
        address = ("i", pointer(address)) if pointer(address) else None
    return _put(instruction, to, state, watcher, address)


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


def push(state: State, watcher: Watcher, value: Value) -> None:
    """A word goes on the stack."""
    base, offset = state.top
    state.registers[RSP] = stack(base, offset - WORD)
    state.store(state.registers[RSP], True, WORD, value)
    watcher.moved(state)


def _push(instruction: Instruction, state: State, watcher: Watcher) -> bool:
    operand = instruction.operands[0]
    value = _value(instruction, operand, state)
    watcher.kept(instruction, value)
    push(state, watcher, value)
    return True


def _pop(instruction: Instruction, state: State, watcher: Watcher) -> bool:
    operand = instruction.operands[0]
    value = state.word()
    base, offset = state.top
    if operand.type == _MEM:
        _put(instruction, operand, state, watcher, value)
        state.registers[RSP] = stack(base, offset + WORD)
        return True
    state.registers[RSP] = stack(base, offset + WORD)
    return _put(instruction, operand, state, watcher, value)


def _pushf(instruction: Instruction, state: State, watcher: Watcher) -> bool:
    push(state, watcher, None if state.direction else FLAGS)
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
    """Whether it is an address of text, or made of one."""
    value = pointer(value)
    return value is not None and value[0] == "w" and 0 <= value[1] < TEXT_LIMIT


_HANDLERS: dict[str, Callable[[Instruction, State, Watcher], bool]] = {
    "mov": _mov, "movabs": _mov, "lea": _lea, "add": _add, "sub": _add, "inc": _step, "dec": _step, "xor": _xor,
    "and": _and, "xchg": _xchg, "push": _push, "pop": _pop, "pushfq": _pushf, "popfq": _popf, "leave": _leave,
    "cld": _cld, "std": _std,
}
_HIGH = frozenset((x86.X86_REG_AH, x86.X86_REG_CH, x86.X86_REG_DH, x86.X86_REG_BH))
_OVERWRITE = ("mov", "movabs", "movzx", "movsx", "movsxd", "movbe", "movd", "movq", "lea", "pop", "in", "str", "sldt",
              "smsw", "rdrand", "rdseed", "rdpid", "rdfsbase", "rdgsbase")
_FRESH = ("rdtsc", "rdtscp", "cpuid", "rdmsr", "rdpmc", "xgetbv", "cwd", "cdq", "cqo")
_BITS = ("bt", "bts", "btr", "btc")
_WHOLE = ("fxsave", "fxrstor", "xsave", "xrstor")
_NO_ADDRESS = ("cmp", "test", "bt", "bsf", "bsr", "tzcnt", "lzcnt", "popcnt")  # what comes out is none
_SUMS = ("add", "sub", "or", "xor")
#: Of both operands and the bits of the first.
_FOLDED: dict[str, Callable[[int, int, int], int]] = {
    "and": lambda a, b, _: a & b, "or": lambda a, b, _: a | b, "xor": lambda a, b, _: a ^ b,
    "not": lambda a, b, _: ~a, "neg": lambda a, b, _: -a, "imul": lambda a, b, _: a * b,
    "shl": lambda a, b, n: a << b % n, "sal": lambda a, b, n: a << b % n, "shr": lambda a, b, n: a >> b % n,
    "sar": lambda a, b, n: _signed(a, n) >> b % n,
    "rol": lambda a, b, n: a << b % n | a >> n - b % n, "ror": lambda a, b, n: a >> b % n | a << n - b % n,
    "bts": lambda a, b, n: a | 1 << b % n, "btr": lambda a, b, n: a & ~(1 << b % n),
}
__all__ = ["ARGUMENTS", "RETURN", "Watcher", "address_of", "apply", "in_text", "moved", "push", "touch"]
