# SPDX-License-Identifier: MIT
"""The interface definition for people and as JSON."""

from __future__ import annotations

import textwrap
from typing import Any

import attrs

from openvmi.abi.model import TYPES, Call, Interface
from openvmi.errors import UsageError

_WIDTH = 100


def find(abi: Interface, text: str) -> Call:
    """A call by its name in any usual spelling (IrqSave, irq_save, pv_irq_save) or number (0x0102)."""
    plain = text.lower().removeprefix("pv_").replace("_", "").replace("-", "")
    for call in abi.calls:
        if call.name.lower() == plain or f"{call.number:#06x}" == text.lower():
            return call
    raise UsageError(f"VMI {abi.version} has no call {text!r}; openvmi abi list names all of them")


def describe(call: Call) -> dict[str, Any]:
    """A call as JSON."""
    data = attrs.asdict(call)
    data["native"] = {"asm": call.native.asm, "bytes": call.native.code.hex(" "), "call": call.native.call,
                      "jump": call.native.jump, "size": call.site}
    return data


def table(abi: Interface) -> list[str]:
    """One line for each call."""
    rows = [(f"{c.number:#06x}", c.name, c.group, c.profile, c.convention, str(c.site), _native(c)) for c in abi.calls]
    rows.insert(0, ("number", "call", "group", "profile", "convention", "site", "native form"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return ["  ".join([*[cell.ljust(width) for cell, width in zip(row, widths, strict=False)], row[-1]]).rstrip()
            for row in rows]


def lines(call: Call, abi: Interface) -> list[str]:
    """The whole definition of a call."""
    arguments = ", ".join(f"{TYPES[a.type][0]} {a.name}" for a in call.arguments) or "void"
    convention = next(c for c in abi.conventions if c.name == call.convention)
    registers = [
        f"  {register:<4} {a.name}: {TYPES[a.type][1]}; {a.doc}"
        for register, a in zip(abi.argument_registers, call.arguments, strict=False)
    ]
    return [
        f"{call.name}  {call.number:#06x}  (group {call.group}, profile {call.profile}, since {call.since})",
        f"{TYPES[call.result][0]} pv_{call.snake}({arguments})",
        "",
        *textwrap.wrap(call.contract, _WIDTH),
        "",
        *registers,
        *([f"  {abi.result_register:<4} result: {TYPES[call.result][1]}"] if call.result != "none" else []),
        f"convention  {convention.name}: {convention.doc}",
        *([f"clobbers    {', '.join(call.clobbers)} as well"] if call.clobbers else []),
        f"errors      {', '.join(call.errors) or 'none'}",
        f"site        {call.site} bytes: {_native(call)}",
    ]


def _native(call: Call) -> str:
    native = call.native
    if native.target:
        return f"{'call' if native.call else 'jump'} {native.target}"
    return f"{native.asm} ({native.code.hex(' ')})" if native.code else "nothing"
