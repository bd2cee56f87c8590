# SPDX-License-Identifier: MIT
"""The rules, a function each. Its docstring is what the documentation and every report say of it, in three paragraphs:
what is found, why that matters, and what to do about it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator

from attrs import frozen

from openvmi.rom.lint.analysis import Analysis
from openvmi.rom.lint.rules import (
    addresses,
    branches,
    bytes,
    declared,
    frames,
    instructions,
    looping,
    registers,
    stacks,
)

#: Offset of what is found (None: nowhere), and a sentence about it.
Found = tuple[int | None, str]


@frozen
class Rule:
    """One of them, with the paragraphs of its docstring."""

    name: str
    check: Callable[[Analysis], Iterator[Found]]

    @property
    def paragraphs(self) -> tuple[str, str, str]:
        """What is found; why; what to do."""
        first, second, third = (" ".join(each.split()) for each in (inspect.getdoc(self.check) or "").split("\n\n"))
        return first, second, third


RULES = (
    Rule("instruction", instructions.instruction),
    Rule("vectors", instructions.vectors),
    Rule("decode", bytes.decode),
    Rule("overlap", bytes.overlap),
    Rule("landing", branches.landing),
    Rule("return", branches.returns),
    Rule("branch", branches.branch),
    Rule("entry", branches.entry),
    Rule("recipe", bytes.recipe),
    Rule("address", addresses.address),
    Rule("text-write", addresses.text_write),
    Rule("clobber", registers.clobber),
    Rule("flags", registers.flags),
    Rule("direction", registers.direction),
    Rule("balance", frames.balance),
    Rule("stack", stacks.stack),
    Rule("recursion", stacks.recursion),
    Rule("stack-bounds", stacks.bounds),
    Rule("stack-switch", stacks.switch),
    Rule("loop", looping.loop),
    Rule("declaration", declared.declaration),
    Rule("unreachable", bytes.unreachable),
    Rule("budget", declared.budget),
)
