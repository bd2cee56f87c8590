# SPDX-License-Identifier: MIT
"""Data flow through everything that one entry leads to without a call: what is left at each way out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen
from capstone import x86

from openvmi.abi.names import WINDOW_SIZE
from openvmi.rom.lint import transfer
from openvmi.rom.lint.instruction import NUMBER, PARTS, RAX, RCX, RSP, Instruction, Kind, is_string
from openvmi.rom.lint.program import PRIVATE, RECIPES
from openvmi.rom.lint.state import ALIGNED, RETURN, WORD, State, Value, pointer, stack

if TYPE_CHECKING:
    from openvmi.rom.lint.analysis import Analysis

#: What a C function may change; taken where nothing better is known.
C_CHANGES = frozenset(NUMBER[name] for name in ("rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11"))
_FRAME_RSP = 3  #: word of the frame (frame.rsp of the interface)


@frozen(eq=False)
class Exit:
    """A way out. `state` is that after the instruction's own pops, the return address or frame still to be taken.

    `kind`: return, frame (IRET), tail (jump to `callee`), transfer (the same, to an entry with a frame), landing
    (indirect), window (a jump to what the hypervisor has there), end (of a recipe).
    """

    instruction: Instruction
    kind: str
    state: State
    callee: Function | None = None
    holds: tuple[int | None, ...] = ()
    target: int = 0  #: of transfer and window
    declared: bool = False  #: of landing
    lost: frozenset[int] = frozenset()  #: registers that whoever goes on may change

    def holds_at(self, number: int) -> bool:
        """Whether a register's value at the entry is where those who go on look for it."""
        base, offset = self.state.top
        return any(held == number and self.state.slots.get((base, offset + WORD * index)) == number
                   for index, held in enumerate(self.holds))

    def keeps(self, number: int) -> bool:
        """Whether the register has what it had at the entry."""
        if number in self.lost or (self.callee is not None and self.kind == "tail" and number in self.callee.changes):
            return False
        return self.state.registers[number] == number or self.holds_at(number)


