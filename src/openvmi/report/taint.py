# SPDX-License-Identifier: MIT
"""How taint is written: one letter for each recorded fact, as in the interface definition."""

from __future__ import annotations

from openvmi.abi.names import Taint

_LETTERS = {Taint.PROPRIETARY: "P", Taint.NO_SOURCE: "S", Taint.UNSIGNED: "U", Taint.FORCED: "F"}
_MEANINGS = {
    Taint.PROPRIETARY: "proprietary ROM",
    Taint.NO_SOURCE: "no source",
    Taint.UNSIGNED: "unsigned",
    Taint.FORCED: "a refusal was overridden",
}


def letters(taint: Taint) -> str:
    """PSUF, less what does not apply; empty when nothing does."""
    return "".join(letter for bit, letter in _LETTERS.items() if bit in taint)


def sentence(taint: Taint | None) -> str:
    """For people."""
    if taint is None:
        return "taint: unknown (the guest had not linked, or lost its record of it)"
    if not letters(taint):
        return "taint: none"
    return f"taint: {letters(taint)} ({', '.join(text for bit, text in _MEANINGS.items() if bit in taint)})"
