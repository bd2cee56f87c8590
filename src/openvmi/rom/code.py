# SPDX-License-Identifier: MIT
"""Rules for the instructions of a ROM: which processor state they may touch, and how recipes may branch."""

from __future__ import annotations

import re
from collections.abc import Iterable

import capstone
from capstone import x86

from openvmi.abi.names import VCPU_ROM_OFFSET
from openvmi.errors import BuildError

_DECODER = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
_DECODER.syntax = capstone.CS_OPT_SYNTAX_ATT
_DECODER.detail = True

VECTOR_REGISTER = re.compile(r"[xyz]mm\d+|mm\d+|st\(\d\)|k\d|fpsw")
VECTOR_GROUPS = {x86.X86_GRP_FPU, x86.X86_GRP_MMX, x86.X86_GRP_3DNOW}
#: Reach that state without naming a register. Every x87 mnemonic, and fxsave, begins with f; nothing else does.
VECTOR_MNEMONIC = re.compile(r"f|wait|emms|xsave|xrstor|v?ldmxcsr|v?stmxcsr|vzero")
WHOLE_STATE = {"fxsave64", "fxrstor64"}
_RETURNS = {x86.X86_INS_RET, x86.X86_INS_RETF, x86.X86_INS_RETFQ}


def decode(code: bytes, where: str) -> list[capstone.CsInsn]:
    """Every instruction from end to end, addresses from 0. Raises :class:`BuildError` for bytes that are none."""
    instructions = list(_DECODER.disasm(code, 0))
    end = instructions[-1].address + instructions[-1].size if instructions else 0
    if end != len(code):
        raise BuildError(f"{where}+{end:#x}: {code[end:end + 8].hex(' ')} is not an instruction that can be checked; "
                         "keep data in .data or .rodata")
    return instructions


def text_of(instruction: capstone.CsInsn) -> str:
    """As an assembler source has it."""
    return f"{instruction.mnemonic} {instruction.op_str}".strip()


def check_registers(instructions: Iterable[capstone.CsInsn], where: str, *, carries: bool = False) -> None:
    """Vector, x87 and mask registers belong to the guest's user mode: a call saves none of them.

    `carries`: they may be saved and loaded all at once, for a user mode that is another process of the host.
    """
    for instruction in instructions:
        if carries and instruction.mnemonic in WHOLE_STATE:
            continue
        read, written = instruction.regs_access()
        registers = map(instruction.reg_name, {*read, *written})
        if (VECTOR_GROUPS & set(instruction.groups) or VECTOR_MNEMONIC.match(instruction.mnemonic)
                or any(VECTOR_REGISTER.fullmatch(name) for name in registers)):
            raise BuildError(f"{where}+{instruction.address:#x}: `{text_of(instruction)}` uses vector or "
                             "floating-point state, which a ROM must leave alone; use general registers")


def check_flow(instructions: Iterable[capstone.CsInsn], relocated: set[int], where: str) -> None:
    """A recipe is entered at its start and left at its end, or through text that a relocation names.

    `relocated` are the offsets of the relocated bytes.
    """
    instructions = list(instructions)
    starts = {instruction.address for instruction in instructions}
    size = sum(instruction.size for instruction in instructions)
    for instruction in instructions:
        place = f"{where}+{instruction.address:#x}: `{text_of(instruction)}`"
        if instruction.id in _RETURNS:
            raise BuildError(f"{place} returns, but a recipe stands in the middle of the guest's code; "
                             "let it run to its end, or use ROM_CALL")
        fixed = {instruction.address + offset for offset in (instruction.disp_offset, instruction.imm_offset) if offset}
        if capstone.CS_GRP_JUMP in instruction.groups or capstone.CS_GRP_CALL in instruction.groups:
            operand = instruction.operands[0]
            if operand.type != x86.X86_OP_IMM:
                raise BuildError(f"{place} is an indirect branch, which the guest's speculation defences do not "
                                 "cover; branch to a symbol")
            if not fixed & relocated and operand.imm not in starts | {size}:
                raise BuildError(f"{place} leaves the recipe for a place that the guest does not have; branch inside "
                                 "it, or to a symbol in .text")
        elif not fixed & relocated and any(operand.type == x86.X86_OP_MEM and operand.mem.base == x86.X86_REG_RIP
                                           for operand in instruction.operands):
            raise BuildError(f"{place} reads memory near the recipe, which the guest does not have; "
                             "refer to a symbol in .data")


def vcpu_end(instructions: Iterable[capstone.CsInsn], fields: set[int], where: str) -> int:
    """Where the last access to the VCPU block ends, in bytes from the GS base; 0 without one.

    `fields` are the offsets of displacements that refer to the ROM's part of the block.
    """
    end = 0
    for instruction in instructions:
        if instruction.disp_offset and instruction.address + instruction.disp_offset in fields:
            fields = fields - {instruction.address + instruction.disp_offset}
            operand = next(operand for operand in instruction.operands if operand.type == x86.X86_OP_MEM)
            if operand.mem.segment != x86.X86_REG_GS or operand.mem.disp < VCPU_ROM_OFFSET:
                raise BuildError(f"{where}+{instruction.address:#x}: `{text_of(instruction)}` is not in the ROM's "
                                 "part of the VCPU block; write %gs:rom_vcpu + offset, offset 0 or more")
            end = max(end, operand.mem.disp + operand.size)
    if fields:
        raise BuildError(f"{where}+{min(fields):#x}: rom_vcpu is used as a number; use it as %gs:rom_vcpu + offset")
    return end
