# SPDX-License-Identifier: MIT
"""Two pieces of machine code, symbol by symbol, disassembled side by side."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from functools import cached_property

import capstone
from attrs import field, frozen

from openvmi.abi.names import WINDOW_DATA

#: Lines of one difference, lines of code compared by their likeness: beyond, line by line.
ROWS, ALIGNED = 200, 400
_CONTEXT = 2
_MANY, _LOOKED_AT = 64, 4096  # symbols that are shown one by one; that are disassembled to see whether they only moved
_RELATIVE = re.compile(r"(-?0x[0-9a-f]+|-?\d+)?\(%rip\)")
_TARGET = re.compile(r"^0x[0-9a-f]+$")

Symbols = Sequence[tuple[int, str]]
Row = tuple[str, str]


@frozen
class Difference:
    """One part that is not the same: its name, what it is in either, and lines side by side: given, rebuilt."""

    part: str
    given: str
    rebuilt: str
    rows: tuple[Row, ...] = ()


@frozen
class Code:
    """Bytes at an address, with labels: (address, name), ascending. `bits` 32 or 64."""

    data: bytes = field(repr=False)
    symbols: Symbols
    bits: int = 64
    start: int = 0

    def pieces(self) -> dict[str, tuple[int, bytes]]:
        """Address and bytes from each label to the next, by its name; all names of one address are one."""
        named: dict[int, list[str]] = {self.start: []}
        for at, name in self.symbols:
            if self.start <= at < self.start + len(self.data):
                named.setdefault(at, []).append(name)
        places = sorted(named)
        pieces: dict[str, tuple[int, bytes]] = {}
        seen: dict[str, int] = {}
        for at, end in zip(places, [*places[1:], self.start + len(self.data)], strict=True):
            name = ", ".join(named[at][:4]) or "before the first label"
            seen[name] = seen.get(name, 0) + 1
            if seen[name] > 1:
                name = f"{name} ({seen[name]})"
            pieces[name] = at, self.data[at - self.start:end - self.start]
        return pieces

    @cached_property
    def _places(self) -> list[int]:
        return [place for place, _ in self.symbols]

    def lines(self, at: int, data: bytes) -> list[str]:
        """Assembler text, with labels for addresses: code that has only moved reads the same."""
        decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64 if self.bits == 64 else capstone.CS_MODE_32)
        decoder.syntax = capstone.CS_OPT_SYNTAX_ATT
        decoder.skipdata = True
        places = self._places

        def name(target: int) -> str:
            index = bisect_right(places, target) - 1
            if target - self.start >= WINDOW_DATA and self.bits == 64:
                return f"data+{target - self.start - WINDOW_DATA:#x}"
            if index < 0 or not self.start <= target < self.start + len(self.data):
                return f"{target:#x}"
            rest = target - places[index]
            return f"<{self.symbols[index][1]}>" if not rest else f"<{self.symbols[index][1]}+{rest:#x}>"

        lines = []
        for instruction in decoder.disasm(data, at):
            end = instruction.address + instruction.size
            operands = instruction.op_str
            if _TARGET.fullmatch(operands):
                operands = name(int(operands, 16))
            if relative := _RELATIVE.search(operands):
                target = name(end + int(relative[1] or "0", 0))
                operands = f"{operands[:relative.start()]}{target}(%rip){operands[relative.end():]}"
            lines.append(f"{instruction.mnemonic} {operands}".strip())
        return lines


def compare(what: str, given: Code, rebuilt: Code) -> list[Difference]:
    """Every symbol whose code is not the same; one line for all that has only moved."""
    if given.data == rebuilt.data:
        return []
    mine, theirs = given.pieces(), rebuilt.pieces()
    found: list[Difference] = []
    moved: list[str] = []
    others = 0
    for name in dict.fromkeys([*theirs, *mine]):
        if mine.get(name, (0, b""))[1] == theirs.get(name, (0, b""))[1]:
            continue
        if len(found) >= _MANY or len(moved) >= _LOOKED_AT:
            others += 1
        elif name not in mine or name not in theirs:
            size = len((mine.get(name) or theirs[name])[1])
            there, missing = f"{size} bytes", "not there"
            found.append(Difference(f"{what}: {name}", there if name in mine else missing,
                                    missing if name in mine else there))
        else:
            left, right = given.lines(*mine[name]), rebuilt.lines(*theirs[name])
            if left == right:
                moved.append(name)
            else:
                found.append(Difference(f"{what}: {name}", _place(mine[name]), _place(theirs[name]),
                                        beside(left, right)))
    if others:
        found.append(Difference(what, f"{others} more symbols", "are not the same either"))
    if moved:
        text = f"{len(moved)} symbols have the same instructions, and other distances: {', '.join(moved[:8])}"
        found.append(Difference(what, text + (", ..." if len(moved) > 8 else ""), "moved"))
    if not found:
        found.append(Difference(what, f"{len(given.data)} bytes", f"{len(rebuilt.data)} bytes, in another order"))
    return found


def _place(piece: tuple[int, bytes]) -> str:
    return f"{len(piece[1])} bytes at {piece[0]:#x}"


def beside(given: Sequence[str], rebuilt: Sequence[str]) -> tuple[Row, ...]:
    """Lines side by side where they differ, with some around; the missing ones are empty. At most :data:`ROWS`."""
    rows: list[Row] = []
    if max(len(given), len(rebuilt)) > ALIGNED:
        longest = max(len(given), len(rebuilt))
        pairs = zip(_padded(given, longest), _padded(rebuilt, longest), strict=True)
        return _bounded([pair for pair in pairs if pair[0] != pair[1]])
    matcher = SequenceMatcher(None, given, rebuilt, autojunk=False)
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        if rows:
            rows.append(("...", "..."))
        for _, left, left_end, right, right_end in group:
            longest = max(left_end - left, right_end - right)
            rows += zip(_padded(given[left:left_end], longest), _padded(rebuilt[right:right_end], longest), strict=True)
    return _bounded(rows)


def _padded(lines: Sequence[str], size: int) -> list[str]:
    return [*lines, *[""] * (size - len(lines))]


def _bounded(rows: list[Row]) -> tuple[Row, ...]:
    if len(rows) <= ROWS:
        return tuple(rows)
    return (*rows[:ROWS], (f"... and {len(rows) - ROWS} lines more", ""))


def bytes_beside(given: bytes, rebuilt: bytes, start: int = 0) -> tuple[Row, ...]:
    """Rows of 16 bytes that differ."""
    def lines(data: bytes) -> Iterable[str]:
        for at in range(0, max(len(given), len(rebuilt)), 16):
            part = data[at:at + 16]
            yield f"{start + at:#06x}  {part.hex(' ')}" if part else ""

    return _bounded([pair for pair in zip(lines(given), lines(rebuilt), strict=True) if pair[0] != pair[1]])
