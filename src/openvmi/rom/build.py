# SPDX-License-Identifier: MIT
"""From a ROM's folder to its image, and to its boot shim if it has one: compile, link, take apart, check, write."""

from __future__ import annotations

import hashlib
from importlib import resources as package
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from openvmi.abi.layouts import RomGroup
from openvmi.abi.load import CURRENT
from openvmi.abi.names import VCPU_ROM_OFFSET, WINDOW_DATA, WINDOW_SIZE
from openvmi.errors import BuildError, UsageError
from openvmi.files import write_together
from openvmi.rom import linked
from openvmi.rom.compile import Compiled, Workshop, headers, link
from openvmi.rom.definition import RomDefinition, Shim, read
from openvmi.rom.emit import RomContents, emit
from openvmi.rom.form import EMBED, TOOL, Form
from openvmi.rom.image import RomImage
from openvmi.rom.inputs import LINK, ROM, Inputs, Places, gather
from openvmi.rom.recipe import Recipe, Step
from openvmi.rom.tables import known_calls, misfits
from openvmi.rom.toml import FILE
from openvmi.toolchain import FREESTANDING, X86_64, Toolchain

_NOT_HERE = {"-fno-pic", "-fno-pie", "-fno-omit-frame-pointer"}
#: Compiled code must not depend on its address, nor go through a table of addresses or jump through one; and two pages
#: are all it has. A back-trace skips it: it leaves the kernel's frame pointer alone.
FLAGS = (*(flag for flag in FREESTANDING if flag not in _NOT_HERE), "-fPIC", "-fvisibility=hidden",
          "-fomit-frame-pointer", "-finline-hint-functions", "-fno-jump-tables")


#: How the text and the tables of a ROM are linked; its sizes are checked here, with better messages.
_LINK = ("--emit-relocs", "--no-check-sections", f"--defsym=ROM_DATA={WINDOW_DATA:#x}",
         f"--defsym=ROM_ASIDE={WINDOW_SIZE:#x}", f"--defsym={linked.VCPU_SYMBOL}={VCPU_ROM_OFFSET:#x}")
_SCRIPT = f"{LINK}/rom.lds"


@frozen
class Made:
    """What the sources gave: the ROM without capsule, its boot shim, empty for none, and what both came from."""

    contents: RomContents
    shim: bytes
    inputs: Inputs
    recipe: Recipe


def build(folder: Path, output: Path, work: Path, includes: Path | None = None, form: Form = EMBED) -> RomImage:
    """Builds the ROM whose `rom.toml` is in `folder` into the file `output`, and returns it.

    If the definition has a boot shim, that goes to :func:`shim_beside` the ROM, an ELF file. `work` is a folder for the
    compiler's cache; `includes` the one with vmi/rom.h, from the checkout unless given; `form` says what becomes of the
    source. The result depends on the sources, the compiler's version and the interface only. Raises
    :class:`BuildError` for whatever is wrong with the sources, and :class:`UsageError` for an output that a shim
    cannot stand beside; nothing is written then.
    """
    definition = read(folder)
    shim_output = shim_beside(output) if definition.shim else None
    with package.as_file(package.files(__package__) / "rom.lds") as script:
        made = make(definition, Places(folder, includes or headers(), script), Workshop(work))
    capsule, tar = form.capsule(made.inputs, made.recipe)
    image = RomImage.parse(emit(evolve(made.contents, capsule=capsule)), str(output))
    files = form.beside(output, tar) | ({shim_output: made.shim} if shim_output else {})
    write_together(files | {output: image.data})
    return image


def make(definition: RomDefinition, places: Places, workshop: Workshop, recipe: Recipe | None = None) -> Made:
    """Compiles and links, by the recipe if there is one, else as ROMs are built today. Writes nothing.

    `places.script` is the linker script of the ROM. Errors are those of :func:`build`.
    """
    assert places.script
    rom = recipe.rom if recipe else Step.of(X86_64, FLAGS, _LINK, _SCRIPT)
    compiled = link(definition.name, places, definition.sources, places.script, rom, workshop)
    parts = linked.read(compiled.elf, definition.name, carries=definition.carries_vectors)
    check_answers(definition, parts)
    used = {*compiled.read, definition.folder / FILE}
    step, shim = None, b""
    if definition.shim:
        step, made = link_shim(definition, definition.shim, places, workshop, recipe)
        used |= {*made.read, definition.folder / definition.shim.script}
        shim = made.elf
    inputs = gather(used, places, workshop.toolchain(rom).home, definition.name)
    contents = _contents(definition, parts, inputs, shim)
    outputs = {"rom": hashlib.sha256(emit(contents)).hexdigest()} | (
        {"shim": hashlib.sha256(shim).hexdigest()} if definition.shim else {})
    return Made(contents, shim, inputs, Recipe(
        tool=recipe.tool if recipe else TOOL, interface=CURRENT, version=Toolchain.number(), variant="", rom=rom,
        shim=step, inputs=inputs.digests(), compiler=inputs.compiler, outputs=outputs,
    ))


