# SPDX-License-Identifier: MIT
"""Loops, and how often each goes round where that can be computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from attrs import frozen
from capstone import x86

from openvmi.rom.lint.analysis import EFFORT_LIMIT, Analysis
from openvmi.rom.lint.function import C_CHANGES
from openvmi.rom.lint.instruction import PARTS, RCX, Instruction, Kind
from openvmi.rom.lint.state import State, Value
from openvmi.rom.lint.transfer import Watcher, apply

#: Rounds that a counter is followed for. What goes round more often is to be declared.
ROUNDS_LIMIT = 1 << 16
#: Rounds of LOOP, and of repeated string instructions, that count as a bound at all.
REPEATS_LIMIT = 1 << 24
_DEPTH_LIMIT = 64  # of loops in loops


@frozen
class Loop:
    """Blocks that can follow each other for ever. `head`: where it is entered first."""

    head: int
    blocks: frozenset[int]


def find(analysis: Analysis) -> list[Loop]:
    """All of them; those inside another one, too."""
    entered = {function.offset for function in analysis.functions.values()}
    found, whole = nest(frozenset(analysis.edges), analysis.edges, analysis.before, entered)
    if not whole:
        analysis.exceeded = f"loops nested deeper than {_DEPTH_LIMIT}"
    return found


def nest(nodes: frozenset[int], edges: dict[int, set[int]], before: dict[int, set[int]],
         entered: set[int]) -> tuple[list[Loop], bool]:
    """The loops of a graph, and whether that is all of them. `before` has its edges the other way round, `entered`
    where it is come to from elsewhere.
    """
    found: list[Loop] = []
    whole = True
    work = [(nodes, 0)]
    while work:
        nodes, depth = work.pop()
        for blocks in components(nodes, edges):
            heads = [block for block in sorted(blocks) if block in entered or before.get(block, set()) - blocks]
            heads = heads or sorted(blocks)
            found.append(Loop(heads[0], blocks))
            if depth == _DEPTH_LIMIT:
                whole = False
            else:
                work.append((blocks - {heads[0]}, depth + 1))
    return sorted(found, key=lambda loop: (loop.head, -len(loop.blocks))), whole


def components(nodes: frozenset[int], edges: dict[int, set[int]]) -> Iterator[frozenset[int]]:
    """Strongly connected components that have a cycle (Tarjan 1972), without recursion."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    waiting: set[int] = set()
    for start in sorted(nodes):
        if start in index:
            continue
        index[start] = low[start] = len(index)
        stack.append(start)
        waiting.add(start)
        path = [(start, iter(sorted(edges.get(start, set()) & nodes)))]
        while path:
            node, successors = path[-1]
            following = next(successors, None)
            if following is None:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == index[node]:
                    members = set()
                    while True:
                        member = stack.pop()
                        waiting.discard(member)
                        members.add(member)
                        if member == node:
                            break
                    if len(members) > 1 or node in edges.get(node, ()):
                        yield frozenset(members)
            elif following not in index:
                index[following] = low[following] = len(index)
                stack.append(following)
                waiting.add(following)
                path.append((following, iter(sorted(edges.get(following, set()) & nodes))))
            elif following in waiting:
                low[node] = min(low[node], index[following])


def _block(analysis: Analysis, leader: int) -> list[Instruction]:
    """The instructions from a leader to the end of its block."""
    found, at = [], leader
    while (each := analysis.reached.get(at)) is not None and (at == leader or at not in analysis.program.leaders):
        found.append(each)
        if each.kind not in (Kind.PLAIN, Kind.CALL, Kind.INDIRECT_CALL):
            break
        at = each.end
    return found