class Function(transfer.Watcher):
    """One entry. `kind` and `holds` as of :class:`openvmi.rom.lint.program.Root`."""

    def __init__(self, analysis: Analysis, offset: int, kind: str, holds: tuple[int | None, ...] = ()) -> None:
        self.analysis, self.program = analysis, analysis.program
        self.offset, self.kind, self.holds = offset, kind, holds
        self.states: dict[int, State] = {}
        self.bases = {0: 0}  #: base -> most bytes below the entry's stack pointer that it is at
        self.elsewhere: set[int] = set()  #: bases on other stacks
        self.own = 0  #: bytes of stack, those of others apart
        self.own_elsewhere = 0  #: the same of other stacks
        self.below: dict[tuple[int, str], int] = {}  #: offset and kind of what it enters -> depth there
        self.below_elsewhere: dict[tuple[int, str], int] = {}  #: the same on other stacks
        self.exits: list[Exit] = []
        self.changes: frozenset[int] = C_CHANGES
        self.returns = True
        self._work: list[int] = []
        self._recording = False
        self._top = 0

    def run(self) -> None:
        """To the point where nothing new comes out; then once more, noting what there is."""
        self.states[self.offset] = State.entry(self.kind, self.holds)
        self._work.append(self.offset)
        while self._work:
            leader = self._work.pop()
            self._walk(leader, self.states[leader].copy())
        self._recording = True
        for leader, state in list(self.states.items()):
            self._walk(leader, state.copy())
        back = [each for each in self.exits if self.goes_back(each)]
        away = [each for each in self.exits if each.kind != "tail" or self.goes_back(each)]
        self.returns = bool(away)
        # Where it leaves for what is not followed, control may come back by itself, with any registers.
        self.changes = frozenset(number for number in range(16) if number != RSP
                                 and not (len(away) == len(back) and all(each.keeps(number) for each in back)))

    def goes_back(self, leaving: Exit) -> bool:
        """Whether control comes back to the caller from there."""
        if leaving.kind == "tail":
            return leaving.callee is None or leaving.callee.returns
        return leaving.kind in ("return", "end") or self.goes_on(leaving) or self.frame_returns(leaving)

    def goes_on(self, leaving: Exit) -> bool:
        """Whether it is a declared indirect branch to what returns to the caller by itself."""
        return leaving.declared and self.kind == "call" and leaving.state.top == (0, 0) and not leaving.state.foreign

    def frame_returns(self, leaving: Exit) -> bool:
        """Whether the frame left on the stack is one that goes back to the caller, as RET would."""
        base, offset = leaving.state.top
        for words in {len(leaving.holds), 0 if leaving.kind == "landing" else len(leaving.holds)}:
            at = offset + WORD * words
            if (leaving.state.slots.get((base, at)) == RETURN
                    and leaving.state.slots.get((base, at + WORD * _FRAME_RSP)) == stack(0, WORD)):
                return True
        return False

    def frame_right(self, leaving: Exit) -> bool:
        """Whether a frame is there: the one of this entry, or one that goes back, or on a stack that was declared."""
        base, _offset = leaving.state.top
        return self.frame_own(leaving) or base in self.elsewhere or leaving.state.foreign or self.frame_returns(leaving)

    def frame_own(self, leaving: Exit) -> bool:
        """Whether the stack is where the frame of this entry is."""
        base, offset = leaving.state.top
        return self.kind == "jump" and base == 0 and offset + WORD * len(leaving.holds) == WORD * len(self.holds)

    # ---- walking ----

    def _walk(self, leader: int, state: State) -> None:
        at = leader
        while True:
            found = self.program.fetch(at)
            self.analysis.step()
            if found is None:
                if self._recording:
                    self.analysis.undecodable.add(at)
                return
            if self._recording:
                self.analysis.reach(found)
                if found.repeats and is_string(found.mnemonic):
                    self.analysis.repeated(found, state.registers[RCX])
            if found.kind is not Kind.PLAIN:
                if not self._leave(found, leader, state):
                    return
            elif not self._door(found, state):
                transfer.apply(found, state, self)
            at = found.end
            if at in self.program.leaders or (at >= RECIPES and at == self.program.end_of(found.offset)):
                self._arrive(at, found, leader, state)
                return

    def _door(self, found: Instruction, state: State) -> bool:
        door = self.analysis.door(found)
        if door is None:
            return False
        self._given_away(found, state, tuple(range(16)))
        for number in (*door.lost(state.registers[RAX]), *found.written):
            state.registers[number] = None
        state.forget()
        return True

    def _leave(self, found: Instruction, leader: int, state: State) -> bool:
        """Follows an instruction that goes elsewhere; whether the next one comes, too."""
        if found.kind in (Kind.JUMP, Kind.BRANCH):
            assert found.target is not None
            for number in found.written:
                state.registers[number] = None
            self._arrive(found.target, found, leader, state)
            return found.kind is Kind.BRANCH
        if found.kind is Kind.CALL:
            return self._call(found, state)
        if found.kind is Kind.RETURN:
            self._exit(found, "return", state)
        elif found.kind is Kind.FRAME:
            self._exit(found, "frame", state)
        elif found.kind is Kind.INDIRECT_JUMP:
            transfer.touch(found, state, self)
            self._land(found, "computed", state)
        elif found.kind is Kind.INDIRECT_CALL:
            transfer.touch(found, state, self)
            self._note(self.depth(state) + WORD)
            for operand in found.operands:
                if operand.type == x86.X86_OP_REG and operand.reg in PARTS:
                    self.kept(found, state.registers[PARTS[operand.reg][0]])
            if self._recording:
                self.analysis.landing(found, "computed")
            self._called(found, state, C_CHANGES)
            return True
        return False

    def _arrive(self, target: int, found: Instruction, leader: int, state: State) -> None:
        program = self.program
        if found.offset >= RECIPES and target == program.end_of(found.offset):
            self._exit(found, "end", state)
        elif program.inside(target) or program.within(target, found.offset):
            self.analysis.edge(leader, target)
            self._come(target, found, state)
        elif found.target == target:
            self._outside(target, found, state)
        elif self._recording:
            self.analysis.undecodable.add(target)  # the code ends, and goes on

    def _come(self, target: int, found: Instruction, state: State) -> None:
        program = self.program
        if target in program.contexts:
            state = self._other_context(target, state)
        if target in program.transfers:
            holds = program.transfers[target]
            self.analysis.function(target, "jump", holds)
            self._exit(found, "transfer", state, None, holds, target)
            return
        if target in program.called and self.kind == "call" and target != self.offset and state.top == (0, 0):
            callee = self.analysis.function(target, "call")
            if callee is not None:
                self._enter(target, "call", self.depth(state))
                self._exit(found, "tail", state, callee)
                return
        known = self.states.get(target)
        if known is None:
            self.states[target] = state.copy()
            self._work.append(target)
        elif known.top != state.top:
            # On the stack of another context depths are that one's business.
            if self._recording and not (known.foreign and state.foreign):
                self.analysis.uneven.setdefault(target, (self.depth(known), self.depth(state)))
        elif known.join(state) and not self._recording:
            self._work.append(target)

    def _other_context(self, target: int, state: State) -> State:
        base = target + 1
        self.bases[base] = max(self.bases.get(base, 0), self.depth(state))
        self.elsewhere.add(base)
        self.program.declared.use("context", self.program.symbol(target), target)
        registers: list[Value] = [None] * 16
        registers[RSP] = stack(base, 0)
        return State(registers, {}, 2, True)

    def _outside(self, target: int, found: Instruction, state: State) -> None:
        if not self._recording:
            return
        declared = None
        if PRIVATE <= target < WINDOW_SIZE:
            declared = self.program.declared.use("branch", self.program.symbol(found.offset), found.offset)
        if declared is None:
            self.analysis.strays[found.offset] = target
        else:
            self._exit(found, "window", state, None, declared.holds, target)

    # ---- calls ----

    def _call(self, found: Instruction, state: State) -> bool:
        assert found.target is not None
        thunk = self.analysis.thunk(found)
        if thunk:
            if thunk == "stack":
                base, offset = state.top
                state.registers[RSP] = stack(base, offset + WORD)
            self._land(found, "retpoline", state)
            return False
        if not self.program.inside(found.target):
            self._outside(found.target, found, state)
            self._called(found, state, C_CHANGES)
            return True
        callee = self.analysis.function(found.target, "call")
        if self._recording and callee is None:
            self.analysis.recursive.add((found.target, "call"))
        self._note(self.depth(state) + WORD)
        self._enter(found.target, "call", self.depth(state) + WORD)
        self._called(found, state, callee.changes if callee else C_CHANGES)
        return callee is None or callee.returns

    def _called(self, found: Instruction, state: State, changes: frozenset[int]) -> None:
        if self._recording and state.direction:
            self.analysis.direction[found.offset] = "a call"
        self._given_away(found, state)
        for number in changes:
            state.registers[number] = None
        base, offset = state.top
        for place in [place for place in state.slots if place[0] == base and place[1] < offset]:
            del state.slots[place]
        state.forget()
        state.direction = 0

    def _given_away(self, found: Instruction, state: State, numbers: tuple[int, ...] = transfer.ARGUMENTS) -> None:
        if self._recording:
            for number in numbers:
                self.kept(found, state.registers[number])

    def _enter(self, target: int, kind: str, depth: int) -> None:
        below = self.below if self._top not in self.elsewhere else self.below_elsewhere
        below[target, kind] = max(below.get((target, kind), depth), depth)

    def _land(self, found: Instruction, style: str, state: State) -> None:
        declared = self.analysis.landing(found, style) if self._recording else None
        self._exit(found, "landing", state, None, declared.holds if declared else (), declared=declared is not None)

    def _exit(self, found: Instruction, kind: str, state: State, callee: Function | None = None,
              holds: tuple[int | None, ...] = (), target: int = 0, declared: bool = False) -> None:
        if self._recording:
            if kind == "tail":
                self._given_away(found, state)
            elif kind in ("return", "end", "frame"):
                self.kept(found, state.registers[RAX])
            elif self.kind != "jump":  # there each register is what it was, or pushed
                self._given_away(found, state, tuple(range(16)))
            leaving = Exit(found, kind, state.copy(), callee, holds, target, declared)
            self.exits.append(evolve(leaving, lost=C_CHANGES) if self.goes_on(leaving) else leaving)

    # ---- what the transfer functions tell ----

    def depth(self, state: State) -> int:
        """Bytes that the stack has grown."""
        base, offset = state.top
        self._top = base
        return self.bases.get(base, 0) - offset

    def moved(self, state: State) -> None:
        self._note(self.depth(state))

    def _note(self, depth: int) -> None:
        if self._top in self.elsewhere:
            self.own_elsewhere = max(self.own_elsewhere, depth)
        else:
            self.own = max(self.own, depth)

    def switched(self, instruction: Instruction, state: State, aligned: bool) -> int:
        base = instruction.offset + 1
        if aligned:
            if state.top[0] != base:
                self.bases[base] = max(self.bases.get(base, 0), self.depth(state) + ALIGNED)
                if state.top[0] in self.elsewhere:
                    self.elsewhere.add(base)
        else:
            self.bases[base] = 0
            self.elsewhere.add(base)
            if self._recording:
                self.analysis.switches.setdefault(instruction.offset, set()).add(self)
        return base

    def access(self, instruction: Instruction, operand: Any, address: Value, exact: bool, writes: bool, size: int,
               state: State) -> None:
        if self._recording:
            self.analysis.access(instruction, operand, address, exact, writes, size, state, self.kind)

    def kept(self, instruction: Instruction, value: Value) -> None:
        # The upper bytes that a result of one byte leaves are nobody's address.
        if self._recording and transfer.in_text(value) and value[0] != "u":
            self.analysis.escapes.setdefault(pointer(value)[1], instruction.offset)

    def flags(self, instruction: Instruction) -> None:
        if self._recording:
            self.analysis.flags.add(instruction.offset)
