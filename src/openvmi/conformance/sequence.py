# SPDX-License-Identifier: MIT
"""Sequences of operations: the form of the sequence guest's module, the form of files, and what the guest says of them.

kernels/conform/sequence/sequence.h has the same numbers; a test compares them.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable
from enum import IntEnum
from typing import Any

from attrs import frozen

from openvmi.abi.names import Call
from openvmi.errors import BadFileError

MAGIC, VERSION = 0x51455356, 2
OPERATIONS = 64  #: of one sequence
COUNT = 4096  #: sequences of one module, at most
_HEAD = struct.Struct("<IHH")
_OPERATION = struct.Struct("<B3BI3Q")
_MASK = (1 << 64) - 1

POOL, ROOTS, SCRATCH_WORDS = 12, 3, 128
POOL_PHYSICAL, ROOT_PHYSICAL, DIRECT_MAP = 0xF0_0000_0000, 0xE0_0000_0000, 0x1000_0000_0000
TEST_AREA = 1 << 39
SPAN_PHYSICAL, SPAN_SIZE = 0xD0_0000_0000, 2 << 20
USER_DATA, USER_MARK = 0xC0_0000, 0x5E90_0000
INPUT_FIRST, INPUT_COUNT = 0x20, 64  #: bytes of console input, which come in order, over and over
TEXT_BYTE = b"#"  #: what Kind.TEXT is full of; in no line of the guest's
FIRST_SPARE, SPARES = 48, 4
EACH, VALUES = "sequence.each=1", "sequence.values=1"  #: options of the guest
#: As struct registers of the guest has them: what changed is told as bits in this order.
REGISTERS = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", *(f"r{i}" for i in range(8, 16)))


class Op(IntEnum):
    """What an operation does."""

    CALL = 0  #: `number` is the call's
    LOAD = 1
    STORE = 2
    EXECUTE = 3
    POKE = 4  #: writes scratch word `number`
    HANDLER = 5  #: what the handler of source `number` does from now on: a Mode, and a source for SEND
    USER = 6  #: runs program `number` in user mode: USER_ flags, RDI, RSI
    INT = 7  #: INT of spare vector `number`
    FPU_READ = 8  #: the kernel reads floating-point register `number`: a Float
    FPU_WRITE = 9


class Kind(IntEnum):
    """What a value stands for."""

    NUMBER = 0
    PAGE = 1  #: guest-physical address in the pool
    DIRECT = 2  #: the same, direct-map address
    ENTRY = 3  #: from PteMake: these flags, and an address in the pool
    ROOT = 4  #: guest-physical, of address space n
    ANCHOR = 5  #: direct-map address of its entry for the test area
    SCRATCH = 6  #: address of a byte there
    STACK = 7  #: end of kernel stack n
    VECTOR = 8  #: entry of the handler of vector n
    NATIVE = 9  #: the other entry
    BUFFER = 10  #: address of a byte that nobody looks at
    CLOCK = 11  #: so many nanoseconds from now
    SPAN = 12  #: as PAGE, DIRECT and ENTRY, in memory that a large page can map
    SPAN_DIRECT = 13
    SPAN_ENTRY = 14  #: with the flag for it: of a large page. Nothing is done where the processor has none
    SELECTOR = 15  #: of slot n of DescriptorsSet; 3: none; 4: user mode's data
    TEXT = 16  #: address of a byte TEXT_BYTE


class Mode(IntEnum):
    """What an event's handler does; it always tells of the event first. All but KEEP acknowledge."""

    ACK = 0
    KEEP = 1
    MASK = 2
    SEND = 3  #: raises another source, once
    ENABLE = 4  #: enables interrupts for a moment, once


class Float(IntEnum):
    """Floating-point registers, of which 64 bits count."""

    XMM0 = 0
    XMM15 = 1
    MM0 = 2


USER_IF, BAD_RIP, BAD_CS, BAD_SS, RETURN_ONCE = 1, 2, 4, 8, 16
CODE_SLOT = 32  #: times 1 + n: the code segment is slot n of DescriptorsSet


class Program(IntEnum):
    """Programs of user mode."""

    LOAD = 0
    STORE = 1
    EXECUTE = 2
    SYSCALL = 3
    INT3 = 4
    UD2 = 5
    INT_48 = 6
    INT_49 = 7
    INT_50 = 8
    INT_51 = 9
    HLT = 10
    CLI = 11
    STI = 12
    POPF = 13
    LOAD_FS = 14
    LOAD_GS = 15
    SPIN = 16
    IN = 17
    CR3 = 18
    SWAPGS = 19
    DIVIDE = 20
    INT_13 = 21
    SEGMENT = 22  #: reads by ES, whose selector is the first argument; in 32-bit code too
    SPIN_COMPATIBLE = 23
    READ_XMM0 = 24
    WRITE_XMM0 = 25
    READ_XMM15 = 26
    WRITE_XMM15 = 27
    READ_MM0 = 28
    WRITE_MM0 = 29
    READ_LATE = 30  #: XMM0, not as the first instruction


@frozen
class Value:
    """One argument."""

    kind: Kind
    value: int


NOTHING = Value(Kind.NUMBER, 0)


@frozen
class Operation:
    """One step."""

    op: Op
    number: int = 0
    values: tuple[Value, Value, Value] = (NOTHING, NOTHING, NOTHING)


Sequence = tuple[Operation, ...]


def operation(op: Op, number: int, *values: Value) -> Operation:
    """With the arguments that are not given 0."""
    first, second, third = (*values, NOTHING, NOTHING, NOTHING)[:3]
    return Operation(op, number, (first, second, third))


def call(number: Call, *values: Value) -> Operation:
    """A call."""
    return operation(Op.CALL, number, *values)


# ---- the module ----


