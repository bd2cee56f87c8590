# SPDX-License-Identifier: MIT
"""Whether the stack is at each way out as it was at the entry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openvmi.rom.lint.analysis import Analysis
    from openvmi.rom.lint.function import Exit, Function


def balance(analysis: Analysis) -> Iterator[tuple[int, str]]:
    """A stack pointer that is not where it was when control goes back, or that two paths bring to one place with
    different depths.

    The kernel goes on with a stack that is not its own, or at an address that was never one.

    Pop on every path what was pushed; leave by a frame only with the one that is there.
    """
    told: dict[int, str] = {}
    for function in analysis.functions.values():
        for each in function.exits:
            if said := _wrong(function, each):
                told.setdefault(each.instruction.offset, said)
    for offset, (one, other) in analysis.uneven.items():
        told.setdefault(offset, f"the stack is {one} bytes deep on one way here and {other} on another")
    yield from sorted(told.items())


def _wrong(function: Function, leaving: Exit) -> str:
    state = leaving.state
    if state.foreign or leaving.kind == "tail":
        return ""
    if leaving.kind in ("return", "end"):
        if leaving.kind == "return" and function.kind != "call":
            return ""  # the rule return tells
        if state.top != (0, 0):
            return f"the stack is {function.depth(state)} bytes deeper than at the entry"
        return ""
    if leaving.kind == "frame" and leaving.instruction.mnemonic != "iretq":
        return "takes another frame than IRETQ, and only half of an address from it"
    if leaving.kind == "landing" and (not leaving.declared or function.goes_on(leaving)):
        return ""  # the rule landing tells; or it goes on as the callee of whoever called
    return "" if function.frame_right(leaving) else "the frame here is neither that of the entry nor one that goes back"
