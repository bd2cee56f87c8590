# SPDX-License-Identifier: MIT
"""All paths from one place where clients enter a classic ROM, through the calls that it makes itself.

A call is gone through each time, with the stack and registers that its caller has: so what a callee does by a pointer
that it was passed, or to its caller's part of the stack, is followed as if there was no call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen
from capstone import x86

from openvmi.classic.lint_leave import built_wrong, flags_wrong, frame_wrong, where
from openvmi.classic.lint_state import ECX, ESP, FRAME, State
from openvmi.classic.lint_transfer import apply
from openvmi.classic.lint_value import (
    IMAGE,
    MASK,
    RETURN,
    STACK,
    WORD,
    Value,
    signed,
    single,
    tags,
    value,
)
from openvmi.rom.lint.instruction import Instruction, Kind, is_string

if TYPE_CHECKING:
    from openvmi.classic.lint_analysis import Analysis, Root

#: Calls that wait for each other.
NESTING_LIMIT = 60
#: Bytes of stack that are followed: a kernel of those years has 4 KiB or 8.
STACK_LIMIT = 4096
#: Words of it that something is known of.
PLACES_LIMIT = 256
#: Rounds of a loop that counts ECX down are looked at one by one when there are fewer.
_ROUNDS = 33
#: Rounds of repeated string instructions, and of LOOP, that count as a bound at all.
REPEATS_LIMIT = 1 << 24
_PUSHES, _POPS = frozenset(("push", "pushfd")), frozenset(("pop", "popfd"))
_ENDS = frozenset(("int3", "ljmp", "lcall", "retf"))
_STACK_SEGMENT = {x86.X86_REG_ESP, x86.X86_REG_EBP, x86.X86_REG_SP, x86.X86_REG_BP}


class BudgetError(Exception):
    """The image is too much work; the message says of what."""


@frozen(eq=False)
class Context:
    """A call that is being gone through; at the outermost, the client's. `end`: where it returns to."""

    target: int
    end: int | None
    outer: Context | None
    level: int

    def waits(self, target: int) -> bool:
        """Whether that function was called, and has not returned."""
        at: Context | None = self
        while at is not None:
            if at.target == target:
                return True
            at = at.outer
        return False


