# SPDX-License-Identifier: MIT
"""Loops of a classic ROM: whether each ends, by a count or by what it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capstone import x86

from openvmi.classic.lint_state import EAX, ECX, ESP
from openvmi.classic.lint_value import MASK, Value
from openvmi.classic.lint_walk import REPEATS_LIMIT, BudgetError, Walk
from openvmi.rom.lint.instruction import PARTS, Instruction, Kind
from openvmi.rom.lint.loops import ROUNDS_LIMIT, Loop, condition, nest, once, passed

if TYPE_CHECKING:
    from openvmi.classic.lint_analysis import Analysis

#: Calls that end the machine: whoever has made one may wait for that.
ENDING = ("Reboot", "Shutdown")
#: What an instruction gives whatever was in its first operand.
_REPLACES = frozenset(("mov", "movzx", "movsx", "lea", "pop", "bsf", "bsr", "stosb", "stosd", "stosw"))
#: Beside the registers, by number: flags; carry and overflow apart; words of the stack, and one that is not known.
_FLAGS, _CARRY, _STACK = -1, -2, 1 << 40
#: What jumps and loops depend on; the others on flags.
_ZERO_FLAGS = frozenset([_FLAGS])
_USES = {"jecxz": frozenset([ECX]), "loop": frozenset([ECX]), "loope": frozenset([ECX, _FLAGS]),
         "loopne": frozenset([ECX, _FLAGS]), **dict.fromkeys(("jb", "jae", "jo", "jno"), frozenset([_CARRY]))}
#: Give what the rest of the machine makes, and what it makes of time.
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
    counted: list[tuple[Loop, int]] = []
    for loop in found:
        analysis.work(1 + len(loop.blocks) // 4)
        at = walk.keys[loop.head][1]
        leaving = [node for node in sorted(loop.blocks) if walk.edges[node] - loop.blocks]
        everything = [each for node in loop.blocks for each in walk.blocks[node]]
        rounds = [each for node in leaving if (each := _counted(analysis, walk, loop, everything, node)) is not None]
        if rounds:
            counted.append((loop, min(rounds)))
        elif not leaving:
            if not (ending and any(each.mnemonic == "hlt" for each in everything)):
                analysis.loops[at] = "goes round for ever: nothing leads out of it"
        elif _waits(analysis, walk, loop, leaving):
            analysis.waits.add(at)
        else:
            analysis.loops[at] = "goes round without a bound that could be computed, and waits for nothing"
    _together(analysis, walk, counted)


def _together(analysis: Analysis, walk: Walk, counted: list[tuple[Loop, int]]) -> None:
    """How often each instruction comes, in loops that have a bound and repeated by its prefix."""
    often = dict.fromkeys(walk.blocks, 1)
    for loop, rounds in counted:
        analysis.work(1 + len(loop.blocks) // 16)
        for node in loop.blocks:
            often[node] *= rounds
    total: dict[int, int] = {}
    for node, block in walk.blocks.items():
        for each in block if often[node] > 1 else [each for each in block if each.offset in walk.repeats]:
            total[each.offset] = total.get(each.offset, 0) + often[node] * walk.repeats.get(each.offset, 1)
    for offset, times in total.items():
        if times > REPEATS_LIMIT:
            analysis.loops[offset] = f"comes {times} times, with all the loops that it is in"


def _counted(analysis: Analysis, walk: Walk, loop: Loop, everything: list[Instruction], node: int) -> int | None:
    """How many rounds there are at most before a block leaves the loop; None: that is not computed."""
    block = walk.blocks[node]
    test = block[-1]
    analysis.work(1 + len(loop.blocks) // 4)
    if test.kind is not Kind.BRANCH or not passed(walk.edges, loop, node):
        return None
    assert test.target is not None
    inside = {walk.keys[each][1] for each in walk.edges[node] & loop.blocks}
    if test.mnemonic.startswith("loop"):
        alone = sum(ECX in each.written for each in everything) == 1
        counts = _first(walk, loop, ECX)
        fits = alone and test.end not in inside and counts and max(counts) <= REPEATS_LIMIT and 0 not in counts
        return max(counts) if fits else None
    setter = next((each for each in reversed(block[:-1]) if each.sets_flags or each.kind is not Kind.PLAIN), None)
    if setter is None or not setter.operands or setter.operands[0].type != x86.X86_OP_REG:
        return None
    number, size = PARTS.get(setter.operands[0].reg, (None, 0))
    changing = [each for each in everything if number in each.written]
    if number is None or size != 4 or len(changing) != 1 or (by := _step(changing[0], number)) is None:
        return None
    (home,) = (each for each in loop.blocks if changing[0] in walk.blocks[each])
    continues = condition(setter, test.mnemonic, size, by if setter is changing[0] else None)
    starts = _first(walk, loop, number)
    if not once(walk.edges, loop, home) or continues is None or not starts:
        return None
    goes_on = test.end not in inside
    worst = 0
    for start in starts | {start + by for start in starts}:
        at, rounds = start & MASK, 0
        while rounds <= ROUNDS_LIMIT and continues(at) == goes_on:
            at, rounds = (at + by) & MASK, rounds + 1
        analysis.work(rounds // 32)
        worst = max(worst, rounds)
    return worst + 1 if worst <= ROUNDS_LIMIT else None


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


def _waits(analysis: Analysis, walk: Walk, loop: Loop, leaving: list[int]) -> bool:
    """Whether it may be left by what is read in it: of a port, of a counter of the processor, or of memory that is
    neither the call's stack nor the image."""
    before: dict[int, set[int]] = {node: set() for node in loop.blocks}  # what comes from outside, where a block begins
    after: dict[int, set[int]] = {}
    todo = sorted(loop.blocks)
    while todo:
        node = todo.pop()
        analysis.work(1 + len(walk.blocks[node]) // 4)
        outside = before[node].copy()
        for each in walk.blocks[node]:
            _follow(walk, each, outside)
        if after.get(node) == outside:
            continue
        after[node] = outside
        for to in walk.edges[node] & loop.blocks:
            if not outside <= before[to]:
                before[to] |= outside
                todo.append(to)
    return any(_USES.get(last.mnemonic, _ZERO_FLAGS) & after[node] for node in leaving
               for last in [walk.blocks[node][-1]] if last.kind is Kind.BRANCH)


def _follow(walk: Walk, found: Instruction, outside: set[int]) -> None:
    """What one instruction makes of registers, flags and stack that come from outside."""
    name, reads = found.mnemonic, _reads(walk, found, outside)
    if found.kind is Kind.PLAIN and found.sets_flags:
        flags = {_FLAGS} if name in ("inc", "dec") else {_FLAGS, _CARRY}
        outside -= flags
        if reads:
            constant = name in ("test", "and", "or", "xor") or (name in ("cmp", "sub") and found.immediate == 0)
            outside |= flags - ({_CARRY} if constant else set())
    places = {_STACK + each for each in walk.places.get(found.offset, ())}
    stores = found.stores or name in ("push", "pushfd")
    if reads:
        outside |= found.written - {ESP}
        if stores and (found.offset in walk.own or name in ("push", "pushfd")):
            outside |= places or {_STACK}
        return
    if name in _REPLACES or _constant(found):
        outside -= found.written
    if stores and len(places) == 1:
        outside -= places


def _constant(found: Instruction) -> bool:
    """Whether what it makes does not depend on what it reads."""
    operands = found.operands
    if found.mnemonic in ("and", "imul") and found.immediate == 0:
        return True
    return (found.mnemonic in ("xor", "sub", "cmp") and all(each.type == x86.X86_OP_REG for each in operands)
            and operands[0].reg == operands[1].reg)


def _reads(walk: Walk, found: Instruction, outside: set[int]) -> bool:
    name = found.mnemonic
    if name in _OUTSIDE:
        return True
    if name == "nop" or _constant(found) or found.kind not in (Kind.PLAIN, Kind.BRANCH):
        return False
    if _FLAGS in outside and name.startswith(("set", "cmov", "adc", "sbb", "rcl", "rcr", "lahf", "pushf")):
        return True
    if name == "sahf" and EAX in outside:
        return True
    places = {_STACK + each for each in walk.places.get(found.offset, ())}
    held = bool(places & outside or _STACK in outside) if places else any(each >= _STACK >> 1 for each in outside)
    if name in ("pop", "popfd") and held:
        return True
    replaces = name in _REPLACES or name.startswith("set")
    for place, operand in enumerate(found.operands):
        if operand.type == x86.X86_OP_REG:
            if not (replaces and place == 0) and PARTS.get(operand.reg, (None, 0))[0] in outside:
                return True
        elif operand.type == x86.X86_OP_MEM:
            if any(PARTS.get(each, (None, 0))[0] in outside for each in (operand.mem.base, operand.mem.index)):
                return True
            read = name != "lea" and not (replaces and place == 0)
            if read and (found.offset not in walk.own or held):
                return True
    return False
