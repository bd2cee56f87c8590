# SPDX-License-Identifier: MIT
"""What the text of a ROM may do on a hypervisor: `instructions.toml` in its folder of `openvmi/hypervisors`.

    level = "all" | "unprivileged"     # "all": ring 0 of the machine
    text = "where ROM text runs"
    [[allowed]]                        # beside what any program may do
    instruction = "iretq"
    why = "..."
    [[door]]                           # a way to the hypervisor
    instruction = "out"
    number = 0x56                      # of port or vector; left out: any
    writes = ["rax"]                   # registers that are not what they were
    arguments = { 29 = 2 }             # number in RAX -> how many of RDI RSI RDX R10 R8 R9 are lost beside; others: all
    why = "..."
    [[prefix]]                         # bytes that change what the next instruction means
    bytes = "0f 0b 78 65 6e"
    instruction = "cpuid"
    why = "..."
    [[memory]]                         # fixed addresses that belong to the ROM or hypervisor
    start = 0xffff800000000000
    size = 0x4000000000
    why = "..."
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Any

from attrs import frozen

from openvmi.rom.lint.instruction import NUMBER

#: Registers with the arguments of a system call, in their order.
ARGUMENTS = tuple(NUMBER[name] for name in ("rdi", "rsi", "rdx", "r10", "r8", "r9"))

FILE = "instructions.toml"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@frozen
class Door:
    """An instruction by which a ROM calls its hypervisor. `number`: of port or vector, None for any."""

    instruction: str
    number: int | None
    writes: tuple[int, ...]  #: register numbers
    why: str
    arguments: dict[int, int] | None = None

    def lost(self, number: object) -> tuple[int, ...]:
        """Registers that are not what they were; `number`: what RAX has, as a value of state.py."""
        if self.arguments is None:
            return self.writes
        known = self.arguments.get(number[1]) if isinstance(number, tuple) and number[0] == "c" else None
        return self.writes + ARGUMENTS[:known]


@frozen
class Memory:
    """Addresses `start` to `start` + `size`, in bytes."""

    start: int
    size: int
    why: str


@frozen
class Prefix:
    """Bytes in front of an instruction that make another one of it."""

    code: bytes
    instruction: str
    why: str


@frozen
class Table:
    """The rules of one hypervisor."""

    name: str
    known: bool
    everything: bool
    text: str
    allowed: dict[str, str]  #: mnemonic -> why
    doors: tuple[Door, ...]
    prefixes: tuple[Prefix, ...]
    memory: tuple[Memory, ...]


def doors(entries: list[dict[str, Any]]) -> tuple[Door, ...]:
    """As the tables have them."""
    return tuple(Door(entry["instruction"], entry.get("number"),
                      tuple(NUMBER[name] for name in entry.get("writes", ())), entry["why"],
                      {int(number, 0): count for number, count in entry["arguments"].items()}
                      if "arguments" in entry else None) for entry in entries)


@cache
def table(name: str) -> Table:
    """The one of a hypervisor. One that nobody here knows has no privileges, and only the doors that a ROM declares."""
    # Not through the package of hypervisors: that imports what runs guests.
    file = resources.files("openvmi") / "hypervisors" / name / FILE if _NAME.fullmatch(name) else None
    if file is None or not file.is_file():
        return Table(name, False, False, f"not known here for {name}: without privileges", {}, (), (), ())
    found = tomllib.loads(file.read_text(encoding="utf-8"))
    return Table(
        name, True, found["level"] == "all", found["text"],
        {entry["instruction"]: entry["why"] for entry in found.get("allowed", ())}, doors(found.get("door", [])),
        tuple(Prefix(bytes.fromhex(entry["bytes"]), entry["instruction"], entry["why"])
              for entry in found.get("prefix", ())),
        tuple(Memory(**entry) for entry in found.get("memory", ())),
    )
