# SPDX-License-Identifier: MIT
"""Instructions that a program does not have to itself."""

from __future__ import annotations

import re

from capstone import x86

from openvmi.rom.lint.instruction import Instruction, numbers_of

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
    "umonitor", "umwait", "hreset", "pconfig", "rdpid", "rdpru", "rdpkru", "wrpkru", "xsaves", "xsaves64", "xrstors",
    "xrstors64", "incsspd", "incsspq", "rdsspd", "rdsspq", "saveprevssp", "rstorssp", "wrssd", "wrssq", "wrussd",
    "wrussq", "setssbsy", "clrssbsy", "xend", "xtest",
])
_SEGMENTS = {x86.X86_REG_DS, x86.X86_REG_ES, x86.X86_REG_SS, x86.X86_REG_CS, x86.X86_REG_FS, x86.X86_REG_GS}
_SYSTEM_REGISTERS = numbers_of(re.compile(r"[cd]r\d+"))


def is_sensitive(found: Instruction) -> bool:
    """Whether it is one of them."""
    if found.mnemonic in SENSITIVE or x86.X86_GRP_PRIVILEGE in found.groups:
        return True
    if _SYSTEM_REGISTERS & found.registers:
        return True
    return found.mnemonic in ("mov", "push", "pop") and any(each.type == x86.X86_OP_REG and each.reg in _SEGMENTS
                                                            for each in found.operands)
