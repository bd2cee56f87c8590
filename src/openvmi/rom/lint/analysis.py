# SPDX-License-Identifier: MIT
"""Everything that the rules look at: all functions of a program, and what was seen on the way."""

from __future__ import annotations

from typing import Any

from attrs import define, field, frozen
from capstone import x86

from openvmi.rom.lint.declarations import Declaration
from openvmi.rom.lint.function import Function
from openvmi.rom.lint.hypervisor import Door
from openvmi.rom.lint.instruction import RSP, Instruction, Kind
from openvmi.rom.lint.program import BudgetError, Program
from openvmi.rom.lint.sensitive import is_sensitive
from openvmi.rom.lint.state import MASK, WORD, State, Value

#: Instructions that the analysis goes through, each as often as something new is known of it. xen takes 15,000.
STEP_LIMIT = 100_000
#: For the bounds of loops: blocks looked at, rounds counted. What is not found within it counts as not known.
EFFORT_LIMIT = 300_000
#: Functions whose callers wait for them.
NESTING_LIMIT = 60
_IMM = x86.X86_OP_IMM
#: Kind of a function -> bytes from the stack pointer at its entry to what is its caller's.
_OWN = {"call": WORD, "recipe": 0}


@frozen
class Access:
    """Memory that an instruction reads or writes. `address` as a value of :mod:`openvmi.rom.lint.state`."""

    instruction: Instruction
    segment: str  #: "", "gs", "fs"
    address: Value
    exact: bool  #: no index that is not known
    writes: bool
    size: int
    wild: str  #: where on the stack it must not be


