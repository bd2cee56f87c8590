# SPDX-License-Identifier: MIT
"""What the linker made of a classic ROM's sources, taken apart: code, answers, entries."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from io import BytesIO

from attrs import frozen
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import Relocation as ElfRelocation
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import Section, Symbol, SymbolTableSection

from openvmi.abi.classic import Call, Relocation
from openvmi.classic.emit import CODE_OFFSET, IMAGE_LIMIT
from openvmi.errors import BuildError

ANSWERS = ".rom.answers"
ENTRIES = ("vmi_init", "get_reloc")
#: libvmi/include/vmi/classic-rom.h: number, type, 0, target from its own address.
_RECORD = struct.Struct("<HBBi")
_TARGET = 4
_WRITE, _ALLOCATED, _EXECUTED = 1, 2, 4  # SHF_ flags


class _Type(IntEnum):
    """Relocation types that a ROM may have or that are refused by name (System V psABI for Intel386, table 4.9)."""

    R_386_32 = 1
    R_386_PC32 = 2
    R_386_GOT32 = 3
    R_386_PLT32 = 4
    R_386_GOTOFF = 9
    R_386_GOTPC = 10
    R_386_16 = 20
    R_386_PC16 = 21
    R_386_8 = 22
    R_386_PC8 = 23
    R_386_GOT32X = 43


_RELATIVE = {_Type.R_386_PC32, _Type.R_386_PLT32, _Type.R_386_PC16, _Type.R_386_PC8}


@frozen
class Linked:
    """The parts that go into an image. `code` are (image offset, bytes), `entries` image offsets by name, `symbols`
    (image offset, name)."""

    code: tuple[tuple[int, bytes], ...]
    answers: dict[Call, tuple[Relocation, int]]
    entries: dict[str, int]
    symbols: tuple[tuple[int, str], ...]


def read(elf: bytes, where: str) -> Linked:
    """Takes a linked ELF file apart. Raises :class:`BuildError` for what a ROM cannot be. `where` is for messages."""
    return _Reader(elf, where).read()


class _Reader:
    def __init__(self, elf: bytes, where: str) -> None:
        self._elf = ELFFile(BytesIO(elf))
        self._where = where
        self._sections: list[Section] = [
            section for section in self._elf.iter_sections()
            if section["sh_flags"] & _ALLOCATED and section["sh_size"] and section.name != ANSWERS
        ]
        table = self._elf.get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection), "the linker writes one unless it is told not to"
        self._symbols: list[Symbol] = list(table.iter_symbols())

    def read(self) -> Linked:
        for section in self._sections:
            self._check_section(section)
            self._check_position_independent(section)
        return Linked(
            tuple((section["sh_addr"], section.data()) for section in self._sections),
            dict(self._answers()), {name: self._entry(name) for name in ENTRIES},
            tuple(sorted({(symbol["st_value"], symbol.name) for symbol in self._symbols
                          if symbol.name and symbol.name[0] not in ".$" and self._is_code(symbol["st_value"])
                          and symbol["st_info"]["type"] in ("STT_FUNC", "STT_NOTYPE")})),
        )

    def _check_section(self, section: Section) -> None:
        name, start, size = section.name, section["sh_addr"], section["sh_size"]
        if section["sh_flags"] & _WRITE or section["sh_type"] == "SHT_NOBITS":
            raise BuildError(f"{self._where}: section {name} of {size} bytes, expected no data that is written: the "
                             "area is read-only when the kernel runs; keep state where the client leaves room for it, "
                             "and constants in .rodata")
        if not CODE_OFFSET <= start <= start + size <= IMAGE_LIMIT:
            raise BuildError(f"{self._where}: section {name} of {size} bytes at {start:#x}, expected it from "
                             f"{CODE_OFFSET:#x}, after the table of answers, to {IMAGE_LIMIT:#x}, the most an image "
                             "has; correct the linker script, or make the code smaller")

    def _check_position_independent(self, section: Section) -> None:
        for relocation in self._relocations(section):
            symbol = self._symbols[relocation["r_info_sym"]]
            number = relocation["r_info_type"]
            inside = symbol["st_shndx"] != "SHN_UNDEF" and symbol["st_value"] < IMAGE_LIMIT
            if number not in _RELATIVE or not inside:
                kind = _Type(number).name if number in set(_Type) else f"of type {number}"
                name = symbol.name or self._section_of(symbol)
                place = f"{section.name}+{relocation['r_offset'] - section['sh_addr']:#x}"
                raise BuildError(f"{self._where}: {place}: relocation {kind} against {name}, expected a PC-relative "
                                 "reference into the image: a ROM runs at an address unknown at build time; see "
                                 "vmi/classic-rom.h for the address of a symbol")

    def _relocations(self, section: Section) -> list[ElfRelocation]:
        found = self._elf.get_section_by_name(f".rel{section.name}")
        return list(found.iter_relocations()) if isinstance(found, RelocationSection) else []

    def _section_of(self, symbol: Symbol) -> str:
        index = symbol["st_shndx"]
        return self._elf.get_section(index).name if isinstance(index, int) else "an absolute address"

    def _is_code(self, offset: int) -> bool:
        return any(section["sh_flags"] & _EXECUTED and 0 <= offset - section["sh_addr"] < section["sh_size"]
                   for section in self._sections)

    def _entry(self, name: str) -> int:
        found = [symbol["st_value"] for symbol in self._symbols
                 if symbol.name == name and symbol["st_shndx"] != "SHN_UNDEF"]
        if not found or not self._is_code(found[0]):
            raise BuildError(f"{self._where}: no {name} in the code; define a global symbol: clients call it first")
        return int(found[0])

    def _answers(self) -> Iterator[tuple[Call, tuple[Relocation, int]]]:
        section = self._elf.get_section_by_name(ANSWERS)
        base, records = (section["sh_addr"], section.data()) if section else (0, b"")
        if len(records) % _RECORD.size:
            raise BuildError(f"{self._where}: {len(records)} bytes in {ANSWERS}, expected records of {_RECORD.size}; "
                             "use the macros of vmi/classic-rom.h and nothing else there")
        seen: set[int] = set()
        for offset in range(0, len(records), _RECORD.size):
            number, kind, _, distance = _RECORD.unpack_from(records, offset)
            yield self._answer(number, kind, base + offset + _TARGET + distance, seen)
            seen.add(number)

    def _answer(self, number: int, kind: int, target: int, seen: set[int]) -> tuple[Call, tuple[Relocation, int]]:
        if number not in set(Call):
            raise BuildError(f"{self._where}: unknown call {number}; expected a VMI3_CALL_ number of vmi/classic.h")
        call = Call(number)
        if number in seen:
            raise BuildError(f"{self._where}: call {call.name} is answered twice; remove one of the two")
        if kind not in set(Relocation):
            raise BuildError(f"{self._where}: call {call.name} of type {kind}; use the macros of vmi/classic-rom.h")
        if kind not in (Relocation.CALL_REL, Relocation.JUMP_REL):
            return call, (Relocation(kind), 0)
        if not self._is_code(target):
            raise BuildError(f"{self._where}: call {call.name} goes to {target:#x}, which is not in the code; "
                             "name a label there")
        return call, (Relocation(kind), target)
