# SPDX-License-Identifier: MIT
"""The definition of the classic interface for people and as JSON."""

from __future__ import annotations

import textwrap
from typing import Any

import attrs

from openvmi.abi.classic_model import ANSWERS, ClassicCall, ClassicInterface, Operand
from openvmi.errors import UsageError

_WIDTH = 100


def find(abi: ClassicInterface, text: str) -> ClassicCall:
    """A call by its name, in any mixture of capitals, or number (33, 0x21)."""
    for call in abi.calls:
        if text.lower() in (call.name.lower(), str(call.number), f"{call.number:#x}"):
            return call
    raise UsageError(f"VMI {abi.version} has no call {text!r}; openvmi abi list --version {abi.version} names all of "
                     "them")


def describe(call: ClassicCall) -> dict[str, Any]:
    """A call as JSON."""
    return attrs.asdict(call) | {"native": {"asm": call.native.asm, "bytes": call.native.code.hex(" ")}}


def table(abi: ClassicInterface) -> list[str]:
    """One line for each call."""
    rows = [(str(c.number), c.name, c.group, c.convention, _answers(c), ", ".join(c.uses) or "never", _native(c))
            for c in abi.calls]
    rows.insert(0, ("number", "call", "group", "convention", "answers", "Linux", "native form"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return ["  ".join([*[cell.ljust(width) for cell, width in zip(row, widths, strict=False)], row[-1]]).rstrip()
            for row in rows]


def lines(call: ClassicCall, abi: ClassicInterface) -> list[str]:
    """The whole definition of a call."""
    group = next(g for g in abi.groups if g.name == call.group)
    convention = next(c for c in abi.conventions if c.name == call.convention)
    whole = ", all or nothing" if group.whole else ""
    return [
        f"{call.name}  {call.number}  (group {call.group}{whole}, since {call.since})",
        "",
        *textwrap.wrap(call.contract, _WIDTH),
        "",
        *[_operand("argument", a) for a in call.arguments],
        *[_operand("result", r) for r in call.results],
        f"convention  {convention.name}: {convention.doc}",
        f"answers     {_answers(call)}",
        f"Linux       {', '.join(call.uses) or 'never asks for it'}",
        f"native      {_native(call)}" + (f" ({call.native.code.hex(' ')})" if call.native.code else ""),
        *([f"unverified  {call.unverified}"] if call.unverified else []),
    ]


def _operand(kind: str, operand: Operand) -> str:
    return f"{kind:<10}  {operand.register:<6}  {operand.name}: {operand.doc}"


def _answers(call: ClassicCall) -> str:
    return ", ".join(ANSWERS[answer] for answer in call.answers)


def _native(call: ClassicCall) -> str:
    return {None: "none", "": "nothing"}.get(call.native.asm) or str(call.native.asm)
