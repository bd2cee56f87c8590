# SPDX-License-Identifier: MIT
"""From a ROM's folder to its image, and to its boot shim if it has one: compile, link, take apart, check, write."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from importlib import resources as package
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from openvmi.abi.layouts import RomGroup
from openvmi.abi.load import CURRENT
from openvmi.abi.names import VCPU_ROM_OFFSET, WINDOW_DATA, WINDOW_SIZE
from openvmi.errors import BuildError, UsageError
from openvmi.files import write_atomically
from openvmi.rom import linked
from openvmi.rom.compile import headers, link
from openvmi.rom.definition import RomDefinition, Shim, read
from openvmi.rom.emit import RomContents, emit
from openvmi.rom.image import RomImage
from openvmi.rom.tables import known_calls, misfits
from openvmi.rom.toml import FILE
from openvmi.toolchain import FREESTANDING, Toolchain

_NOT_HERE = {"-fno-pic", "-fno-pie", "-fno-omit-frame-pointer"}
#: Compiled code must not depend on its address, nor go through a table of addresses or jump through one; and two pages
#: are all it has. A back-trace skips it: it leaves the kernel's frame pointer alone.
FLAGS = (*(flag for flag in FREESTANDING if flag not in _NOT_HERE), "-fPIC", "-fvisibility=hidden",
          "-fomit-frame-pointer", "-finline-hint-functions", "-fno-jump-tables")


def build(folder: Path, output: Path, work: Path, includes: Path | None = None) -> RomImage:
    """Builds the ROM whose `rom.toml` is in `folder` into the file `output`, and returns it.

    If the definition has a boot shim, that goes to :func:`shim_beside` the ROM, an ELF file. `work` is a folder for the
    compiler's cache; `includes` the one with vmi/rom.h, from the checkout unless given. The result depends on the
    sources, the compiler's version and the interface only. Raises :class:`BuildError` for whatever is wrong with the
    sources, and :class:`UsageError` for an output that a shim cannot stand beside; nothing is written then.
    """
    definition = read(folder)
    shim_output = shim_beside(output) if definition.shim else None
    includes = includes or headers()
    parts = linked.read(_compile(definition, work, includes), definition.name, carries=definition.carries_vectors)
    check_answers(definition, parts)
    image = RomImage.parse(emit(_contents(definition, parts)), str(output))
    shim = _compile_shim(definition, definition.shim, work, includes) if definition.shim else b""
    output.parent.mkdir(parents=True, exist_ok=True)
    if shim_output:
        _write_both({shim_output: shim, output: image.data})
    else:
        write_atomically(output, image.data)
    return image


def shim_beside(rom: Path) -> Path:
    """Where the boot shim of a ROM is: `xen.shim` beside `xen.rom`."""
    if rom.suffix != ".rom":
        raise UsageError(f"{rom}: a ROM with a boot shim, expected a name that ends in .rom; the shim goes beside it")
    return rom.with_suffix(".shim")


def _write_both(files: dict[Path, bytes]) -> None:
    """All of the files, which go to one folder; none when there is no room for all."""
    folder = next(iter(files)).parent
    with TemporaryDirectory(prefix=".rom.", dir=folder) as staging:
        for path, data in files.items():
            write_atomically(Path(staging, path.name), data)
        for path in files:
            os.replace(Path(staging, path.name), os.path.realpath(path))


def _compile(definition: RomDefinition, work: Path, includes: Path) -> bytes:
    """The linked ELF file of the ROM."""
    with package.as_file(package.files(__package__) / "rom.lds") as script:
        return _link(definition, definition.sources, script, work, includes, (
            "--emit-relocs", "--no-check-sections",  # sizes are checked here, with better messages
            f"--defsym=ROM_DATA={WINDOW_DATA:#x}", f"--defsym=ROM_ASIDE={WINDOW_SIZE:#x}",
            f"--defsym={linked.VCPU_SYMBOL}={VCPU_ROM_OFFSET:#x}",
        ))


def _compile_shim(definition: RomDefinition, shim: Shim, work: Path, includes: Path) -> bytes:
    """The linked ELF file of the boot shim, symbols and debug information included."""
    return _link(definition, shim.sources, definition.folder / shim.script, work, includes)


def _link(definition: RomDefinition, sources: Iterable[PurePosixPath], script: Path, work: Path, includes: Path,
          flags: Sequence[str] = ()) -> bytes:
    return link(definition.name, definition.folder, sources, script, Toolchain(work), work, includes, FLAGS, flags)


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


def _contents(definition: RomDefinition, parts: linked.Linked) -> RomContents:
    return RomContents(
        version=definition.version, licence=definition.licence.expression, licence_class=definition.licence.kind,
        profile=definition.profile.value, stack=definition.stack, vcpu_size=definition.vcpu_size,
        groups=tuple(RomGroup(group=claim.group.id, revision=claim.revision, may_be_native=claim.may_be_native)
                     for claim in definition.claims),
        answers=parts.answers, text=parts.text, data=parts.data, data_memory=parts.data_memory,
        manifest=_manifest(definition, parts),
    )


def _manifest(definition: RomDefinition, parts: linked.Linked) -> dict[str, Any]:
    headers = (path.relative_to(definition.folder) for path in definition.folder.rglob("*.h"))
    shim = (*definition.shim.sources, definition.shim.script) if definition.shim else ()
    sources = sorted({FILE, *(path.as_posix() for path in (*definition.sources, *shim, *headers))})
    found: dict[str, Any] = {
        "abi": CURRENT,
        "compiler": Toolchain.version(),
        "description": definition.description,
        "hypervisor": definition.hypervisor,
        "licence": definition.licence.expression,
        "name": definition.name,
        "sources": {name: hashlib.sha256((definition.folder / name).read_bytes()).hexdigest() for name in sources},
        "symbols": [list(symbol) for symbol in parts.symbols],
        "version": ".".join(map(str, definition.version)),
    }
    if definition.lint:
        found["lint"] = definition.lint
    if definition.carries_vectors:
        found["carries_vectors"] = True
    return found
