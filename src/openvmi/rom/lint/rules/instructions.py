# SPDX-License-Identifier: MIT
"""Which instructions a ROM may have at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from capstone import x86

from openvmi.rom.code import VECTOR_GROUPS, VECTOR_MNEMONIC, VECTOR_REGISTER, WHOLE_STATE

if TYPE_CHECKING:
    from openvmi.rom.lint.analysis import Analysis
    from openvmi.rom.lint.instruction import Instruction

#: Beside those that capstone calls privileged: what faults, is ignored or tells of another machine outside ring 0
#: (Intel SDM volume 3, sections 2.8 and 5.9; volume 2, each instruction).
SENSITIVE = frozenset([
    "in", "insb", "insw", "insd", "out", "outsb", "outsw", "outsd", "cli", "sti", "pushf", "pushfq", "popf", "popfq",
    "int", "int1", "int3", "into", "icebp", "syscall", "sysenter", "sysret", "sysretq", "sysexit", "sysexitq", "iret",
    "iretd", "iretq", "cpuid", "rdtsc", "rdtscp", "rdpmc", "sgdt", "sidt", "sldt", "str", "smsw", "lgdt", "lidt",
    "lldt", "ltr", "lmsw", "clts", "hlt", "invd", "wbinvd", "wbnoinvd", "invlpg", "invlpga", "invpcid", "rdmsr",
    "wrmsr", "swapgs", "rdfsbase", "rdgsbase", "wrfsbase", "wrgsbase", "xsetbv", "monitor", "mwait", "monitorx",
    "mwaitx", "lar", "lsl", "verr", "verw", "ljmp", "lcall", "retf", "retfq", "lss", "lfs", "lgs", "clac", "stac",
    "rsm", "vmcall", "vmmcall", "vmlaunch", "vmresume", "vmread", "vmwrite", "vmxon", "vmxoff", "vmclear", "vmptrld",
    "vmptrst", "vmrun", "vmload", "vmsave", "clgi", "stgi", "skinit", "getsec", "encls", "enclu", "enclv", "tpause",
    "umonitor", "umwait", "hreset", "pconfig",
])
_SEGMENTS = {x86.X86_REG_DS, x86.X86_REG_ES, x86.X86_REG_SS, x86.X86_REG_CS, x86.X86_REG_FS, x86.X86_REG_GS}
_SYSTEM_REGISTER = re.compile(r"[cd]r\d+")


def _is_sensitive(found: Instruction) -> bool:
    if found.mnemonic in SENSITIVE or x86.X86_GRP_PRIVILEGE in found.groups:
        return True
    if any(_SYSTEM_REGISTER.fullmatch(name) for name in found.registers):
        return True
    first = found.operands[0] if found.operands else None
    return (found.mnemonic in ("mov", "pop") and first is not None and first.type == x86.X86_OP_REG
            and first.reg in _SEGMENTS)


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
        if not _is_sensitive(found) or name in table.allowed or analysis.door(found):
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
        if (VECTOR_GROUPS & found.groups or VECTOR_MNEMONIC.match(found.mnemonic)
                or any(VECTOR_REGISTER.fullmatch(name) for name in found.registers)):
            yield offset, "touches vector or floating-point state"