def link_shim(definition: RomDefinition, shim: Shim, places: Places, workshop: Workshop,
              recipe: Recipe | None = None) -> tuple[Step, Compiled]:
    """The ELF file of the boot shim, symbols and debug information included, and how it was made."""
    step = recipe.shim if recipe else Step.of(X86_64, FLAGS, (), f"{ROM}/{shim.script}")
    if step is None:
        raise BuildError(f"{definition.name}: a boot shim, and a recipe without one; expected both or none")
    return step, link(definition.name, places, shim.sources, definition.folder / shim.script, step, workshop)


def shim_beside(rom: Path) -> Path:
    """Where the boot shim of a ROM is: `xen.shim` beside `xen.rom`."""
    if rom.suffix != ".rom":
        raise UsageError(f"{rom}: a ROM with a boot shim, expected a name that ends in .rom; the shim goes beside it")
    return rom.with_suffix(".shim")


def check_answers(definition: RomDefinition, parts: linked.Linked) -> None:
    """The sources answer the calls of the claimed groups, all of them, once, and so that they fit."""
    where = definition.name
    claimed = {claim.group.id: claim.group for claim in definition.claims}
    seen: set[int] = set()
    for answer in parts.answers:
        known = known_calls().get(answer.number)
        if known is None:
            raise BuildError(f"{where}: unknown call {answer.number:#06x}; expected a VMI_CALL_ number of vmi/abi.h")
        if answer.number in seen:
            raise BuildError(f"{where}: call {known.name} is answered twice; remove one of the two")
        seen.add(answer.number)
        if answer.number >> 8 not in claimed:
            raise BuildError(f"{where}: call {known.name} is answered, but its group {known.group} is not in {FILE}; "
                             "claim the group or remove the answer")
        for found, expected in misfits(known, answer.kind, len(answer.recipe)):
            raise BuildError(f"{where}: {found}, expected {expected}")
    for group in claimed.values():
        if missing := [call.name for call in group.calls if call.number not in seen]:
            raise BuildError(f"{where}: group {group.name} is claimed, but {', '.join(missing)} has no answer; "
                             "give each one, ROM_NATIVE where the native form is right")
    if parts.vcpu_used > definition.vcpu_size:
        raise BuildError(f"{where}: {parts.vcpu_used} bytes of the VCPU block are used, expected at most vcpu_size, "
                         f"{definition.vcpu_size}; raise it in {FILE}")


def _contents(definition: RomDefinition, parts: linked.Linked, inputs: Inputs, shim: bytes) -> RomContents:
    return RomContents(
        version=definition.version, licence=definition.licence.expression, licence_class=definition.licence.kind,
        profile=definition.profile.value, stack=definition.stack, vcpu_size=definition.vcpu_size,
        groups=tuple(RomGroup(group=claim.group.id, revision=claim.revision, may_be_native=claim.may_be_native)
                     for claim in definition.claims),
        answers=parts.answers, text=parts.text, data=parts.data, data_memory=parts.data_memory,
        manifest=_manifest(definition, parts, inputs, shim),
    )


def _manifest(definition: RomDefinition, parts: linked.Linked, inputs: Inputs, shim: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {
        "abi": CURRENT,
        "compiler": Toolchain.version(),
        "description": definition.description,
        "hypervisor": definition.hypervisor,
        "licence": definition.licence.expression,
        "name": definition.name,
        "sources": inputs.digests(),
        "symbols": [list(symbol) for symbol in parts.symbols],
        "version": ".".join(map(str, definition.version)),
    }
    if definition.lint:
        found["lint"] = definition.lint
    if definition.carries_vectors:
        found["carries_vectors"] = True
    if shim:  # so that a signature of the ROM is one of its shim
        found["shim"] = hashlib.sha256(shim).hexdigest()
    return found
