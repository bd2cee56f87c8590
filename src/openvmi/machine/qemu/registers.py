# SPDX-License-Identifier: MIT
"""The processor's state, from what QEMU prints for people (target/i386/cpu-dump.c)."""

from __future__ import annotations

import re

from openvmi.hypervisors.base import Registers
from openvmi.units import Gpa, Gva

_GENERAL = ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", *(f"r{n}" for n in range(8, 16)))
# RAX=0000000000000000 ... R8 =... CR0=80010011 ... CS =0008 0000000000000000 ffffffff 00af9b00 ... CPL=0
_VALUE = re.compile(r"\b([A-Z][A-Z0-9]*) *=([0-9a-f]+)\b")


def parse(text: str) -> Registers | None:
    """The answer to `info registers` of a processor in 64-bit mode; None when something is missing, as in others."""
    found = {name.lower(): int(value, 16) for name, value in _VALUE.findall(text)}
    try:
        return Registers(
            general={name: found[name] for name in _GENERAL},
            rip=Gva(found["rip"]),
            rflags=found["rfl"],
            cs=found["cs"],
            ss=found["ss"],
            cr2=Gva(found["cr2"]),
            cr3=Gpa(found["cr3"]),
            user=found["cpl"] == 3,
        )
    except KeyError:
        return None
