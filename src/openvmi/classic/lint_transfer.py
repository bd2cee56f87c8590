# SPDX-License-Identifier: MIT
"""What an instruction of a classic ROM that goes on to the next one makes of a state.

What is not modelled makes all that it writes unknown, but for this: what may have been made of an address stays so.
"""

from __future__ import annotations

from collections.abc import Callable

from capstone import x86

from openvmi.classic.lint_state import EAX, EBP, EBX, ECX, EDI, EDX, ESI, ESP, State
from openvmi.classic.lint_value import (
    FLAGS,
    MASK,
    STACK,
    WORD,
    Value,
    add,
    changed,
    folded,
    join,
    made,
    masked,
    signed,
    single,
    tags,
    value,
)
from openvmi.rom.lint.instruction import PARTS, Instruction, is_string

_IMM, _REG, _MEM = x86.X86_OP_IMM, x86.X86_OP_REG, x86.X86_OP_MEM
_SEGMENT_REGISTERS = {x86.X86_REG_CS, x86.X86_REG_DS, x86.X86_REG_ES, x86.X86_REG_FS, x86.X86_REG_GS, x86.X86_REG_SS}
#: What these give has nothing to do with what was in a register.
_FRESH = {"rdtsc", "rdtscp", "cpuid", "rdmsr", "rdpmc", "in"}
#: After which the flags tell of a register: compared with a number, or of the result that it has now.
_TESTS = {"test", "cmp", "inc", "dec", "add", "sub", "and", "or", "xor"}
#: Leave something in the processor or in the rest of the machine, and get it back from there.
_HIDES = {"wrmsr": (EAX, EDX), "out": (EAX,), "lgdt": (), "lidt": (), "lldt": (), "ltr": (), "lmsw": ()}
_SHOWS = {"rdtsc", "rdtscp", "rdmsr", "rdpmc", "in", "sgdt", "sidt", "sldt", "str", "smsw"}
_BITS = {"bts": lambda a, b: a | b, "btr": lambda a, b: a & ~b, "btc": lambda a, b: a ^ b}
#: Move the stack pointer by words of 16 bits.
_SHORT = {"pushaw", "popaw", "pushf", "popf"}


def apply(found: Instruction, state: State) -> None:
    """Changes the state."""
    state.text, state.high = "", -MASK
    tested = _tested(found)
    known = _KNOWN.get(found.mnemonic)
    if known is None or not known(state, found):
        if is_string(found.mnemonic):
            _string(state, found)
        else:
            _other(state, found)
    if tested is not None:
        state.tested = tested
    elif state.tested is not None and (found.sets_flags or state.tested[0] in found.written):
        state.tested = None


def _tested(found: Instruction) -> tuple[int, Instruction] | None:
    if found.mnemonic in _TESTS and found.operands[0].type == _REG:
        number, size = PARTS.get(found.operands[0].reg, (None, 0))
        last = found.operands[-1]
        same = found.mnemonic == "test" and last.type == _REG and last.reg == found.operands[0].reg
        tells = same or found.immediate is not None or found.mnemonic not in ("test", "cmp")
        if number is not None and size == WORD and tells:
            return number, found
    return None


def _other(state: State, found: Instruction) -> None:
    """Anything else."""
    sources: list[Value] = []
    explicit = set()
    written, name = found.written, found.mnemonic
    if name not in _FRESH or (name == "in" and found.operands[0].size < WORD):
        for operand in found.operands:
            if operand.type == _REG and operand.reg in PARTS:
                explicit.add(PARTS[operand.reg][0])
                sources.append(state.registers[PARTS[operand.reg][0]])
            elif operand.type == _MEM:
                sources.append(state.read(operand))
        sources += [state.registers[number] for number in written - explicit]
        if name == "cmpxchg8b":  # what it stores no operand names
            sources += [state.registers[EBX], state.registers[ECX]]
        elif name == "xlatb" and STACK in tags(state.registers[EBX]):
            sources += [state.spread, *state.stack.values()]
    if name in _HIDES:
        state.hidden = made(state.hidden, *sources, *(state.registers[number] for number in _HIDES[name]))
    if name in _SHOWS:
        sources.append(state.hidden)
    left = made(*sources)
    for operand in found.memories if found.stores else ():
        state.write(operand, left, exact=_exact(found))
    for number in written:
        state.set(number, left)


def _exact(found: Instruction) -> bool:
    """Whether what it stores is no longer than its operand, and there: a bit's number in a register reaches any byte,
    and how much of the processor's state is saved only that knows."""
    name = found.mnemonic
    if name in _BITS:
        return bool(found.operands[1].type == _IMM)
    return (0 < found.memories[0].size <= 16 and not name.startswith(("f", "x"))) or name in ("xadd", "xchg")


# ---- the stack ----