class Walk:
    """Nodes are places where paths meet, by number; each has what is known there, and what comes up to the next."""

    def __init__(self, analysis: Analysis, root: Root) -> None:
        self.analysis, self.root = analysis, root
        self.keys: list[tuple[Context, int]] = []
        self.states: list[State] = []
        self.blocks: dict[int, list[Instruction]] = {}
        self.edges: dict[int, set[int]] = {}
        self.arrivals: dict[tuple[int, int], list[Value]] = {}  #: registers, by where they come from and go to
        self.reached: set[int] = set()
        self.exits: dict[int, frozenset[int]] = {}  #: where it is left: the registers that are not what they were
        self.flat: set[int] = set()  #: use memory by another segment than that of the stack or the code
        self.own: set[int] = set()  #: use the stack, the image, or where ROMs are
        self.places: dict[int, set[int]] = {}  #: words of the stack that instructions use, where that is known
        self.repeats: dict[int, int] = {}  #: repeated string instructions: how often at most
        self.deepest = 0  #: bytes of stack
        self._nodes: dict[tuple[Context, int, int], int] = {}
        self._leaders: set[tuple[Context, int]] = set()
        self._through: dict[tuple[Context, int], int] = {}  #: the node whose block goes through a place
        self._contexts: dict[tuple[Context, int, int], Context] = {}
        self._todo: list[int] = []
        self._queued: set[int] = set()
        # Bytes that it may write from the entry's stack pointer on: the return address apart, which is checked.
        self._own = root.first + root.arguments + (FRAME[-1] + WORD if root.frame is not None else 0)

    def run(self) -> None:
        """To the point where nothing new comes out."""
        first = Context(self.root.offset, None, None, 0)
        root = self.root
        self.deepest = root.first
        self.analysis.entered.add(root.offset)
        self._arrive(None, first, root.offset, State.entry(root.called, root.frame), root.offset)
        while self._todo:
            node = self._todo.pop()
            self._queued.discard(node)
            self._block(node)

    def _arrive(self, node: int | None, context: Context, target: int, state: State, at: int) -> None:
        analysis = self.analysis
        if not analysis.inside(target):
            analysis.strays[at] = target
            return
        count = single(state.registers[ECX], "number")
        key = context, target, count if count is not None and 0 <= count < _ROUNDS else -1
        to = self._nodes.get(key)
        analysis.work(1 + len(state.stack) // 8)
        if to is None:
            to = self._nodes[key] = len(self.states)
            self.keys.append((context, target))
            self.states.append(state.copy())
            self._leaders.add((context, target))
            less = True
            if (inside := self._through.get((context, target))) is not None:
                self._queue(inside)  # its block ends here now
        else:
            known = self.states[to]
            if known.depth != state.depth:
                analysis.balance[target] = (f"the stack pointer is {where(known)} on one path and {where(state)} "
                                            f"on another")
                return
            less = known.join(state)
        if node is not None:
            self.edges.setdefault(node, set()).add(to)
            self.arrivals[node, to] = state.registers.copy()
        if less:
            self._queue(to)

    def _queue(self, node: int) -> None:
        if node not in self._queued:
            self._queued.add(node)
            self._todo.append(node)

    def _block(self, node: int) -> None:
        analysis = self.analysis
        context, at = self.keys[node]
        state = self.states[node].copy()
        block = self.blocks[node] = []
        for to in self.edges.pop(node, ()):
            del self.arrivals[node, to]
        while True:
            analysis.work(1 + len(state.stack) // 16 + state.cost // 128)
            state.cost = 0
            if len(state.stack) > PLACES_LIMIT:
                raise BudgetError(f"not decidable with more than {PLACES_LIMIT} places of the stack")
            found = analysis.fetch(at)
            if found is None:
                analysis.undecodable.add(at)
                return
            analysis.reached[at] = found
            self.reached.add(at)
            block.append(found)
            if found.kind is not Kind.PLAIN or found.mnemonic in _ENDS:
                self._go(node, context, found, state)
                return
            if not self._plain(found, state):
                return
            at = found.end
            self._through[context, at] = node
            if (context, at) in self._leaders or not analysis.inside(at):
                self._arrive(node, context, at, state, found.offset)
                return

    # ---- instructions ----

    def _plain(self, found: Instruction, state: State) -> bool:
        """One that goes on to the next; whether that is looked at."""
        self._touch(found, state)
        if found.mnemonic == "popfd":
            self._flags(found, state)
        if found.repeats and is_string(found.mnemonic):
            self._repeats(found, state.registers[ECX])
        apply(found, state)
        return self._after(found, state)

    def _after(self, found: Instruction, state: State) -> bool:
        analysis, depth = self.analysis, state.depth
        if state.text:
            analysis.text_writes[found.offset] = state.text
        if state.high == MASK:
            analysis.above[found.offset] = "writes anywhere on the stack"
        elif state.high > self._own and state.high > (depth or 0):
            analysis.above[found.offset] = f"writes {state.high - WORD} bytes above where the call came in"
        elif depth is not None and depth > self._own:
            analysis.above[found.offset] = "moves the stack pointer above what is the call's own"
        if depth is None:
            analysis.balance[found.offset] = "where the stack is cannot be computed from here on"
            return False
        taken = self.root.first - depth
        if taken > self.deepest:
            self.deepest = taken
        return taken <= STACK_LIMIT

    def _touch(self, found: Instruction, state: State) -> None:
        """Which memory it uses."""
        name, depth = found.mnemonic, state.depth
        assert depth is not None
        if name in _PUSHES or name in _POPS:
            self.places.setdefault(found.offset, set()).add(depth - WORD if name in _PUSHES else depth)
        if name == "xlatb":
            self.flat.add(found.offset)
        if not found.memories or name in ("lea", "nop"):
            return
        for operand in found.memories:
            segment = operand.mem.segment
            if segment not in (x86.X86_REG_SS, x86.X86_REG_CS) and (segment or operand.mem.base not in _STACK_SEGMENT):
                self.flat.add(found.offset)
            address = state.address(operand)
            if tags(address) & {STACK, IMAGE} or (address is not None and address[0] == "number" and tags(address)):
                self.own.add(found.offset)
            if address is not None and address[0] == "stack":
                moves = WORD if name == "pop" and operand.mem.base == x86.X86_REG_ESP else 0
                self.places.setdefault(found.offset, set()).update(each + moves for each in address[1])
                if min(address[1]) + moves < depth:
                    self.analysis.below.add(found.offset)

    def _flags(self, found: Instruction, state: State) -> None:
        if wrong := flags_wrong(state.load(state.depth or 0, WORD)):
            self.analysis.flags[found.offset] = wrong

    def _repeats(self, found: Instruction, count: Value) -> None:
        if count is not None and count[0] == "number":
            most = max(each & MASK for each in count[1])
            if most <= REPEATS_LIMIT:
                self.repeats[found.offset] = max(most, self.repeats.get(found.offset, 0))
                return
        elif count == value("entry", ECX) and self.root.counts:
            return
        self.analysis.loops[found.offset] = ("repeats as often as ECX says, which is neither a known number nor the "
                                             "call's own")

    # ---- where it goes ----

    def _go(self, node: int, context: Context, found: Instruction, state: State) -> None:
        """What is not simply followed by the next one."""
        self._touch(found, state)
        kind, name = found.kind, found.mnemonic
        if name in _ENDS or kind is Kind.STOP:
            return
        if kind is Kind.RETURN or kind is Kind.FRAME or name == "sysexit":
            self._leave(node, context, found, state)
        elif kind in (Kind.INDIRECT_JUMP, Kind.INDIRECT_CALL):
            known = state.read(found.operands[0]) if len(found.operands) == 1 else None
            if name == "jmp" and known is not None and known[0] == "image":
                for target in sorted(known[1]):
                    self._arrive(node, context, target, state, found.offset)
            else:
                self.analysis.indirect.add(found.offset)
        elif kind is Kind.CALL:
            self._call(node, context, found, state)
        elif kind is Kind.JUMP:
            assert found.target is not None
            self._arrive(node, context, signed(found.target), state, found.offset)
        else:
            self._branch(node, context, found, state)

    def _branch(self, node: int, context: Context, found: Instruction, state: State) -> None:
        assert found.target is not None
        name = found.mnemonic
        other = state.copy()
        ways = [state.narrow(name, True), other.narrow(name, False)]  # taken, or not
        if name.startswith("loop") or name == "jecxz":
            goes = name != "jecxz"
            if goes:
                apply(found, state)
                other = state.copy()
            count = state.registers[ECX]
            if count is not None and count[0] == "number":
                zero, others = 0 in count[1], count[1] - {0}
                ways = [bool(others), zero or name != "loop"] if goes else [zero, bool(others)]
                if others:
                    (state if goes else other).registers[ECX] = "number", others
            if not goes:
                state.registers[ECX] = value("number", 0)
            elif name == "loop":
                other.registers[ECX] = value("number", 0)
        if ways[1]:
            self._arrive(node, context, found.end, other, found.offset)
        if ways[0]:
            self._arrive(node, context, signed(found.target), state, found.offset)

    def _call(self, node: int, context: Context, found: Instruction, state: State) -> None:
        assert found.target is not None
        analysis, target = self.analysis, signed(found.target)
        state.high = -MASK
        state.push(value("image", found.end))
        if not self._after(found, state):
            return
        if target != found.end:  # that is to learn where the ROM is
            if context.waits(target):
                analysis.recursive.add(found.offset)
                return
            if context.level >= NESTING_LIMIT:
                raise BudgetError(f"not decidable within calls nested {NESTING_LIMIT} deep")
            key = context, target, found.end
            if key not in self._contexts:
                self._contexts[key] = Context(target, found.end, context, context.level + 1)
            context = self._contexts[key]
            if analysis.inside(target):
                analysis.entered.add(target)
        self._arrive(node, context, target, state, found.offset)

    def _leave(self, node: int, context: Context, found: Instruction, state: State) -> None:
        analysis, ends, frame, at = self.analysis, self.root.ends, self.root.frame, found.offset
        depth, returns = state.depth, found.mnemonic == "ret"
        assert depth is not None
        if returns and context.end is not None:
            if state.load(depth, WORD) != value("image", context.end):
                analysis.balance[at] = f"returns {where(state)}, or by an address that the call did not push"
            elif found.operands:
                analysis.balance[at] = "takes words off the stack that its caller takes off"
            else:
                state.pop()
                assert context.outer is not None
                self._arrive(node, context.outer, context.end, state, at)
            return
        lost = frozenset(number for number in range(8)
                         if number != ESP and state.registers[number] != value("entry", number))
        self.exits[at] = self.exits.get(at, frozenset()) | lost
        if ends == "ret" or context.end is not None:
            if not returns:
                analysis.leaves[at] = "its caller waits for a return"
            elif depth != 0 or state.load(0, WORD) != RETURN:
                analysis.balance[at] = f"returns {where(state)}, or by an address that the call did not push"
            elif found.operands:
                analysis.balance[at] = "takes words off the stack that its caller takes off"
        elif returns:
            analysis.leaves[at] = "nobody waits for a return"
        elif frame is None:
            if found.mnemonic != "sysexit" and (wrong := built_wrong(state, depth)):
                analysis.frames[at] = wrong
        elif found.mnemonic != ends:
            analysis.leaves[at] = "there is a frame, and this does not take it"
        elif depth != frame:
            analysis.balance[at] = f"leaves {where(state)}, and the frame is {frame} bytes above it"
        elif changed := frame_wrong(state, frame):
            analysis.frames[at] = changed
