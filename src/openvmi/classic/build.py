# SPDX-License-Identifier: MIT
"""From the folder of a classic ROM to the image of one of its variants: compile, link, take apart, check, write."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from openvmi.abi.classic import Relocation
from openvmi.abi.load import CLASSIC
from openvmi.classic import linked, rules
from openvmi.classic.answers import ask
from openvmi.classic.definition import ClassicDefinition, Variant
from openvmi.classic.emit import ClassicContents, emit
from openvmi.classic.image import ClassicRom
from openvmi.errors import BuildError
from openvmi.files import write_together
from openvmi.rom.compile import Workshop, headers, link
from openvmi.rom.form import EMBED, TOOL, Form
from openvmi.rom.inputs import ROM, Inputs, Places, gather
from openvmi.rom.recipe import Recipe, Step
from openvmi.rom.toml import FILE
from openvmi.toolchain import FREESTANDING, I386, Toolchain


@frozen
class Made:
    """What the sources gave: the ROM without capsule, its symbols as (image offset, name), and what it came from."""

    rom: ClassicRom
    symbols: tuple[tuple[int, str], ...]
    inputs: Inputs
    recipe: Recipe


def build(definition: ClassicDefinition, variant: Variant, output: Path, work: Path,
          includes: Path | None = None, form: Form = EMBED) -> ClassicRom:
    """Builds one variant into the file `output`, and returns it.

    `work` is a folder for the compiler's cache; `includes` the one with vmi/classic-rom.h, from the checkout unless
    given; `form` says what becomes of the source. The result depends on the sources, the compiler's version and the
    interface only. Raises :class:`BuildError` for whatever is wrong with the sources; nothing is written then.
    """
    made = make(definition, variant, Places(definition.folder, includes or headers()), Workshop(work), str(output))
    capsule, tar = form.capsule(made.inputs, made.recipe)
    rom = ClassicRom.parse(made.rom.data + capsule, str(output))
    write_together(form.beside(output, tar) | {output: rom.file})
    return rom


def make(definition: ClassicDefinition, variant: Variant, places: Places, workshop: Workshop, path: str,
         recipe: Recipe | None = None) -> Made:
    """Compiles and links, by the recipe if there is one, else as ROMs are built today. Writes nothing.

    `path` is for messages about the image. Errors are those of :func:`build`.
    """
    script = definition.folder / definition.script
    step = recipe.rom if recipe else Step.of(I386, FREESTANDING, ("--emit-relocs",), f"{ROM}/{definition.script}")
    compiled = link(variant.name, places, variant.sources, script, step, workshop)
    parts = linked.read(compiled.elf, variant.name)
    for found, expected in rules.broken({call: kind for call, (kind, _) in parts.answers.items()}):
        raise BuildError(f"{variant.name}: {found}, expected {expected}")
    rom = ClassicRom.parse(emit(ClassicContents(
        version=definition.version, product=variant.name, code=parts.code, answers=parts.answers, **parts.entries,
    )), path)
    _check_answers(rom, parts, variant.name)
    inputs = gather({*compiled.read, script, definition.folder / FILE}, places, workshop.toolchain(step).home,
                    variant.name)
    return Made(rom, parts.symbols, inputs, Recipe(
        tool=recipe.tool if recipe else TOOL, interface=CLASSIC, version=Toolchain.number(), variant=variant.name,
        rom=step, shim=None, inputs=inputs.digests(), compiler=inputs.compiler, outputs={"rom": rom.sha256},
    ))


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