def _push(state: State, found: Instruction) -> bool:
    operand = found.operands[0]
    what = state.read(operand)
    if operand.type == _REG and operand.reg in _SEGMENT_REGISTERS:
        # Some processors leave the upper half of the word as it is (Intel SDM volume 2B, PUSH).
        at = state.depth
        what = made(state.load(at - WORD, WORD)) if at is not None else None
    state.push(what)
    return True


def _pop(state: State, found: Instruction) -> bool:
    what = state.pop()  # first: the address of an operand is computed with the stack pointer that comes of it
    state.write(found.operands[0], what)
    return True


def _push_flags(state: State, _: Instruction) -> bool:
    state.push(FLAGS)
    return True


def _pop_flags(state: State, _: Instruction) -> bool:
    state.pop()  # what they become: Analysis
    return True


def _push_all(state: State, _: Instruction) -> bool:
    registers, highest = list(state.registers), -MASK
    for number in range(8):
        state.push(registers[number])
        highest = max(highest, state.high)
    state.high = highest
    return True


def _pop_all(state: State, _: Instruction) -> bool:
    for number in reversed(range(8)):
        found = state.pop()
        if number != ESP:
            state.registers[number] = found
    return True


def _enter(state: State, found: Instruction) -> bool:
    size, level = (operand.imm for operand in found.operands)
    if level & 31:
        return False
    state.push(state.registers[EBP])
    state.registers[EBP] = state.registers[ESP]
    state.move(add(state.registers[ESP], value("number", size & 0xFFFF), -1))
    return True


def _leave(state: State, _: Instruction) -> bool:
    state.move(state.registers[EBP])
    state.registers[EBP] = state.pop()
    return True


# ---- moves ----


def _move(state: State, found: Instruction) -> bool:
    to, source = found.operands
    state.write(to, state.read(source))
    return True


def _extend(state: State, found: Instruction) -> bool:
    to, source = found.operands
    what = state.read(source)
    if what is not None and what[0] == "number" and found.mnemonic == "movsx":
        bits = 8 * source.size
        what = "number", frozenset([(each + (1 << bits - 1) & (1 << bits) - 1) - (1 << bits - 1) for each in what[1]])
    state.write(to, what if what is not None and what[0] == "number" else made(what))
    return True


def _address(state: State, found: Instruction) -> bool:
    state.write(found.operands[0], state.address(found.operands[1]))
    return True


def _exchange(state: State, found: Instruction) -> bool:
    one, other = found.operands
    first, second = state.read(one), state.read(other)
    if one.type == _MEM:  # its address is computed before a register is written
        one, other, first, second = other, one, second, first
    state.write(other, first)
    state.write(one, second)
    return True


def _move_if(state: State, found: Instruction) -> bool:
    to, source = found.operands
    state.write(to, join(state.read(to), state.read(source)))
    return True


def _compare_exchange(state: State, found: Instruction) -> bool:
    to, source = found.operands
    held = state.read(to)
    state.write(to, made(held, state.read(source)))
    state.registers[EAX] = made(held, state.registers[EAX])
    return True


# ---- arithmetic ----


def _sum(state: State, found: Instruction) -> bool:
    to, source = found.operands
    if found.mnemonic == "sub" and to.type == _REG and source.type == _REG and to.reg == source.reg:
        state.write(to, value("number", 0))
        return True
    one, other, sign = state.read(to), state.read(source), -1 if found.mnemonic == "sub" else 1
    state.write(to, add(one, other, sign) if to.size == WORD else folded(one, other, lambda a, b: a + sign * b))
    return True


def _step(state: State, found: Instruction) -> bool:
    (to,) = found.operands
    by = value("number", -1 if found.mnemonic == "dec" else 1)
    one = state.read(to)
    state.write(to, add(one, by) if to.size == WORD else folded(one, by, lambda a, b: a + b))
    return True


def _and(state: State, found: Instruction) -> bool:
    to, source = found.operands
    state.write(to, masked(state.read(to), state.read(source)))
    return True


def _or(state: State, found: Instruction) -> bool:
    to, source = found.operands
    by = state.read(source)
    if single(by, "number") == -1:
        state.write(to, by)
    else:
        state.write(to, changed(state.read(to), by, lambda a, b: a | b))
    return True


def _xor(state: State, found: Instruction) -> bool:
    to, source = found.operands
    if to.type == _REG and source.type == _REG and to.reg == source.reg:
        state.write(to, value("number", 0))
    else:
        state.write(to, changed(state.read(to), state.read(source), lambda a, b: a ^ b))
    return True


def _borrow(state: State, found: Instruction) -> bool:
    to, source = found.operands
    if to.type != _REG or source.type != _REG or to.reg != source.reg:
        return False
    state.write(to, None)  # 0 or -1
    return True