def bound(analysis: Analysis, loop: Loop) -> int | None:
    """Rounds at most; None: cannot be computed, or not with a sane effort."""
    blocks = {leader: _block(analysis, leader) for leader in loop.blocks}
    everything = [each for block in blocks.values() for each in block]
    for leader, block in blocks.items():
        last = block[-1] if block else None
        if last is None or last.kind is not Kind.BRANCH:
            continue
        analysis.effort += len(blocks) * 4
        if analysis.effort > EFFORT_LIMIT:
            return None
        if not passed(analysis.edges, loop, leader):
            continue
        leaves = [target not in loop.blocks for target in (last.target, last.end)]
        if leaves[0] == leaves[1]:
            continue
        rounds = _by_counter(analysis, loop, blocks, everything, leader, goes_on=not leaves[0])
        if rounds is None:
            rounds = _by_bits(analysis, loop, blocks, everything, block, leaves[0])
        if rounds is not None:
            return rounds
    return None


def passed(edges: dict[int, set[int]], loop: Loop, leader: int) -> bool:
    """Whether each round comes through a block: no other way leads from the head to itself."""
    return leader == loop.head or not any(loop.head in component
                                          for component in components(loop.blocks - {leader}, edges))


def once(edges: dict[int, set[int]], loop: Loop, leader: int) -> bool:
    """Whether a block comes once in each round: in no other loop inside."""
    return passed(edges, loop, leader) and not any(
        leader in component for component in components(loop.blocks - {loop.head}, edges))


def _changes(analysis: Analysis, found: Instruction) -> Iterable[int]:
    if found.kind is Kind.CALL:
        callee = analysis.functions.get((found.target or 0, "call"))
        return callee.changes if callee else C_CHANGES
    if found.kind is Kind.INDIRECT_CALL:
        return C_CHANGES
    door = analysis.door(found)
    return door.lost(None) if door else found.written


def _by_counter(analysis: Analysis, loop: Loop, blocks: dict[int, list[Instruction]], everything: list[Instruction],
                leader: int, goes_on: bool) -> int | None:
    """A register that changes by the same number in each round, and is compared with a number."""
    block = blocks[leader]
    test = block[-1]
    if test.mnemonic.startswith("loop"):
        first = _first(analysis, loop, RCX)
        alone = sum(RCX in _changes(analysis, each) for each in everything) == 1
        return first if alone and goes_on and first and first <= REPEATS_LIMIT else None
    setter = next((each for each in reversed(block[:-1]) if each.sets_flags or each.kind is not Kind.PLAIN), None)
    if setter is None or not setter.operands or setter.operands[0].type != x86.X86_OP_REG:
        return None
    number, size = PARTS.get(setter.operands[0].reg, (None, 0))
    if number is None or size < 4:
        return None
    step = _step(analysis, everything, number)
    first = _first(analysis, loop, number)
    if step is None or first is None:
        return None
    stepper, by = step
    if PARTS[stepper.operands[0].reg][1] < size:
        return None
    home = next(name for name, each in blocks.items() if stepper in each)
    if not once(analysis.edges, loop, home):
        return None
    continues = condition(setter, test.mnemonic, size, by if setter is stepper else None)
    if continues is None:
        return None
    mask = (1 << 8 * size) - 1
    worst = 0
    for start in ({first} if setter is not stepper else set()) | {first + by}:
        value, rounds = start & mask, 0
        while continues(value) == goes_on:
            value, rounds = (value + by) & mask, rounds + 1
            analysis.effort += 1
            if rounds > ROUNDS_LIMIT or analysis.effort > EFFORT_LIMIT:
                return None
        worst = max(worst, rounds)
    return worst + 1


def _step(analysis: Analysis, everything: list[Instruction], number: int) -> tuple[Instruction, int] | None:
    """The one instruction of a loop that changes a register, and by what."""
    changing = [each for each in everything if number in _changes(analysis, each)]
    if len(changing) != 1:
        return None
    found = changing[0]
    if found.mnemonic not in ("inc", "dec", "add", "sub", "lea") or found.kind is not Kind.PLAIN:
        return None
    steps = set()
    for first in (1 << 30, 3 << 28):  # the same from anywhere
        state = State.entry("recipe")
        state.registers[number] = ("c", first)
        apply(found, state, Watcher())
        after = state.registers[number]
        steps.add(after[1] - first if isinstance(after, tuple) and after[0] == "c" else None)
    by = steps.pop()
    return (found, by) if not steps and by is not None else None


