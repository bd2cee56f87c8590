# SPDX-License-Identifier: MIT
"""Loops of a classic ROM: whether each ends, by a count or by what it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capstone import x86

from openvmi.classic.lint_state import ECX
from openvmi.classic.lint_value import MASK, Value
from openvmi.classic.lint_walk import REPEATS_LIMIT, BudgetError, Walk
from openvmi.rom.lint.instruction import PARTS, Instruction, Kind
from openvmi.rom.lint.loops import ROUNDS_LIMIT, Loop, condition, nest, once, passed

if TYPE_CHECKING:
    from openvmi.classic.lint_analysis import Analysis

#: Calls that end the machine: whoever has made one may wait for that.
ENDING = ("Reboot", "Shutdown")
#: Give what the rest of the machine makes, and what it makes of time.
_STACK = (x86.X86_REG_ESP, x86.X86_REG_EBP)
_OUTSIDE = frozenset(("in", "insb", "insw", "insd", "rdtsc", "rdtscp", "rdmsr", "rdpmc"))


def look(analysis: Analysis, walk: Walk, ending: bool) -> None:
    """Notes the loops of a walk that have no bound, and those that wait. `ending`: only calls that end the machine come
    there, which may halt for ever."""
    nodes = frozenset(walk.edges)
    analysis.work(len(nodes) // 2)
    before: dict[int, set[int]] = {}
    for node, targets in walk.edges.items():
        for target in targets:
            before.setdefault(target, set()).add(node)
    found, whole = nest(nodes, walk.edges, before, {0})
    if not whole:
        raise BudgetError("not decidable within loops nested 64 deep")
    for loop in found:
        analysis.work(1 + len(loop.blocks) // 4)
        at = walk.keys[loop.head][1]
        leaving = [node for node in sorted(loop.blocks) if walk.edges[node] - loop.blocks]
        everything = [each for node in loop.blocks for each in walk.blocks[node]]
        if not leaving:
            if not (ending and any(each.mnemonic == "hlt" for each in everything)):
                analysis.loops[at] = "goes round for ever: nothing leads out of it"
        elif not any(_counted(analysis, walk, loop, everything, node) for node in leaving):
            if _waits(walk, everything, leaving):
                analysis.waits.add(at)
            else:
                analysis.loops[at] = "goes round without a bound that could be computed, and waits for nothing"


def _counted(analysis: Analysis, walk: Walk, loop: Loop, everything: list[Instruction], node: int) -> bool:
    """Whether a block that leaves the loop does so after a number of rounds."""
    block = walk.blocks[node]
    test = block[-1]
    analysis.work(1 + len(loop.blocks) // 4)
    if test.kind is not Kind.BRANCH or not passed(walk.edges, loop, node):
        return False
    assert test.target is not None
    inside = {walk.keys[each][1] for each in walk.edges[node] & loop.blocks}
    if test.mnemonic.startswith("loop"):
        alone = sum(ECX in each.written for each in everything) == 1
        counts = _first(walk, loop, ECX)
        return bool(alone and test.end not in inside and counts and max(counts) <= REPEATS_LIMIT and 0 not in counts)
    setter = next((each for each in reversed(block[:-1]) if each.sets_flags or each.kind is not Kind.PLAIN), None)
    if setter is None or not setter.operands or setter.operands[0].type != x86.X86_OP_REG:
        return False
    number, size = PARTS.get(setter.operands[0].reg, (None, 0))
    changing = [each for each in everything if number in each.written]
    if number is None or size != 4 or len(changing) != 1 or (by := _step(changing[0], number)) is None:
        return False
    (home,) = (each for each in loop.blocks if changing[0] in walk.blocks[each])
    continues = condition(setter, test.mnemonic, size, by if setter is changing[0] else None)
    starts = _first(walk, loop, number)
    if not once(walk.edges, loop, home) or continues is None or not starts:
        return False
    goes_on = test.end not in inside
    worst = 0
    for start in starts | {start + by for start in starts}:
        at, rounds = start & MASK, 0
        while continues(at) == goes_on:
            at, rounds = (at + by) & MASK, rounds + 1
            if rounds > ROUNDS_LIMIT:
                return False
        worst = max(worst, rounds)
        analysis.work(rounds // 32)
    return True


def _step(found: Instruction, number: int) -> int | None:
    """By how much a register changes."""
    first = found.operands[0] if found.operands else None
    if first is None or first.type != x86.X86_OP_REG or PARTS.get(first.reg) != (number, 4):
        return None
    if found.mnemonic in ("inc", "dec"):
        return 1 if found.mnemonic == "inc" else -1
    if found.mnemonic in ("add", "sub") and found.immediate is not None:
        return found.immediate if found.mnemonic == "add" else -found.immediate
    return None


def _first(walk: Walk, loop: Loop, number: int) -> set[int]:
    """What a register may have when the loop is entered; empty: not known."""
    found: set[int] = set()
    for (source, to), registers in walk.arrivals.items():
        if to in loop.blocks and source not in loop.blocks:
            what: Value = registers[number]
            if what is None or what[0] != "number":
                return set()
            found |= {each & MASK for each in what[1]}
    return found


def _waits(walk: Walk, everything: list[Instruction], leaving: list[int]) -> bool:
    """Whether it may be left by what it reads: of a port, of a counter of the processor, or of memory that is not its
    own stack."""
    outside: set[int] = set()
    while True:
        before = len(outside)
        for each in everything:
            if _reads(each, outside):
                outside |= {number for number in each.written if number != 4}
        if len(outside) == before:
            break
    for node in leaving:
        block = walk.blocks[node]
        if block[-1].kind is not Kind.BRANCH:
            continue
        if block[-1].mnemonic == "jecxz" and ECX in outside:
            return True
        setter = next((each for each in reversed(block[:-1]) if each.sets_flags and each.kind is Kind.PLAIN), None)
        if setter is not None and _reads(setter, outside):
            return True
    return False


def _reads(found: Instruction, outside: set[int]) -> bool:
    if found.mnemonic in _OUTSIDE:
        return True
    if found.mnemonic in ("lea", "nop", "push", "pop", "call", "mov") and found.stores:
        return False
    if found.mnemonic != "lea" and any(each.mem.base not in _STACK for each in found.memories):
        return True
    return any(number in outside for each in found.operands if each.type == x86.X86_OP_REG
               for number in [PARTS.get(each.reg, (None, 0))[0]])
