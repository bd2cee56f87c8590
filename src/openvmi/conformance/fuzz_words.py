# SPDX-License-Identifier: MIT
"""What differs between a hypervisor and the model, in words: registers, memory, events, exceptions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from openvmi.abi.names import Call, Error
from openvmi.conformance.model.compare import Divergence
from openvmi.conformance.model.state import POOL_WORDS, SPAN_PAGES, WORDS
from openvmi.conformance.model.wanted import Changed, Want, Wanted, fits, registers
from openvmi.conformance.sequence import FIRST_SPARE, REGISTERS, SPARES, Op, Operation, Token, Values

_SOME = 8  #: alternatives, and places in memory, that are told
_VECTORS = {0: "divide error", 3: "breakpoint", 6: "invalid opcode", 7: "no floating point", 13: "general protection",
            14: "page fault"}
_WHERE = ("at the instruction itself", "in the ROM's text", "at the call's site", "elsewhere")
_FLAGS = ("interrupts enabled", "from user mode", "on a wrong stack", "interrupts enabled in the handler")
_TOP = 1 << 63

Field = tuple[str, Callable[[int], str]]


def _result(number: int) -> str:
    signed = number - 2 * _TOP
    known = number >= _TOP and signed in list(Error)
    return f"{number:#x}" + (f" ({Error(signed).name})" if known else "")


def _vector(number: int) -> str:
    name = _VECTORS.get(number) or (f"INT {number}" if FIRST_SPARE <= number < FIRST_SPARE + SPARES else "")
    return f"{number}" + (f" ({name})" if name else "")


def _flags(number: int) -> str:
    names = [name for bit, name in enumerate(_FLAGS) if number >> bit & 1]
    return f"{number:#x} ({', '.join(names) or 'interrupts disabled'})"


def _where(number: int) -> str:
    return _WHERE[min(number, len(_WHERE) - 1)]


def _registers(bits: int) -> str:
    return ", ".join(registers(bits)) or "none"


_LOST: Field = ("changed registers", _registers)
#: What an observation is, and what its numbers are: sequence.h has them.
_LETTERS: dict[str, tuple[str, tuple[Field, ...]]] = {
    "R": ("the call's return", (("result", _result), _LOST)),
    "K": ("what the call wrote", (("only as much as it returned (1 is yes)", hex), ("the first byte", hex),
                                  ("each byte follows the one before (1 is yes)", hex))),
    "L": ("what was read", (("value", hex),)),
    "E": ("the code was executed", ()),
    "F": ("the exception", (("vector", _vector), ("error code", hex), ("address", hex), ("place", _where),
                           ("flags", _flags), _LOST, ("rax, or the distance from the program's start", hex))),
    "V": ("the event", (("vector", str), ("flags", _flags), ("clock", hex))),
    "S": ("the system call of user mode", (("rax", hex), _LOST, ("flags", _flags))),
    "T": ("the deadline that the guest set", (("time", hex),)),
    "X": ("nothing is done, for there is no such thing here", ()),
    "D": ("the memory", (("hash", hex),)),
    "W": ("the console", (("text bytes", str),)),
    ";": ("nothing more", ()),
}


def _field(letter: str, index: int) -> Field:
    fields = _LETTERS.get(letter, ("", ()))[1]
    return fields[index] if index < len(fields) else (f"number {index}", hex)


def _words(wanted: Wanted, show: Callable[[int], str]) -> str:
    if wanted is None:
        return "anything"
    if isinstance(wanted, int):
        return show(wanted)
    if isinstance(wanted, frozenset):
        return " or ".join(map(show, sorted(wanted)))
    return wanted.words


def _phrase(letter: str, numbers: Iterable[Wanted]) -> str:
    """An observation, made or permitted."""
    fields = [(_field(letter, index), wanted) for index, wanted in enumerate(numbers)]
    told = ", ".join(f"{name} {_words(wanted, show)}" for (name, show), wanted in fields)
    what = _LETTERS.get(letter, (f"something unknown, {letter}", ()))[0]
    return f"{what}: {told}" if told else what


def _of(divergence: Divergence) -> str:
    one = divergence.operation
    return f"{_name(one)}: " if one else ""


def _name(one: Operation) -> str:
    if one.op is Op.CALL and one.number in list(Call):
        return "".join(map(str.capitalize, Call(one.number).name.split("_")))
    return one.op.name.lower()


# ---- what the two of them differ in ----


def differs(divergence: Divergence | None, ended: str, values: Values) -> Iterator[str]:
    """Sentences: what was observed that is not permitted, and what would have been in its place."""
    if divergence:
        yield from (_of(divergence) + line for line in _observed(divergence, values))
    if ended:
        yield f"the guest ended too early: {ended}"


def permitted(divergence: Divergence | None) -> Iterator[str]:
    """All that the model permits in place of what was observed, a line each, up to some."""
    if divergence:
        lines = [_phrase(one.letter, one.numbers) for one in divergence.wanted] or list(divergence.expected)
        yield from lines[:_SOME]
        if len(lines) > _SOME:
            yield f"and {len(lines) - _SOME} more"


def _observed(divergence: Divergence, values: Values) -> Iterator[str]:
    token = divergence.token
    if not divergence.wanted:
        yield f"observed {divergence.observed or 'nothing'}; permitted: {' or '.join(divergence.expected)}"
        return
    similar = [want for want in divergence.wanted
               if token and want.letter == token.letter and len(want.numbers) == len(token.numbers)]
    if token is None or not similar:
        seen = _phrase(token.letter, token.numbers) if token else "nothing"
        others = dict.fromkeys(_LETTERS.get(want.letter, (want.letter,))[0] for want in divergence.wanted)
        yield f"observed {seen}; permitted: {' or '.join(others)}"
        return
    if token.letter == "D":
        yield from _memory(values.memory, divergence.memories)
        return
    closest = min(similar, key=lambda want: len(_wrong(token, want)))
    for index in _wrong(token, closest):
        wanted = closest.numbers[index]
        if isinstance(wanted, Changed):
            yield from _registers_differ(token.numbers[index], wanted, _seen(divergence, values))
        else:
            instead = [want.numbers[index] for want in similar if _wrong(token, want) == [index]] or [wanted]
            yield _field_differs(token, index, list(dict.fromkeys(instead)))


def _wrong(token: Token, want: Want) -> list[int]:
    return [index for index, number in enumerate(token.numbers) if not fits(number, want.numbers[index])]


def _field_differs(token: Token, index: int, wanted: list[Wanted]) -> str:
    name, show = _field(token.letter, index)
    permits = " or ".join(_words(one, show) for one in wanted)
    return f"{name} of {_LETTERS[token.letter][0]} is {show(token.numbers[index])}; permitted: {permits}"


def _seen(divergence: Divergence, values: Values) -> dict[int, tuple[int, int]]:
    return values.registers[divergence.step] if divergence.step < len(values.registers) else {}


def _registers_differ(changed: int, wanted: Changed, seen: dict[int, tuple[int, int]]) -> Iterator[str]:
    for index, name in enumerate(REGISTERS):
        if not wanted.wrong(changed) >> index & 1:
            continue
        if not changed >> index & 1:
            yield f"register {name} is what it was; it must change"
        elif index in seen and not wanted.exactly >> index & 1:
            before, now = seen[index]
            yield f"register {name} is {now:#x}; permitted: {before:#x}, as it was"
        else:
            yield f"register {name} is no longer what it was; permitted: as it was"
    if wanted.wrong(changed) >> len(REGISTERS):
        yield f"registers {changed:#x}; permitted: {wanted.words}"


def _memory(seen: dict[int, int] | None, memories: tuple[dict[int, int], ...]) -> Iterator[str]:
    """Word by word, against the permitted memory that is the most like it."""
    if seen is None or not memories:
        yield "the memory differs; another boot did not tell where"
        return
    wrong = min((_words_differ(seen, memory) for memory in memories), key=len)
    if not wrong:
        yield "the memory differed; in another boot it did not"
    for number, (now, wanted) in sorted(wrong.items())[:_SOME]:
        yield f"memory at {_place(number)} is {now:#x}; permitted: {wanted:#x}"
    if len(wrong) > _SOME:
        yield f"and {len(wrong) - _SOME} words more of the memory differ"


def _words_differ(seen: dict[int, int], memory: dict[int, int]) -> dict[int, tuple[int, int]]:
    pairs = {number: (seen.get(number, 0), memory.get(number, 0)) for number in seen.keys() | memory.keys()}
    return {number: pair for number, pair in pairs.items() if pair[0] != pair[1]}


def _place(number: int) -> str:
    """As sequences write it."""
    page, offset = divmod(number, WORDS)
    if number < POOL_WORDS:
        return f"direct:{number * 8:#x}"
    span = page - POOL_WORDS // WORDS
    return f"span_direct:{SPAN_PAGES[span] * 4096 + offset * 8:#x}" if span < len(SPAN_PAGES) else f"word {number:#x}"
