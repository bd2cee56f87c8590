# SPDX-License-Identifier: MIT
"""What a call leaves in the registers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from openvmi.rom.lint.instruction import REGISTERS, RSP

if TYPE_CHECKING:
    from openvmi.rom.lint.analysis import Analysis
    from openvmi.rom.lint.function import Exit, Function

_FRAME_FLAGS = 2  #: word of the frame
#: TF, DF, IOPL, NT, RF, VM, AC: clear in a kernel (Intel SDM volume 1, section 3.4.3).
_SYSTEM_FLAGS = 0x100 | 0x400 | 0x3000 | 0x4000 | 0x10000 | 0x20000 | 0x40000
_OTHERS = frozenset(range(16)) - {RSP}


def clobber(analysis: Analysis) -> Iterator[tuple[int, str]]:
    """A register that is not what it was, and that the call's convention does not give away.

    The compiler of the kernel keeps values there across the call; it was told that they survive.

    Save the register and restore it on every path, or use one that the convention lets the call change.
    """
    told = set()
    for root in analysis.program.roots:
        function = analysis.functions.get((root.offset, root.kind))
        for each in function.exits if function else ():
            if each.state.foreign or not _counts(function, each):
                continue
            for number in sorted(_OTHERS - root.may_change):
                key = each.instruction.offset, number
                if not each.keeps(number) and key not in told:
                    told.add(key)
                    writer = _writer(analysis, function, number)
                    yield each.instruction.offset, (f"{REGISTERS[number]} is lost here for {root.name}, a call of "
                                                    f"convention {root.convention}{writer}")


def _counts(function: Function | None, leaving: Exit) -> bool:
    assert function is not None
    return function.kind == "jump" or function.goes_back(leaving)


def _writer(analysis: Analysis, function: Function | None, number: int) -> str:
    assert function is not None
    for leader in sorted(function.states):
        at = leader
        while (found := analysis.reached.get(at)) is not None and (at == leader or at not in analysis.program.leaders):
            if number in found.written:
                return f"; first written at {analysis.program.place(at)}"
            at = found.end
    return ""


def flags(analysis: Analysis) -> Iterator[tuple[int, str]]:
    """All flags loaded with something else than what was saved of them before.

    A call may change the arithmetic flags; those of the system (interrupts, direction, alignment checks, traps) are the
    kernel's.

    Restore with POPFQ only what PUSHFQ has saved in the same call; make frames with flags that the kernel has.
    """
    told = dict.fromkeys(analysis.flags, "loads flags that are not those of the entry")
    for function in analysis.functions.values():
        for each in function.exits:
            loaded = each.state.word(_FRAME_FLAGS) if each.kind == "frame" and function.frame_returns(each) else None
            if isinstance(loaded, tuple) and loaded[0] == "c" and loaded[1] & _SYSTEM_FLAGS:
                told[each.instruction.offset] = f"returns with flags {loaded[1]:#x}, some of which the kernel has clear"
    yield from sorted(told.items())


def direction(analysis: Analysis) -> Iterator[tuple[int, str]]:
    """The direction flag set where a call, a return or the end of a recipe comes.

    Compiled code takes it to be clear: the kernel's next string instruction would run backwards through memory.

    CLD before each of them.
    """
    told = dict(analysis.direction)
    for function in analysis.functions.values():
        for each in function.exits:
            if each.kind in ("return", "end", "tail", "landing") and each.state.direction:
                told.setdefault(each.instruction.offset, "the way back")
    for offset, where in sorted(told.items()):
        yield offset, f"the direction flag may be set at {where}"