def pack(sequences: list[Sequence]) -> bytes:
    """The module with these sequences. :class:`ValueError` for more than the guest takes."""
    if len(sequences) > COUNT or any(len(sequence) > OPERATIONS for sequence in sequences):
        raise ValueError(f"a module has at most {COUNT} sequences of at most {OPERATIONS} operations")
    parts = [_HEAD.pack(MAGIC, VERSION, len(sequences))]
    for sequence in sequences:
        parts.append(struct.pack("<I", len(sequence)))
        for one in sequence:
            parts.append(_OPERATION.pack(one.op, *(value.kind for value in one.values), one.number,
                                         *(value.value & _MASK for value in one.values)))
    return b"".join(parts)


# ---- files ----

_FORMATS = ("openvmi-sequence-1", "openvmi-sequence-2")  #: the newest is written; it has more operations and values
_NAMES: dict[Op, Any] = {Op.CALL: Call, Op.USER: Program, Op.FPU_READ: Float, Op.FPU_WRITE: Float}  #: what `number` is


def show(one: Operation) -> str:
    """An operation as a line: `call PteSet direct:0x8 entry:0x7003`. Trailing zeros are left out."""
    values = list(one.values)
    while values and values[-1] == NOTHING:
        values.pop()
    what = str(one.number)
    if one.op in _NAMES:
        what = _NAMES[one.op](one.number).name.lower()
    words = [one.op.name.lower(), what]
    return " ".join(words + [f"{value.kind.name.lower()}:{value.value:#x}" for value in values])


def read_line(line: str) -> Operation:
    """The inverse of :func:`show`. :class:`ValueError` or :class:`KeyError` for what is no operation."""
    name, what, *values = line.split()
    if len(values) > 3:
        raise ValueError("more than three values")
    op = Op[name.upper()]
    known = _NAMES.get(op)
    number = int(known[what.upper()]) if known else int(what)
    if not 0 <= number < 1 << 32:
        raise ValueError("a number beyond 32 bits")
    parts = [value.split(":") for value in values]
    return operation(op, number, *(Value(Kind[kind.upper()], int(value, 0) & _MASK) for kind, value in parts))


def to_json(sequences: Iterable[Sequence], **more: object) -> str:
    """A file of sequences that follow each other in one boot; `more` is kept in it for readers."""
    found = {"format": _FORMATS[-1], **more, "sequences": [list(map(show, one)) for one in sequences]}
    return json.dumps(found, indent=1) + "\n"


def from_json(text: str, name: str) -> tuple[Sequence, ...]:
    """The sequences of a file. :class:`BadFileError` when it is none."""
    try:
        found = json.loads(text)
        lists = found["sequences"] if found["format"] in _FORMATS else None
        if not isinstance(lists, list) or not 0 < len(lists) <= COUNT or any(len(one) > OPERATIONS for one in lists):
            raise ValueError(f"expected format {_FORMATS[-1]}, with sequences of at most {OPERATIONS} operations")
        return tuple(tuple(read_line(line) for line in one) for one in lists)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadFileError(f"{name}: no sequences of operations ({error}); let openvmi fuzz write it") from error


# ---- what the guest says ----


@frozen
class Token:
    """One observation: a letter and its numbers, as sequence.h has them."""

    letter: str
    numbers: tuple[int, ...]

    def __str__(self) -> str:
        return self.letter + ",".join(f"{number:x}" for number in self.numbers)


_LINE = re.compile(r"^=([0-9a-f]+) (.*)$")
_TOKEN = re.compile(r"([A-Z])((?:[0-9a-f]+(?:,[0-9a-f]+)*)?)|;")


def tokens(text: str) -> list[Token]:
    """The observations of a line, ";" included. :class:`ValueError` for anything else in it."""
    found, rest = _tokens(text)
    if rest:
        raise ValueError(f"unexpected {rest[:20]!r}")
    return found


def _tokens(text: str) -> tuple[list[Token], str]:
    """The observations, and what follows that is none."""
    found, at = [], 0
    while match := _TOKEN.match(text, at):
        numbers = tuple(int(number, 16) for number in match[2].split(",")) if match[2] else ()
        found.append(Token(match[1] or ";", numbers))
        at = match.end()
    return found, text[at:]


# ---- what it tells for people ----


@frozen
class Values:
    """What the hash and the bits of a line are of."""

    registers: tuple[dict[int, tuple[int, int]], ...] = ()  #: by operation: number in REGISTERS -> before, now
    memory: dict[int, int] | None = None  #: of words that are not 0; None: it did not come to its end


def values(told: list[Token]) -> Values:
    """The values in a line of a guest that had the option VALUES."""
    registers: list[dict[int, tuple[int, int]]] = [{}]
    memory: dict[int, int] = {}
    for token in told:
        if token.letter == ";":
            registers.append({})
        elif token.letter == "Q" and len(token.numbers) == 3:
            registers[-1].setdefault(token.numbers[0], token.numbers[1:])
        elif token.letter == "M" and len(token.numbers) == 2:
            memory[token.numbers[0]] = token.numbers[1]
    return Values(tuple(registers), memory if any(token.letter == "D" for token in told) else None)


def logs(console: bytes) -> dict[int, list[Token]]:
    """The lines that are whole, by sequence number; at the end of each W, the number of bytes of TEXT that came.

    Of a line with something else in it there is what is before that: whoever has the console may garble it.
    """
    found = {}
    for line in console.split(b"\n")[:-1]:
        match = _LINE.match(line.replace(TEXT_BYTE, b"").decode("ascii", "replace").rstrip("\r"))
        if match:
            told, _ = _tokens(match[2])
            whole = told and told[-1].letter == "D"
            found[int(match[1], 16)] = [*told, Token("W", (line.count(TEXT_BYTE),))] if whole else told
    return found
