# SPDX-License-Identifier: MIT
"""How much of the kernel's stack a call takes, and which."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from openvmi.rom.lint.stack import of_call, solve

if TYPE_CHECKING:
    from openvmi.rom.lint.analysis import Analysis


def stack(analysis: Analysis) -> Iterator[tuple[int, str]]:
    """More stack than the ROM says that its calls take, along the deepest path of calls. An entry with a frame
    counts by itself, as an interrupt does.

    The kernel leaves so much room and no more; what is beyond belongs to somebody else.

    Push less, call less deep, or raise stack in rom.toml, which may be 256 at most.
    """
    said = analysis.program.image.descriptor.stack
    depths = solve(analysis)
    told = set()
    for root in analysis.program.roots:
        key = root.offset, root.kind
        taken = depths.bytes.get(key, 0) + of_call(root.kind)
        if taken > said and key not in told and key not in depths.endless:
            told.add(key)
            path = " > ".join(analysis.program.symbol(offset) or "?" for offset, _ in depths.path(key))
            yield root.offset, f"{root.name} takes {taken} bytes of stack, {said} are declared: {path}"


def recursion(analysis: Analysis) -> Iterator[tuple[int, str]]:
    """A call that comes back to itself with a deeper stack.

    Nothing bounds the stack then, and the kernel's has an end.

    Make it a loop, or a function for each level.
    """
    endless = solve(analysis).endless or analysis.recursive
    if endless:
        names = sorted({analysis.program.symbol(offset) for offset, _ in endless})
        yield min(offset for offset, _ in endless), f"calls that come back to themselves are in: {', '.join(names)}"


def bounds(analysis: Analysis) -> Iterator[tuple[int, str]]:
    """Memory below the stack pointer, or a write to the caller's part of the stack or to an unknown place of it.

    Below, the next event or interrupt writes; above, the kernel keeps its own.

    Move the stack pointer first; leave the caller's words alone.
    """
    told = set()
    for access in analysis.accesses.values():
        offset = access.instruction.offset
        if access.wild and offset not in told:
            told.add(offset)
            yield offset, f"touches memory {access.wild}"


def switch(analysis: Analysis) -> Iterator[tuple[int, str]]:
    """A stack pointer that is loaded from elsewhere.

    From here on nobody can say which stack this is, how much of it is left, or that the way back is on it.

    Keep to the stack that one was called on; declare (rule stack-switch) where another one comes from and how much of
    it is free.
    """
    program, depths = analysis.program, solve(analysis)
    for offset in sorted(analysis.switches):
        declared = program.declared.use("stack-switch", program.symbol(offset), offset)
        if declared is None:
            yield offset, "the stack pointer becomes one that is not computed from itself"
            continue
        for function in analysis.switches[offset]:
            taken = max([function.own_elsewhere, *(depth + depths.bytes.get(callee, 0)
                                                   for callee, depth in function.below_elsewhere.items())])
            if taken > declared.bound:
                yield offset, f"{taken} bytes of that stack are taken, {declared.bound} are declared to be free"
