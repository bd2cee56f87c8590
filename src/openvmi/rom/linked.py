# SPDX-License-Identifier: MIT
"""What the linker made of a ROM's sources, taken apart: text, data, answers, symbols."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from io import BytesIO

from attrs import frozen
from capstone import CsInsn
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import Relocation, RelocationSection
from elftools.elf.sections import Section, Symbol, SymbolTableSection

from openvmi.abi.layouts import RomReloc
from openvmi.abi.names import DATA_LIMIT, TEXT_LIMIT, VCPU_ROM_OFFSET, WINDOW_DATA, Call, LinkKind, RelocationKind
from openvmi.errors import BuildError
from openvmi.rom import code
from openvmi.rom.emit import Answer
from openvmi.rom.tables import FIELD_SIZE

#: The symbol by which sources name the ROM's part of the VCPU block.
VCPU_SYMBOL = "rom_vcpu"
TEXT, DATA, BSS, RECIPES, CALLS = ".text", ".data", ".bss", ".vmi.recipes", ".vmi.calls"
#: libvmi/include/vmi/rom.h: number, kind, 0, target from its own address, recipe size.
_RECORD = struct.Struct("<HBBiI")
_TARGET = 4
_COMPRESSED = 0x800  # SHF_COMPRESSED


class _Type(IntEnum):
    """Relocation types that a ROM may have or that are refused by name (System V psABI for AMD64, table 4.9)."""

    R_X86_64_64 = 1
    R_X86_64_PC32 = 2
    R_X86_64_PLT32 = 4
    R_X86_64_GOTPCREL = 9
    R_X86_64_32 = 10
    R_X86_64_32S = 11
    R_X86_64_PC8 = 15
    R_X86_64_PC64 = 24
    R_X86_64_GOTPCRELX = 41
    R_X86_64_REX_GOTPCRELX = 42


_RELATIVE32 = {_Type.R_X86_64_PC32, _Type.R_X86_64_PLT32}
#: Hold a distance, which stays when text and data move together. (The linker has relaxed the GOT ones, or made a .got.)
_RELATIVE = _RELATIVE32 | {
    _Type.R_X86_64_PC8, _Type.R_X86_64_PC64, _Type.R_X86_64_GOTPCRELX, _Type.R_X86_64_REX_GOTPCRELX,
}
_ABSOLUTE32 = {_Type.R_X86_64_32, _Type.R_X86_64_32S}


@frozen
class Linked:
    """The parts that go into an image. Sizes in bytes; `symbols` are (text offset, name)."""

    text: bytes
    data: bytes
    data_memory: int
    answers: tuple[Answer, ...]
    symbols: tuple[tuple[int, str], ...]
    vcpu_used: int  #: bytes of the ROM's part of the VCPU block that instructions reach by name


def read(elf: bytes, where: str, *, carries: bool = False) -> Linked:
    """Takes a linked ELF file apart. Raises :class:`BuildError` for what a ROM cannot be. `where` is for messages.

    `carries`: as :func:`code.check_registers` has it, in its text.
    """
    return _Reader(elf, where, carries).read()


class _Reader:
    def __init__(self, elf: bytes, where: str, carries: bool) -> None:
        self._elf = ELFFile(BytesIO(elf))
        self._where = where
        self._carries = carries
        self._sections: dict[str, Section] = {section.name: section for section in self._elf.iter_sections()}
        table = self._sections[".symtab"]
        assert isinstance(table, SymbolTableSection), "the linker writes one unless it is told not to"
        self._symbols: list[Symbol] = list(table.iter_symbols())
        self._vcpu_used = 0

    def read(self) -> Linked:
        self._check_sections()
        text, data = self._bytes(TEXT), self._bytes(DATA)
        memory = self._data_end() - WINDOW_DATA
        if len(text) > TEXT_LIMIT:
            raise BuildError(f"{self._where}: {len(text)} bytes of text, expected at most {TEXT_LIMIT} (two pages); "
                             "make the code smaller, or move work to the hypervisor")
        if memory > DATA_LIMIT:
            raise BuildError(f"{self._where}: {memory} bytes of data, expected at most {DATA_LIMIT} (one page) "
                             "with .rodata and .bss; make tables smaller, or keep them in the hypervisor")
        for name in (TEXT, DATA):
            self._check_position_independent(name)
        where = f"{self._where}: text"
        instructions = code.decode(text, where)
        code.check_registers(instructions, where, carries=self._carries)
        self._note_vcpu(instructions, self._relocations(TEXT), 0, where)
        return Linked(text, data, memory, tuple(self._answers()), self._labels(), self._vcpu_used)

    def _size(self, name: str) -> int:
        return self._sections[name]["sh_size"] if name in self._sections else 0

    def _address(self, name: str) -> int:
        return self._sections[name]["sh_addr"] if name in self._sections else 0

    def _end(self, name: str) -> int:
        return self._address(name) + self._size(name)

    def _data_end(self) -> int:
        return max((self._end(name) for name in (DATA, BSS) if self._size(name)), default=WINDOW_DATA)

    def _bytes(self, name: str) -> bytes:
        return self._sections[name].data() if self._size(name) else b""

    def _check_sections(self) -> None:
        for name, section in self._sections.items():
            allocated = section["sh_flags"] & 2  # SHF_ALLOC
            if allocated and section["sh_size"] and name not in (TEXT, DATA, BSS, RECIPES, CALLS):
                raise BuildError(f"{self._where}: section {name} has no place in a ROM; expected .text, .rodata, "
                                 ".data, .bss and what vmi/rom.h makes; move its contents to one of them")
            if allocated and name != BSS and (section["sh_type"] == "SHT_NOBITS" or section["sh_flags"] & _COMPRESSED):
                raise BuildError(f"{self._where}: section {name} without bytes of its own, expected them in the file; "
                                 "move zeros to .bss")

    def _relocations(self, name: str) -> list[Relocation]:
        section = self._sections.get(f".rela{name}")
        return list(section.iter_relocations()) if isinstance(section, RelocationSection) else []

    def _referred(self, relocation: Relocation) -> tuple[str, str]:
        """Name of the symbol that a relocation refers to, and the section where that is."""
        symbol = self._symbols[relocation["r_info_sym"]]
        index = symbol["st_shndx"]
        section = self._elf.get_section(index).name if isinstance(index, int) else str(index)
        return symbol.name or section, section

    def _refuse(self, name: str, relocation: Relocation, symbol: str) -> BuildError:
        number = relocation["r_info_type"]
        kind = _Type(number).name if number in set(_Type) else f"of type {number}"
        place = f"{name.removeprefix('.')}+{relocation['r_offset'] - self._address(name):#x}"
        return BuildError(
            f"{self._where}: {place}: relocation {kind} against {symbol}, expected a reference relative to RIP to text "
            f"or data, or %gs:{VCPU_SYMBOL} + offset: a ROM is mapped at an address unknown at build time")

    def _check_position_independent(self, name: str) -> None:
        for relocation in self._relocations(name):
            symbol, section = self._referred(relocation)
            kind = relocation["r_info_type"]
            relative = kind in _RELATIVE and section in (TEXT, DATA, BSS)
            vcpu = kind in _ABSOLUTE32 and symbol == VCPU_SYMBOL and name == TEXT
            if not relative and not vcpu:
                raise self._refuse(name, relocation, symbol)

    def _note_vcpu(self, instructions: list[CsInsn], relocations: list[Relocation], start: int, where: str) -> None:
        fields = {r["r_offset"] - start for r in relocations if self._referred(r)[0] == VCPU_SYMBOL}
        self._vcpu_used = max(self._vcpu_used, code.vcpu_end(instructions, fields, where) - VCPU_ROM_OFFSET)

    def _answers(self) -> Iterator[Answer]:
        base, records = self._address(CALLS), self._bytes(CALLS)
        if len(records) % _RECORD.size:
            raise BuildError(f"{self._where}: {len(records)} bytes in {CALLS}, expected records of {_RECORD.size}; "
                             "use the macros of vmi/rom.h and nothing else there")
        for offset in range(0, len(records), _RECORD.size):
            number, kind, _, distance, size = _RECORD.unpack_from(records, offset)
            target = base + offset + _TARGET + distance
            yield self._answer(number, kind, target, size)

    def _answer(self, number: int, kind: int, target: int, size: int) -> Answer:
        name = Call(number).name if number in set(Call) else f"{number:#06x}"
        if kind not in set(LinkKind):
            raise BuildError(f"{self._where}: call {name} of kind {kind}; use the macros of vmi/rom.h")
        if kind == LinkKind.INLINE:
            return self._recipe(number, name, target, size)
        if kind not in (LinkKind.CALL, LinkKind.JUMP):
            return Answer(number=number, kind=LinkKind(kind))
        if not self._address(TEXT) <= target < self._end(TEXT):
            raise BuildError(f"{self._where}: call {name} goes to {target:#x}, which is not in .text; "
                             "name a label there")
        return Answer(number=number, kind=LinkKind(kind), target=target)

    def _recipe(self, number: int, name: str, start: int, size: int) -> Answer:
        where = f"{self._where}: recipe of {name}"
        offset = start - self._address(RECIPES)
        recipe = bytearray(self._bytes(RECIPES)[offset:offset + size])
        mine = [r for r in self._relocations(RECIPES) if start <= r["r_offset"] < start + size]
        mine.sort(key=lambda relocation: relocation["r_offset"])
        instructions = code.decode(bytes(recipe), where)
        code.check_registers(instructions, where)
        code.check_flow(instructions, {relocation["r_offset"] - start for relocation in mine}, where)
        self._note_vcpu(instructions, mine, start, where)
        relocations = []
        for relocation in mine:
            at = relocation["r_offset"] - start
            value = int.from_bytes(recipe[at:at + FIELD_SIZE], "little", signed=True)
            end = next(i.address + i.size for i in instructions if at < i.address + i.size)
            relocations.append(self._relocation(relocation, at, start + end + value, end - at, value))
            recipe[at:at + FIELD_SIZE] = bytes(FIELD_SIZE)
        return Answer(number=number, kind=LinkKind.INLINE, recipe=bytes(recipe), relocations=tuple(relocations))

    def _relocation(self, relocation: Relocation, at: int, target: int, rest: int, value: int) -> RomReloc:
        """One relocation in the format's terms.

        `target` is where the processor will look when the field is relative, whatever symbol and addend led there;
        `rest` the bytes from the field to the end of its instruction; `value` what the linker wrote.
        """
        symbol, section = self._referred(relocation)
        kind = relocation["r_info_type"]
        if kind in _RELATIVE32 and section == TEXT and 0 <= target < self._end(TEXT):
            return RomReloc(kind=RelocationKind.TEXT, offset=at, target=target, addend=-rest)
        if kind in _RELATIVE32 and section in (DATA, BSS) and WINDOW_DATA <= target < self._data_end():
            return RomReloc(kind=RelocationKind.DATA, offset=at, target=target - WINDOW_DATA, addend=-rest)
        if kind in _ABSOLUTE32 and symbol == VCPU_SYMBOL:
            return RomReloc(kind=RelocationKind.VCPU, offset=at, target=value - VCPU_ROM_OFFSET)
        raise self._refuse(RECIPES, relocation, symbol)

    def _labels(self) -> tuple[tuple[int, str], ...]:
        text = self._elf.get_section_index(TEXT)
        return tuple(sorted({
            (symbol["st_value"], symbol.name) for symbol in self._symbols
            if symbol["st_shndx"] == text and symbol["st_info"]["type"] in ("STT_FUNC", "STT_NOTYPE")
            and symbol.name and symbol.name[0] not in ".$"
        }))
