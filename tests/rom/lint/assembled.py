# SPDX-License-Identifier: MIT
"""Small ROMs for the linter: assembler text, all of it in one run of the assembler."""

from __future__ import annotations

import re
import tempfile
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from attrs import field, frozen
from elftools.elf.elffile import ELFFile

from openvmi.abi.names import Call, LicenceClass, LinkKind, Profile
from openvmi.rom.emit import Answer, RomContents, emit
from openvmi.rom.image import RomImage
from openvmi.rom.lint.report import Report, lint
from openvmi.toolchain import Toolchain

_OF = "__of_"
_LABEL = re.compile(r"(?<!%)\b([a-z]\w+):")
TOP = Path(__file__).resolve().parents[3]


@frozen
class Rom:
    """`code` goes to the text, or is the recipe; `start` is what the call reaches. More answers name labels."""

    code: str
    call: Call = Call.PROBE  #: of convention C; HALT is a leaf, IRET a jump
    kind: LinkKind = LinkKind.CALL
    more: tuple[tuple[Call, LinkKind, str], ...] = ()
    hypervisor: str = "emu"
    stack: int = 64
    declared: Any = field(factory=list)
    manifest: dict[str, Any] = field(factory=dict)


def image(name: str, roms: dict[str, Rom]) -> RomImage:
    """The image of one of them."""
    rom, (text, labels) = roms[name], assembled(tuple((each, rom.code) for each, rom in roms.items()))[name]
    recipe = rom.kind == LinkKind.INLINE
    answers = [Answer(number=rom.call, kind=rom.kind, recipe=text if recipe else b"",
                      target=0 if recipe else labels.get("start", 0))]
    answers += [Answer(number=call, kind=kind, target=labels[label]) for call, kind, label in rom.more]
    return RomImage.parse(emit(RomContents(
        version=(1, 0), licence="MIT", licence_class=LicenceClass.GPL, profile=Profile.BASE, stack=rom.stack,
        vcpu_size=16,
        answers=tuple(answers), text=b"\xcc" if recipe else text, data=b"", data_memory=64,
        manifest={"name": name, "version": "1.0", "hypervisor": rom.hypervisor, "lint": rom.declared,
                  "symbols": [] if recipe else sorted([at, label] for label, at in labels.items()), **rom.manifest},
    )), f"{name}.rom")


def linted(name: str, roms: dict[str, Rom]) -> Report:
    """What the linter says of one."""
    return lint(image(name, roms))


@cache
def assembled(sources: tuple[tuple[str, str], ...]) -> dict[str, tuple[bytes, dict[str, int]]]:
    """Bytes and labels of each. Sections have distances to each other that no label can bridge."""
    text = "".join(f'.section .text.{name}, "ax"\n{_own_labels(name, code)}\n' for name, code in sources)
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder, "all.S"), Path(folder, "all.o")
        source.write_text(text)
        Toolchain(TOP / "build" / "cache").compile(source, output)
        elf = ELFFile(BytesIO(output.read_bytes()))
    found = {}
    for name, _ in sources:
        index = elf.get_section_index(f".text.{name}")
        assert elf.get_section_by_name(f".rela.text.{name}") is None, f"{name} needs a linker"
        labels = {symbol.name.partition(_OF)[0]: symbol["st_value"]
                  for symbol in elf.get_section_by_name(".symtab").iter_symbols()
                  if symbol["st_shndx"] == index and symbol.name and symbol["st_info"]["type"] == "STT_NOTYPE"}
        found[name] = elf.get_section(index).data(), labels
    return found


def _own_labels(name: str, code: str) -> str:
    for label in set(_LABEL.findall(code)):
        code = re.sub(rf"\b{label}\b", f"{label}{_OF}{name}", code)
    return code
