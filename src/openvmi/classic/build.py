# SPDX-License-Identifier: MIT
"""From the folder of a classic ROM to the image of one of its variants: compile, link, take apart, check, write."""

from __future__ import annotations

from pathlib import Path

from openvmi.abi.classic import Relocation
from openvmi.classic import linked, rules
from openvmi.classic.answers import ask
from openvmi.classic.definition import ClassicDefinition, Variant
from openvmi.classic.emit import ClassicContents, emit
from openvmi.classic.image import ClassicRom
from openvmi.errors import BuildError
from openvmi.files import write_atomically
from openvmi.rom.compile import headers, link
from openvmi.toolchain import FREESTANDING, I386, Toolchain


def build(definition: ClassicDefinition, variant: Variant, output: Path, work: Path,
          includes: Path | None = None) -> ClassicRom:
    """Builds one variant into the file `output`, and returns it.

    `work` is a folder for the compiler's cache; `includes` the one with vmi/classic-rom.h, from the checkout unless
    given. The result depends on the sources, the compiler's version and the interface only. Raises :class:`BuildError`
    for whatever is wrong with the sources; nothing is written then.
    """
    elf = link(variant.name, definition.folder, variant.sources, definition.folder / definition.script,
               Toolchain(work, I386), work, includes or headers(), FREESTANDING, ("--emit-relocs",))
    parts = linked.read(elf, variant.name)
    for found, expected in rules.broken({call: kind for call, (kind, _) in parts.answers.items()}):
        raise BuildError(f"{variant.name}: {found}, expected {expected}")
    rom = ClassicRom.parse(emit(ClassicContents(
        version=definition.version, product=variant.name, code=parts.code, answers=parts.answers, **parts.entries,
    )), str(output))
    _check_answers(rom, parts, variant.name)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(output, rom.data)
    return rom


def _check_answers(rom: ClassicRom, parts: linked.Linked, where: str) -> None:
    """What the built get_reloc says is what the sources say."""
    said = ask(rom)
    for finding in said.findings:
        raise BuildError(f"{where}: {finding.found}, expected {finding.expected}; correct get_reloc")
    for answer in said.answers:
        kind, target = parts.answers.get(answer.number, (Relocation.NONE, 0))
        if (answer.type, answer.target, answer.outside) != (kind, target, False):
            raise BuildError(f"{where}: get_reloc answers {_named(answer.type, answer.target)} for call "
                             f"{answer.number.name}, expected {_named(kind, target)}, as the sources say; it "
                             "must read the table at rom_table")


def _named(kind: int, target: int) -> str:
    name = Relocation(kind).name if kind in set(Relocation) else f"type {kind}"
    return f"{name} to {target:#x}" if target else name
