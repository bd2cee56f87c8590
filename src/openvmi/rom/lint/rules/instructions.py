# SPDX-License-Identifier: MIT
"""Which instructions a ROM may have at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from openvmi.rom.code import VECTOR_GROUPS, VECTOR_MNEMONIC, VECTOR_REGISTER, WHOLE_STATE
from openvmi.rom.lint.instruction import numbers_of
from openvmi.rom.lint.sensitive import is_sensitive

if TYPE_CHECKING:
    from openvmi.rom.lint.analysis import Analysis
    from openvmi.rom.lint.instruction import Instruction

_VECTOR_REGISTERS = numbers_of(VECTOR_REGISTER)


def instruction(analysis: Analysis) -> Iterator[tuple[int, str]]:
    """An instruction that ROM text may not execute on this hypervisor.

    Where the kernel does not run in ring 0 such an instruction faults, is ignored, or answers for the real machine
    instead of the virtual one.

    Use the hypervisor's own call for it, or, for a hypervisor that this tool does not know, declare the instruction as
    its door.
    """
    table = analysis.program.table
    if table.everything:
        return
    for offset, found in analysis.reached.items():
        name = found.mnemonic
        if not is_sensitive(found) or name in table.allowed or analysis.door(found):
            continue
        if any(each.code == found.prefix and each.instruction == name for each in table.prefixes):
            continue
        yield offset, f"{name} is not what text may do here: {table.text}"


def vectors(analysis: Analysis) -> Iterator[tuple[int, str]]:
    """A vector, x87 or mask register in a ROM that does not say that it carries them.

    They hold the state of the guest's user mode; no call saves them, so a process would find other numbers in its
    registers.

    Use general registers; or save and load all of them at once with FXSAVE64 and FXRSTOR64, and say carries_vectors in
    rom.toml.
    """
    carries = analysis.program.image.manifest.get("carries_vectors") is True
    for offset, found in analysis.reached.items():
        if carries and found.mnemonic in WHOLE_STATE:
            continue
        if is_vector(found):
            yield offset, "touches vector or floating-point state"


def is_vector(found: Instruction) -> bool:
    """Whether it touches vector, x87 or mask registers."""
    return bool(VECTOR_GROUPS & found.groups or VECTOR_MNEMONIC.match(found.mnemonic)
                or _VECTOR_REGISTERS & found.registers)
