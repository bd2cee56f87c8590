# SPDX-License-Identifier: MIT
"""How taint is written: one letter for each recorded fact, as in the interface definition."""

from __future__ import annotations

from openvmi.abi.names import Taint

_LETTERS = {
    Taint.PROPRIETARY: "P", Taint.NO_SOURCE: "S", Taint.UNSIGNED: "U", Taint.FORCED: "F", Taint.NOT_REPRODUCED: "R",
    Taint.OVERRIDDEN_FIRMWARE: "O",
}
_MEANINGS = {
    Taint.PROPRIETARY: "proprietary ROM",
    Taint.NO_SOURCE: "no source",
    Taint.UNSIGNED: "unsigned or unknown key",
    Taint.FORCED: "a refusal was overridden",
    Taint.NOT_REPRODUCED: "not known to be rebuilt from its source",
    Taint.OVERRIDDEN_FIRMWARE: "overridden firmware",
}


def letters(taint: Taint) -> str:
    """PSUFRO, less what does not apply; empty when nothing does."""
    return "".join(letter for bit, letter in _LETTERS.items() if bit in taint)


def meanings(taint: Taint) -> dict[str, str]:
    """What each letter that applies stands for, in the same order."""
    return {letter: _MEANINGS[bit] for bit, letter in _LETTERS.items() if bit in taint}


def sentence(taint: Taint | None) -> str:
    """For people."""
    if taint is None:
        return "taint: unknown (the guest had not linked, or lost its record of it)"
    if not letters(taint):
        return "taint: none"
    return f"taint: {letters(taint)} ({', '.join(meanings(taint).values())})"