@define(eq=False)
class Analysis:
    """Sets are of offsets; dictionaries have them as keys."""

    program: Program
    functions: dict[tuple[int, str], Function] = field(factory=dict)
    reached: dict[int, Instruction] = field(factory=dict)
    edges: dict[int, set[int]] = field(factory=dict)  #: from leader to leader, calls apart
    accesses: dict[tuple[Any, ...], Access] = field(factory=dict)
    escapes: dict[int, int] = field(factory=dict)  #: address of text that others get -> where
    undecodable: set[int] = field(factory=set)
    strays: dict[int, int] = field(factory=dict)  #: -> where the branch goes
    uneven: dict[int, tuple[int, int]] = field(factory=dict)  #: -> two depths of the stack
    direction: dict[int, str] = field(factory=dict)
    indirect: dict[int, tuple[str, Declaration | None]] = field(factory=dict)  #: -> style
    recursive: set[tuple[int, str]] = field(factory=set)
    switches: dict[int, set[Function]] = field(factory=dict)
    repeats: dict[int, int | None] = field(factory=dict)  #: string instructions -> times, None: not known
    flags: set[int] = field(factory=set)
    before: dict[int, set[int]] = field(factory=dict)  #: edges the other way round
    exceeded: str = ""
    effort: int = 0
    _steps: int = 0
    _open: set[tuple[int, str]] = field(factory=set)
    _doors: dict[int, Door | None] = field(factory=dict)
    _thunks: dict[tuple[int, int], str] = field(factory=dict)

    @classmethod
    def of(cls, program: Program) -> Analysis:
        """All of it, or what a sane amount of work gave; `exceeded` says so then."""
        self = cls(program)
        try:
            program.find_leaders()
            for root in program.roots:
                self.function(root.offset, root.kind, root.holds)
        except BudgetError as error:
            self.exceeded = str(error)
        return self

    def function(self, offset: int, kind: str, holds: tuple[int | None, ...] = ()) -> Function | None:
        """The one that begins there; None: it is being looked at."""
        key = offset, kind
        if key in self._open:
            return None
        if key not in self.functions:
            if len(self._open) >= NESTING_LIMIT:
                raise BudgetError(f"calls nested deeper than {NESTING_LIMIT}")
            self._open.add(key)
            found = Function(self, offset, kind, holds)
            found.run()
            self._open.remove(key)
            self.functions[key] = found
        return self.functions[key]

    def step(self) -> None:
        """One instruction more."""
        self._steps += 1
        if self._steps > STEP_LIMIT:
            raise BudgetError(f"more than {STEP_LIMIT} steps through its instructions")

    def reach(self, found: Instruction) -> None:
        """The instruction can be executed."""
        self.reached[found.offset] = found

    def repeated(self, found: Instruction, count: Value) -> None:
        """A string instruction with a REP prefix comes with this in RCX."""
        times = count[1] if isinstance(count, tuple) and count[0] == "c" else None
        if self.repeats.get(found.offset, 0) is not None:
            self.repeats[found.offset] = times

    def edge(self, leader: int, target: int) -> None:
        """Control goes from one block to another."""
        self.edges.setdefault(leader, set()).add(target)
        self.before.setdefault(target, set()).add(leader)

    def door(self, found: Instruction) -> Door | None:
        """The way to the hypervisor that an instruction is."""
        if found.offset not in self._doors:
            self._doors[found.offset] = self._door(found)
        return self._doors[found.offset]

    def _door(self, found: Instruction) -> Door | None:
        number = next((operand.imm for operand in found.operands if operand.type == _IMM), None)
        for door in self.program.table.doors:
            if door.instruction == found.mnemonic and door.number in (None, number):
                return door
        if self.program.table.known or not is_sensitive(found):
            return None
        for each in self.program.declared.of("instruction"):
            if (each.instruction, each.symbol) == (found.mnemonic, self.program.symbol(found.offset)):
                self.program.declared.use("instruction", each.symbol, found.offset, instruction=found.mnemonic)
                return Door(each.instruction, None, each.writes, each.reason)
        return None

    def landing(self, found: Instruction, style: str) -> Declaration | None:
        """Notes an indirect branch; its declaration."""
        declared = self.program.declared.use("landing", self.program.symbol(found.offset), found.offset, style=style)
        self.indirect[found.offset] = style, declared
        return declared

    def thunk(self, found: Instruction) -> str:
        """Whether a call is that of a retpoline, which goes to a "stack" word or to what a "register" has; "" if not.

        The call pushes the address of a loop that catches speculation; what is called drops or replaces that address
        and returns (Intel, Retpoline: A Branch Target Injection Mitigation, 2018).
        """
        assert found.target is not None
        key = found.target, found.end
        if key not in self._thunks:
            self._thunks[key] = self._thunk(*key)
        if self._thunks[key]:
            for offset in key:
                self._mark(offset)
        return self._thunks[key]

    def _thunk(self, target: int, after: int) -> str:
        fetch = self.program.fetch
        loop = after
        while (caught := fetch(loop)) is not None and caught.mnemonic in ("pause", "lfence"):
            loop = caught.end
        if loop == after or caught is None or caught.kind is not Kind.JUMP or caught.target != after:
            return ""
        first = fetch(target)
        back = fetch(first.end) if first else None
        if first is None or back is None or back.kind is not Kind.RETURN or back.operands:
            return ""
        drops, replaces = State.entry("call"), first.mnemonic == "mov" and first.stores
        if first.mnemonic in ("lea", "add"):
            from openvmi.rom.lint.transfer import Watcher, apply

            apply(first, drops, Watcher())
            return "stack" if drops.registers[RSP] == ("s", 0, WORD) else ""
        if not replaces:
            return ""
        to, source = first.operands
        whole = source.type == x86.X86_OP_REG and source.size == WORD and to.type == x86.X86_OP_MEM
        plain = to.mem.base == x86.X86_REG_RSP and not (to.mem.disp or to.mem.index or to.mem.segment)
        return "register" if whole and plain else ""

    def _mark(self, offset: int) -> None:
        """The instructions of a retpoline up to its jump or return are known."""
        while (found := self.program.fetch(offset)) is not None:
            self.reached[offset] = found
            if found.kind is not Kind.PLAIN:
                return
            offset = found.end

    def access(self, found: Instruction, operand: Any, address: Value, exact: bool, writes: bool, size: int,
               state: State, kind: str) -> None:
        """Notes one; for a GS or FS address, without the segment's base. `kind`: of the function."""
        segment = {x86.X86_REG_GS: "gs", x86.X86_REG_FS: "fs"}.get(operand.mem.segment, "")
        wild = ""
        if segment and address is None:
            address, exact = ("c", operand.mem.disp & MASK), False
        if isinstance(address, tuple) and address[0] == "s" and not segment:
            _, base, offset = address
            if exact and base == state.top[0] and offset < state.top[1]:
                wild = "below the stack pointer"
            elif writes and exact and base == 0 and offset >= _OWN.get(kind, offset + 1):
                wild = "in its caller's part of the stack"
            elif writes and not exact and base == 0:
                wild = "of the stack at a place that is not known"
        elif address is None:
            return
        key = found.offset, segment, address, exact, wild, size
        if key not in self.accesses:
            self.accesses[key] = Access(found, segment, address, exact, writes, size, wild)
