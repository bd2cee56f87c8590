# SPDX-License-Identifier: MIT
"""How deep the stack gets, along all calls."""

from __future__ import annotations

from attrs import define, field

from openvmi.rom.lint.analysis import Analysis
from openvmi.rom.lint.state import WORD

Key = tuple[int, str]
#: No stack of a kernel is deeper; what comes here goes round.
_ENDLESS = 1 << 16
_ROUNDS = 300


@define
class Depths:
    """Bytes below the stack pointer at the entry of each function, and what it enters on the way there."""

    bytes: dict[Key, int] = field(factory=dict)
    through: dict[Key, Key] = field(factory=dict)
    endless: set[Key] = field(factory=set)

    def path(self, key: Key) -> list[Key]:
        """The functions on the way to the deepest place."""
        found = [key]
        while found[-1] in self.through and len(found) < 32:
            found.append(self.through[found[-1]])
        return found


def solve(analysis: Analysis) -> Depths:
    """Of all functions."""
    found = Depths({key: function.own for key, function in analysis.functions.items()})
    changed: set[Key] = set()
    for _ in range(min(len(found.bytes) + 1, _ROUNDS)):
        changed = set()
        for key, function in analysis.functions.items():
            for callee, depth in function.below.items():
                total = min(depth + found.bytes.get(callee, 0), _ENDLESS)
                if total > found.bytes[key]:
                    found.bytes[key], found.through[key] = total, callee
                    changed.add(key)
        if not changed:
            break
    found.endless = changed
    return found


def of_call(kind: str) -> int:
    """Bytes that a site itself puts on the stack."""
    return WORD if kind == "call" else 0
