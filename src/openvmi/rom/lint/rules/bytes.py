# SPDX-License-Identifier: MIT
"""Whether what is executed is what one reads."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from openvmi.abi.names import SITE_LIMIT
from openvmi.rom.lint.instruction import decode as instruction_at
from openvmi.rom.lint.program import RECIPES
from openvmi.rom.tables import known_calls

if TYPE_CHECKING:
    from openvmi.rom.lint.analysis import Analysis

_LISTED = 100


def decode(analysis: Analysis) -> Iterator[tuple[int, str]]:
    """Bytes that are reached and are no instruction, or a path that runs off the end of the code.

    The processor raises an invalid opcode there in the kernel, or executes whatever comes behind.

    End each path with a return, a jump or ud2; keep data in .data or .rodata.
    """
    for offset in sorted(analysis.undecodable):
        yield offset, "control comes here, and there is no instruction"


def overlap(analysis: Analysis) -> Iterator[tuple[int, str]]:
    """A branch into the middle of an instruction.

    Such bytes mean two things: a disassembler shows one of them, and the other is executed.

    Branch to where instructions begin.
    """
    for before, after in pairwise(sorted(analysis.reached)):
        first = analysis.reached[before]
        if after < first.end:
            yield after, f"is inside the instruction at {analysis.program.place(before)}"


def recipe(analysis: Analysis) -> Iterator[tuple[int, str]]:
    """A recipe that is longer than the site of its call.

    The linker would write over the kernel's instructions behind the site.

    Put the work into the text and make the call a ROM_CALL.
    """
    image = analysis.program.image
    for index, call in enumerate(image.calls):
        code = image.recipe(call)
        known = known_calls().get(call.number)
        room = known.site if known else SITE_LIMIT
        if len(code) > room:
            from openvmi.rom.lint.program import RECIPE_ROOM

            yield RECIPES + index * RECIPE_ROOM, f"{len(code)} bytes for a site of {room}"


def unreachable(analysis: Analysis) -> Iterator[tuple[int, str]]:
    """Bytes of the text that nothing leads to and that nothing reads.

    What is not reached is not checked; it may be dead code, or code that is entered in a way that is not known here.

    Remove them, declare how they are entered (rule entry), or keep data in .data or .rodata.
    """
    if analysis.exceeded:
        return
    program = analysis.program
    covered = bytearray(len(program.text))
    for offset, found in analysis.reached.items():
        if offset < len(covered):
            covered[offset:found.end] = b"\1" * (min(found.end, len(covered)) - offset)
    for access in analysis.accesses.values():
        if not access.segment and access.address[0] == "w" and program.inside(access.address[1]):
            _cover_data(analysis, covered, access.address[1])
    at, listed = 0, 0
    while (start := covered.find(0, at)) >= 0 and listed < _LISTED:
        at = covered.find(1, start)
        at = len(covered) if at < 0 else at
        if start not in analysis.undecodable and not _padding(program.text[start:at]):
            listed += 1
            yield start, f"{at - start} bytes that nothing leads to"


def _cover_data(analysis: Analysis, covered: bytearray, offset: int) -> None:
    """What is read is data up to the next label or instruction that is reached."""
    ends = [each for each, _ in analysis.program.image.symbols if each > offset]
    end = min([*ends[:1], len(covered)])
    while offset < end and not covered[offset]:
        covered[offset] = 1
        offset += 1


def _padding(code: bytes) -> bool:
    at = 0
    while at < len(code):
        found = instruction_at(code, at, at)
        if found is None or found.mnemonic not in ("nop", "int3", "ud2"):
            return False
        at = found.end
    return True
