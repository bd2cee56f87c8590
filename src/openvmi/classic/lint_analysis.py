# SPDX-License-Identifier: MIT
"""Every path through a classic ROM's code, from what clients enter: the two places of the header, and each answer of
get_reloc, which is asked as a client asks.
"""

from __future__ import annotations

from typing import Any

from attrs import define, field, frozen

from openvmi.abi.classic import Call, Header, Relocation
from openvmi.abi.layout import offset_of
from openvmi.abi.load import classic
from openvmi.classic.answers import Answers, ask
from openvmi.classic.image import ClassicRom
from openvmi.classic.lint_loops import ENDING, look
from openvmi.classic.lint_value import WORD
from openvmi.classic.lint_walk import BudgetError, Walk
from openvmi.rom.lint.instruction import Instruction, decode

#: Instructions gone through or decoded, and what else takes as long. classic-full takes a fifth of it.
WORK_LIMIT = 20_000
_REGISTERS = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi")
#: Calls that do not return, and what they leave by.
_ENDS = {Call.IRET: "iretd", Call.SYSEXIT: "sysexit"}
#: Offset of the first code in an image.
FIRST = offset_of(Header, "vmi_init")


@frozen
class Root:
    """A place where clients enter. `ends`: by which instruction it leaves. `called`: there is a return address.
    `arguments`: bytes of them on the stack. `counts`: ECX is one of them."""

    name: str
    offset: int
    convention: str
    may_change: frozenset[int]
    ends: str = "ret"
    called: bool = True
    arguments: int = 0
    counts: bool = False

    @property
    def first(self) -> int:
        """Bytes of the return address."""
        return WORD if self.called else 0

    @property
    def frame(self) -> int | None:
        """How far above the stack pointer the one of its interrupt return is; None: it has none."""
        return self.first if self.ends == "iretd" else None


@define(eq=False)
class Analysis:
    """Dictionaries have offsets of instructions as keys, and what is to be said of them."""

    rom: ClassicRom
    answers: Answers
    roots: list[Root] = field(factory=list)
    walks: dict[tuple[Any, ...], Walk] = field(factory=dict)
    reached: dict[int, Instruction] = field(factory=dict)
    entered: set[int] = field(factory=set)  #: places of functions
    undecodable: set[int] = field(factory=set)
    strays: dict[int, int] = field(factory=dict)
    indirect: set[int] = field(factory=set)
    leaves: dict[int, str] = field(factory=dict)  #: goes by other ways than a return
    frames: dict[int, str] = field(factory=dict)  #: changes what an interrupt return goes to
    balance: dict[int, str] = field(factory=dict)
    below: set[int] = field(factory=set)
    above: dict[int, str] = field(factory=dict)  #: writes its caller's part of the stack
    flags: dict[int, str] = field(factory=dict)
    text_writes: dict[int, str] = field(factory=dict)
    recursive: set[int] = field(factory=set)
    loops: dict[int, str] = field(factory=dict)  #: without a bound
    waits: set[int] = field(factory=set)  #: loops that end by what they read
    exceeded: str = ""
    _work: int = 0
    _decoded: dict[int, Instruction | None] = field(factory=dict)

    @classmethod
    def of(cls, rom: ClassicRom, answers: Answers | None = None) -> Analysis:
        """All of it, or what a sane amount of work gave; `exceeded` says so then. Without answers it is asked."""
        self = cls(rom, answers or ask(rom))
        self.roots = _roots(self.answers)
        try:
            for root in self.roots:
                key = _key(root)
                if key not in self.walks:
                    self.walks[key] = Walk(self, root)
                    self.walks[key].run()
            for key, walk in self.walks.items():
                look(self, walk, all(root.name in ENDING for root in self.roots if _key(root) == key))
        except BudgetError as error:
            self.exceeded = str(error)
        return self

    def walk(self, root: Root) -> Walk | None:
        """What was found from there; None: not looked at."""
        return self.walks.get(_key(root))

    def work(self, amount: int = 1) -> None:
        """So much more was done."""
        self._work += amount
        if self._work > WORK_LIMIT:
            raise BudgetError(f"not decidable within {WORK_LIMIT} steps through its instructions")

    def fetch(self, offset: int) -> Instruction | None:
        """The instruction at a place; None: there is none."""
        if offset not in self._decoded:
            self.work(2)
            inside = 0 <= offset < len(self.rom.data)
            self._decoded[offset] = decode(self.rom.data, offset, offset, bits=32) if inside else None
        return self._decoded[offset]

    def inside(self, offset: int) -> bool:
        """Whether code may be there."""
        return FIRST <= offset < len(self.rom.data)

    @property
    def stack(self) -> tuple[int, str]:
        """Bytes of stack that the call which takes most takes, and its name. The return address counts."""
        found = [(walk.deepest, root.name) for root in self.roots if (walk := self.walk(root)) is not None]
        return max(found, key=lambda each: each[0], default=(0, ""))


def _key(root: Root) -> tuple[Any, ...]:
    return root.offset, root.ends, root.called, root.arguments, root.counts


def _roots(answers: Answers) -> list[Root]:
    abi = classic()
    conventions = {each.name: each.clobbers for each in abi.conventions}

    def changed(convention: str, results: Any) -> frozenset[int]:
        names = {*conventions[convention], *(each.register for each in results)}
        return frozenset(_REGISTERS.index(each) for each in names if each in _REGISTERS)

    roots = [Root(each.name, each.offset, "regparm", changed("regparm", each.results)) for each in abi.entries]
    calls = {each.number: each for each in abi.calls}
    for answer in answers.answers:
        if answer.type not in (Relocation.CALL_REL, Relocation.JUMP_REL) or answer.outside:
            continue
        call = calls[answer.number]
        ends = _ENDS[answer.number] if call.convention == "noreturn" else "ret"
        called = ends == "ret" or answer.type == Relocation.CALL_REL
        # Of a few registers no source says what they are afterwards.
        open_ones = {number for number, name in enumerate(_REGISTERS) if name.upper() in call.unverified}
        places = [each.register for each in call.arguments]
        roots.append(Root(call.name, answer.target, call.convention,
                          changed(call.convention, call.results) | open_ones, ends, called,
                          WORD * sum(each in ("stack1", "stack2") for each in places), "ecx" in places))
    return roots


def name_of(number: int) -> str:
    """Of a register."""
    return _REGISTERS[number]