def _first(analysis: Analysis, loop: Loop, number: int) -> int | None:
    """What a register has when the loop is entered, wherever from; None: not one known number."""
    ways = {block for target in loop.blocks for block in analysis.before.get(target, ())} - loop.blocks
    values: set[Value] = set()
    for function in analysis.functions.values():
        if function.offset in loop.blocks:
            return None
        for leader in ways & function.states.keys():
            analysis.effort += 10
            if analysis.effort > EFFORT_LIMIT:
                return None
            values.add(_at_end(analysis, leader, function.states[leader].copy()).registers[number])
    value = values.pop() if len(values) == 1 else None
    return value[1] if isinstance(value, tuple) and value[0] == "c" else None


def _at_end(analysis: Analysis, leader: int, state: State) -> State:
    """The state at the end of a block, from that at its begin."""
    for each in _block(analysis, leader):
        if each.kind is Kind.CALL or analysis.door(each):
            for changed in _changes(analysis, each):
                state.registers[changed] = None
            state.forget()
        elif each.kind is Kind.PLAIN:
            apply(each, state, Watcher())
        else:
            for changed in each.written:
                state.registers[changed] = None
    return state


def condition(setter: Instruction, jump: str, size: int, by: int | None) -> Callable[[int], bool] | None:
    """Whether a conditional jump is taken, from the value of the register when `by` is None, from that after it changed
    by so much otherwise."""
    top, mask = 1 << 8 * size - 1, (1 << 8 * size) - 1
    if by is not None:
        result: dict[str, Callable[[int], bool]] = {
            "je": lambda v: v == 0, "jne": lambda v: v != 0, "js": lambda v: v >= top, "jns": lambda v: v < top,
        }
        if setter.mnemonic == "sub" and by < 0:
            result |= {"jb": lambda v: (v - by & mask) < -by, "jae": lambda v: (v - by & mask) >= -by}
        return result.get(jump)
    if setter.mnemonic == "test" and setter.operands[0].reg == setter.operands[-1].reg:
        other = 0
    elif setter.mnemonic == "cmp" and setter.immediate is not None:
        other = setter.immediate & mask
    else:
        return None

    def signed(value: int) -> int:
        return value - 2 * top if value >= top else value

    return {
        "je": lambda v: v == other, "jne": lambda v: v != other,
        "jb": lambda v: v < other, "jae": lambda v: v >= other, "jbe": lambda v: v <= other, "ja": lambda v: v > other,
        "jl": lambda v: signed(v) < signed(other), "jge": lambda v: signed(v) >= signed(other),
        "jle": lambda v: signed(v) <= signed(other), "jg": lambda v: signed(v) > signed(other),
        "js": lambda v: signed(v - other & mask) < 0, "jns": lambda v: signed(v - other & mask) >= 0,
    }.get(jump)


def _by_bits(analysis: Analysis, loop: Loop, blocks: dict[int, list[Instruction]], everything: list[Instruction],
             block: list[Instruction], leaves: bool) -> int | None:
    """BSF finds the lowest bit of a register, which BTR clears at once; the loop is left when there is none."""
    if len(block) < 2 or not leaves or block[-1].mnemonic != "je" or block[-2].mnemonic not in ("bsf", "bsr"):
        return None
    to, source = (_register(operand) for operand in block[-2].operands)
    if to is None or source is None:
        return None
    following = blocks.get(block[-1].end, [])
    clears = [each for each in everything if source in _changes(analysis, each)]
    if len(clears) != 1 or clears[0] not in following or clears[0].mnemonic != "btr":
        return None
    before = following[:following.index(clears[0])]
    if any(to in _changes(analysis, each) for each in before):
        return None
    return 64 if _register(clears[0].operands[1]) == to and passed(analysis.edges, loop, block[-1].end) else None


def _register(operand: Any) -> int | None:
    return PARTS.get(operand.reg, (None, 0))[0] if operand.type == x86.X86_OP_REG else None
