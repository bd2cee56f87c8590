# SPDX-License-Identifier: MIT
"""Recipes as assembler text, with names where the guest's linker will put addresses."""

from __future__ import annotations

import capstone

from openvmi.abi.layouts import RomCall, RomReloc
from openvmi.abi.names import RelocationKind
from openvmi.rom.image import RomImage
from openvmi.rom.tables import FIELD_SIZE
from openvmi.units import TextOffset

#: Relocated fields are disassembled with this in them: no recipe says it by itself, so its text can be replaced.
_MARK = 0x5A17C300


def recipe(image: RomImage, call: RomCall) -> list[tuple[str, str]]:
    """The instructions of an INLINE call: bytes in hexadecimal, dots for relocated ones, and assembler text.

    As ("e8........", "callq text+0x128 <deliver>"). Branches inside the recipe show offsets from its start.
    """
    code = bytearray(image.recipe(call))
    relocations = image.relocations_of(call)
    for index, relocation in enumerate(relocations):
        code[relocation.offset:relocation.offset + FIELD_SIZE] = (_MARK + index).to_bytes(FIELD_SIZE, "little")
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    decoder.syntax = capstone.CS_OPT_SYNTAX_ATT
    decoder.skipdata = True
    lines = []
    shown_bytes = image.recipe(call).hex()
    for relocation in relocations:
        start = 2 * relocation.offset
        shown_bytes = shown_bytes[:start] + "." * 2 * FIELD_SIZE + shown_bytes[start + 2 * FIELD_SIZE:]
    for instruction in decoder.disasm(bytes(code), 0):
        text, end = f"{instruction.mnemonic} {instruction.op_str}".strip(), instruction.address + instruction.size
        for index, relocation in enumerate(relocations):
            if instruction.address <= relocation.offset < end:
                # A branch shows where it goes, everything else the field itself.
                for shown in (_MARK + index, _MARK + index + end):
                    text = text.replace(f"{shown:#x}", target(image, relocation))
        lines.append((shown_bytes[2 * instruction.address:2 * end], text))
    return lines


def target(image: RomImage, relocation: RomReloc) -> str:
    """What a relocation refers to, by name."""
    if relocation.kind != RelocationKind.TEXT:
        return f"{RelocationKind(relocation.kind).name.lower()}+{relocation.target:#x}"
    label = image.symbol_at(TextOffset(relocation.target))
    return f"text+{relocation.target:#x}" + (f" <{label}>" if label else "")
