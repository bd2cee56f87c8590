# SPDX-License-Identifier: MIT
"""What is not the same in two ROMs, two boot shims, two trees of sources: part by part, for people."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from openvmi.abi.classic import Header, Pci
from openvmi.classic.answers import ask
from openvmi.classic.emit import CODE_OFFSET
from openvmi.classic.image import ClassicRom
from openvmi.errors import BadRomError
from openvmi.rebuild.code import Code, Difference, Symbols, beside, bytes_beside, compare
from openvmi.rom import disassembly
from openvmi.rom.describe import describe
from openvmi.rom.image import RomImage

_EXECUTED, _COMPRESSED = 4, 0x800  # SHF_ flags; nobody says how large the latter get
_SHOWN = 400  # characters of a value


def of_roms(given: RomImage, rebuilt: RomImage) -> list[Difference]:
    """Everything but the capsule and the signature."""
    found = compare("text", Code(given.text, given.symbols), Code(rebuilt.text, rebuilt.symbols))
    found += _calls(given, rebuilt)
    if given.data_page != rebuilt.data_page:
        found.append(Difference("data", f"{len(given.data_page)} bytes", f"{len(rebuilt.data_page)} bytes",
                                bytes_beside(given.data_page, rebuilt.data_page)))
    left, right = describe(given), describe(rebuilt)
    for name in ("interface", "licence", "profile", "stack", "vcpu_size", "groups"):
        found += _value(name, left[name], right[name])
    found += _value("data_memory", left["sizes"]["data"], right["sizes"]["data"])
    for name in sorted(given.manifest.keys() | rebuilt.manifest.keys()):
        found += _value(f"manifest: {name}", given.manifest.get(name), rebuilt.manifest.get(name))
    return found


def of_classic(given: ClassicRom, rebuilt: ClassicRom, symbols: Symbols) -> list[Difference]:
    """Everything but the capsule. `symbols` are those of the rebuilt one; the other has none of its own."""
    found = compare("code", Code(given.data[CODE_OFFSET:], symbols, 32, CODE_OFFSET),
                    Code(rebuilt.data[CODE_OFFSET:], symbols, 32, CODE_OFFSET))
    for mine, theirs in zip(ask(given).answers, ask(rebuilt).answers, strict=False):
        found += _value(f"answer to {mine.number.name}", [int(mine.type), mine.target],
                        [int(theirs.type), theirs.target])
    for layout, left, right in ((Header, given.header, rebuilt.header), (Pci, given.pci, rebuilt.pci)):
        for name, _, _ in layout.FIELDS:
            found += _value(f"{layout.__name__}.{name}", _plain(getattr(left, name, None)),
                            _plain(getattr(right, name, None)))
    return found


def of_shims(given: bytes, rebuilt: bytes) -> list[Difference]:
    """Two ELF files: code by symbol, the other sections by bytes."""
    if given == rebuilt:
        return []
    left, right = _sections(given), _sections(rebuilt)
    if not left or not right:
        return [Difference("boot shim", f"{len(given)} bytes" + ("" if left else ", not an ELF file"),
                           f"{len(rebuilt)} bytes")]
    found: list[Difference] = []
    for name in dict.fromkeys([*right, *left]):
        if name not in left or name not in right:
            found.append(Difference(f"boot shim: {name}", "there" if name in left else "not there",
                                    "there" if name in right else "not there"))
        elif left[name].symbols and right[name].symbols:
            found += compare(f"boot shim: {name}", left[name], right[name])
        elif left[name].data != right[name].data:
            found.append(Difference(f"boot shim: {name}", f"{len(left[name].data)} bytes",
                                    f"{len(right[name].data)} bytes"))
    return found or [Difference("boot shim", "the same sections", "in another layout")]


def of_files(given: Mapping[str, bytes], rebuilt: Mapping[str, bytes]) -> list[Difference]:
    """What the capsule has, and what the build used."""
    found = []
    for name in sorted(given.keys() | rebuilt.keys()):
        if name not in rebuilt:
            found.append(Difference(f"capsule: {name}", f"{len(given[name])} bytes", "not used by the build"))
        elif name not in given:
            found.append(Difference(f"capsule: {name}", "not there", f"{len(rebuilt[name])} bytes"))
        elif given[name] != rebuilt[name]:
            left, right = (data.decode("latin-1").splitlines()[:2000] for data in (given[name], rebuilt[name]))
            found.append(Difference(f"capsule: {name}", f"{len(given[name])} bytes", f"{len(rebuilt[name])} bytes",
                                    beside(left, right)))
    return found


def of_bytes(given: bytes, rebuilt: bytes) -> list[Difference]:
    """What no part accounts for: gaps, sums, order."""
    if given == rebuilt:
        return []
    return [Difference("layout", f"{len(given)} bytes", f"{len(rebuilt)} bytes", bytes_beside(given, rebuilt))]


def _calls(given: RomImage, rebuilt: RomImage) -> list[Difference]:
    left, right = _answers(given), _answers(rebuilt)
    found = []
    for name in sorted(left.keys() | right.keys()):
        mine, theirs = left.get(name, ("no answer", [])), right.get(name, ("no answer", []))
        if mine != theirs:
            found.append(Difference(f"call {name}", mine[0], theirs[0], beside(mine[1], theirs[1])))
    return found


def _answers(image: RomImage) -> dict[str, tuple[str, list[str]]]:
    """By name of the call: what is done, in short and as lines of assembler."""
    answers = {}
    for call in describe(image)["calls"]:
        entry = image.call(call["number"])
        assert entry
        # Offsets in the text are not the call's own: code moves.
        target = f" {call['symbol']}" if call.get("symbol") else ""
        answers[call["name"] or f"{call['number']:#06x}"] = (
            f"{call['kind']}{target}", [f"{code}  {text}" for code, text in disassembly.recipe(image, entry)])
    return answers


def _value(name: str, given: Any, rebuilt: Any) -> list[Difference]:
    if given == rebuilt:
        return []
    left, right = json.dumps(given, sort_keys=True), json.dumps(rebuilt, sort_keys=True)
    if max(len(left), len(right)) <= _SHOWN:
        return [Difference(name, left, right)]
    rows = beside(*(json.dumps(value, indent=1, sort_keys=True).splitlines() for value in (given, rebuilt)))
    return [Difference(name, f"{len(left)} characters", f"{len(right)} characters", rows)]


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


def _sections(elf: bytes) -> dict[str, Code]:
    """What an ELF file has in memory and as debug information, by name of the section; nothing when it is none."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    try:
        file = ELFFile(BytesIO(elf))
        kept = [section for section in file.iter_sections() if section["sh_type"] not in ("SHT_NULL", "SHT_NOBITS")
                and not section["sh_flags"] & _COMPRESSED]
        if sum(section["sh_size"] for section in kept) > len(elf):
            return {}  # the same bytes many times
        table = file.get_section_by_name(".symtab")
        symbols = sorted((symbol["st_value"], symbol.name) for symbol in table.iter_symbols()
                         if symbol.name and symbol["st_info"]["type"] in ("STT_FUNC", "STT_NOTYPE")
                         ) if isinstance(table, SymbolTableSection) else []
        return {
            section.name: Code(section.data(), symbols if section["sh_flags"] & _EXECUTED else (),
                               start=section["sh_addr"])
            for section in kept
        }
    except (ELFError, BadRomError, struct.error, ArithmeticError, AssertionError, AttributeError, LookupError, OSError,
            TypeError, ValueError):
        return {}