def _bit(state: State, found: Instruction) -> bool:
    to, number = found.operands
    index = single(state.read(number), "number") if number.type == _IMM or to.type == _REG else None
    if index is None or to.size != WORD:
        return False
    bit, what = 1 << (index & 31), _BITS[found.mnemonic]
    held = state.read(to)
    if held is not None and held[0] == "flags":
        state.write(to, value("flags", min(held[1]) | bit))
    else:
        state.write(to, folded(held, value("number", signed(bit)), what))
    return True


def _unary(state: State, found: Instruction) -> bool:
    (to,) = found.operands
    what: Callable[[int, int], int] = (lambda a, _: ~a) if found.mnemonic == "not" else (lambda a, _: -a)
    state.write(to, folded(state.read(to), value("number", 0), what))
    return True


def _shift(state: State, found: Instruction) -> bool:
    to = found.operands[0]
    by = state.read(found.operands[1]) if len(found.operands) > 1 else value("number", 1)
    count, bits = single(by, "number"), 8 * to.size
    if count is None or not 0 <= count & 31 < bits:
        return False
    count, name, mask = count & 31, found.mnemonic, (1 << bits) - 1

    def shifted(a: int, _: int) -> int:
        a &= mask
        if name in ("shl", "sal"):
            return a << count & mask
        if name == "shr":
            return a >> count
        if name == "sar":
            return (a >> count | (mask << bits - count if a >> bits - 1 else 0)) & mask
        turn = count if name == "rol" else bits - count
        return (a << turn | a >> bits - turn) & mask

    state.write(to, folded(state.read(to), value("number", 0), shifted))
    return True


def _multiply(state: State, found: Instruction) -> bool:
    if len(found.operands) == 1:
        return False
    one, other = (state.read(each) for each in found.operands[-2:])
    state.write(found.operands[0], folded(one, other, lambda a, b: a * b))
    return True


def _loop(state: State, _: Instruction) -> bool:
    state.registers[ECX] = add(state.registers[ECX], value("number", -1))
    return True


# ---- strings ----


def _string(state: State, found: Instruction) -> None:
    """Forwards: a direction flag that is set is a finding."""
    name = found.mnemonic
    size = {"b": 1, "w": 2}.get(name[-1], WORD)
    conditional = name[:4] in ("cmps", "scas")
    times = (single(state.registers[ECX], "number") if not conditional else None) if found.repeats else 1
    if times is not None:
        times &= MASK
    to, source = state.registers[EDI], state.registers[ESI]
    if found.stores and times != 0:
        what: Value = None
        if name[:4] == "movs":
            what = made(state.spread, *state.stack.values()) if STACK in tags(source) else None
        elif name[:4] == "stos":
            what = state.registers[EAX]
        whole = size * times if times is not None else 0
        state.put(to, whole, what if times == 1 else made(what), exact=times is not None)
    for number, moves in ((EDI, not name.startswith(("lods", "outs"))), (ESI, name[:4] in ("movs", "lods", "cmps")
                                                                         or name.startswith("outs"))):
        if moves:
            held = state.registers[number]
            by = value("number", signed(size * times)) if times is not None else None
            state.registers[number] = add(held, by) if by is not None else made(held)
    if name[:4] == "lods" and times != 0:
        loaded = made(state.spread, *state.stack.values()) if STACK in tags(source) else None
        state.registers[EAX] = made(loaded, state.registers[EAX] if size < WORD else None)
    if found.repeats:
        state.registers[ECX] = None if conditional else value("number", 0)


def _short_words(state: State, _: Instruction) -> bool:
    state.registers[ESP] = made(state.registers[ESP])
    return True


_KNOWN: dict[str, Callable[[State, Instruction], bool]] = {
    "push": _push, "pop": _pop, "pushfd": _push_flags, "popfd": _pop_flags, "pushal": _push_all, "popal": _pop_all,
    "enter": _enter, "leave": _leave, "mov": _move, "movzx": _extend, "movsx": _extend, "lea": _address,
    "xchg": _exchange, "cmpxchg": _compare_exchange, "add": _sum, "sub": _sum, "inc": _step, "dec": _step,
    "and": _and, "or": _or, "xor": _xor, "sbb": _borrow, "not": _unary, "neg": _unary, "imul": _multiply,
    **dict.fromkeys(_BITS, _bit), **dict.fromkeys(("shl", "sal", "shr", "sar", "rol", "ror"), _shift),
    **dict.fromkeys(_SHORT, _short_words), **dict.fromkeys(("loop", "loope", "loopne"), _loop),
}
_KNOWN.update({f"cmov{each}": _move_if for each in (
    "a", "ae", "b", "be", "e", "g", "ge", "l", "le", "ne", "no", "np", "ns", "o", "p", "s")})
