# SPDX-License-Identifier: MIT
"""Whether everything comes to an end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from openvmi.rom.lint import loops

if TYPE_CHECKING:
    from openvmi.rom.lint.analysis import Analysis


def loop(analysis: Analysis) -> Iterator[tuple[int, str]]:
    """A loop, or a repeated string instruction, without a bound.

    A call is made with interrupts disabled or a lock held: the processor is lost until it comes back, and nothing says
    when.

    Count down from a number, or up to one; where the bound comes from an argument that was checked, or from who else
    writes the memory, declare it (rule loop) with the number, or with what ends it, and the reason.
    """
    for each in loops.find(analysis):
        if loops.bound(analysis, each) is None and not _declared(analysis, each.head):
            yield each.head, f"goes round without a bound that could be computed ({_extent(analysis, each)})"
    for offset, times in sorted(analysis.repeats.items()):
        if (times is None or times > loops.REPEATS_LIMIT) and not _declared(analysis, offset):
            yield offset, "repeats as often as RCX says, and that is no known number, or a large one"


def _declared(analysis: Analysis, offset: int) -> bool:
    program = analysis.program
    return program.declared.use("loop", program.symbol(offset), offset) is not None


def _extent(analysis: Analysis, each: loops.Loop) -> str:
    return "its blocks end at " + analysis.program.place(max(each.blocks))
