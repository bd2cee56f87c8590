# SPDX-License-Identifier: MIT
"""What the definition of a classic interface (VMI 3.x) says, as immutable objects.

A client asks the ROM for each call (get_reloc), and clients exist that nobody here wrote: so a call says where each
operand is and which answers a client takes, where one of 4.x says how its site looks.
"""

from __future__ import annotations

from attrs import frozen

from openvmi.abi.model import Convention, Enum, Native, Struct, Value

#: Where an operand is: a register, or the n-th word behind the return address. "stack": several words, described in
#: words. "memory": where an argument points.
ARGUMENT_PLACES = ("eax", "ebx", "ecx", "edx", "esi", "edi", "stack1", "stack2", "stack")
RESULT_PLACES = ("eax", "ebx", "ecx", "edx", "memory")

#: Answers of get_reloc, as the definition calls them -> names in the enumeration Relocation.
ANSWERS = {"none": "NONE", "call": "CALL_REL", "jump": "JUMP_REL", "nop": "NOP"}


@frozen
class Operand:
    """An argument or a result; `register` is one of the places above."""

    name: str
    register: str
    doc: str


@frozen
class Use:
    """A way in which a client uses what the ROM answers: what it does for each answer, as (answer, text)."""

    name: str
    answers: tuple[tuple[str, str], ...]
    doc: str


@frozen
class Entry:
    """A function whose code is in the header itself, at `offset`."""

    name: str
    offset: int
    arguments: tuple[Operand, ...]
    results: tuple[Operand, ...]
    contract: str


@frozen
class ClassicCall:
    """One numbered operation.

    `native.asm` is what does the same in ring 0 where the call stands, without return: "" is nothing, None that there
    is no native form. `uses` names the ways in which Linux uses it, none when it never asks for it. `answers` are those
    that a client can go on with. `unverified` says what no source shows, or "".
    """

    name: str
    number: int
    group: str
    since: str
    convention: str
    arguments: tuple[Operand, ...]
    results: tuple[Operand, ...]
    native: Native
    uses: tuple[str, ...]
    answers: tuple[str, ...]
    contract: str
    unverified: str


@frozen
class ClassicGroup:
    """A family of calls. `whole`: a ROM answers CALL_REL for all of them or for none."""

    name: str
    whole: bool
    doc: str
    calls: tuple[ClassicCall, ...]


@frozen
class ClassicInterface:
    """One version of the classic interface, complete. Calls have the numbers 0 to `call_count` - 1."""

    major: int
    minor: int
    architecture: str
    call_count: int
    conventions: tuple[Convention, ...]
    uses: tuple[Use, ...]
    entries: tuple[Entry, ...]
    enums: tuple[Enum, ...]
    constants: tuple[Value, ...]
    groups: tuple[ClassicGroup, ...]
    structs: tuple[Struct, ...]

    @property
    def version(self) -> str:
        """As written: 3.0."""
        return f"{self.major}.{self.minor}"

    @property
    def calls(self) -> tuple[ClassicCall, ...]:
        """Every call, by number."""
        return tuple(sorted((call for group in self.groups for call in group.calls), key=lambda call: call.number))

    def changed(self, call: ClassicCall) -> tuple[str, ...]:
        """The registers that a call may change: what its convention says, and those of its results."""
        convention = next(c for c in self.conventions if c.name == call.convention)
        results = [r.register for r in call.results if r.register != "memory"]
        return tuple(dict.fromkeys((*results, *convention.clobbers)))

    def reactions(self, call: ClassicCall) -> tuple[tuple[str, str, str], ...]:
        """What clients do for each answer to a call that they take, for each way they use it: (answer, use, text)."""
        uses = [use for use in self.uses if use.name in call.uses]
        return tuple((answer, use.name, text) for answer in call.answers for use in uses
                     for name, text in use.answers if name == answer)
