# SPDX-License-Identifier: MIT
"""Declarations, and the work that looking at an image takes. To be asked last: the others note what they rely on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openvmi.rom.lint.analysis import Analysis


def declaration(analysis: Analysis) -> Iterator[tuple[None, str]]:
    """A declaration that is wrong, or for something that is not there.

    It would excuse what comes into its place later, unseen.

    Remove it, or correct its symbol, rule, style or count.
    """
    declared = analysis.program.declared
    for problem in declared.wrong:
        yield None, problem
    if analysis.exceeded:
        return
    for each in declared.all:
        places = len(declared.used.get(each, ()))
        if not places:
            yield None, f"{each}: there is nothing of that kind"
        elif places != each.count:
            yield None, f"{each}: for {each.count} places, and it is needed at {places}"


def budget(analysis: Analysis) -> Iterator[tuple[None, str]]:
    """An image that is more work to look through than any ROM.

    What was not looked at is not known to be right.

    Make its code simpler; no ROM of this project comes near.
    """
    if analysis.exceeded:
        yield None, f"given up: {analysis.exceeded}"
