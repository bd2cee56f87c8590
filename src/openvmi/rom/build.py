# SPDX-License-Identifier: MIT
"""From a ROM's folder to its image: compile, link, take apart, check, write."""

from __future__ import annotations

import hashlib
import re
from importlib import resources as package
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from openvmi import resources
from openvmi.abi.layouts import RomGroup
from openvmi.abi.load import CURRENT
from openvmi.abi.names import VCPU_ROM_OFFSET, WINDOW_DATA, WINDOW_SIZE
from openvmi.errors import BuildError, UnavailableError
from openvmi.files import write_atomically
from openvmi.rom import linked
from openvmi.rom.definition import FILE, RomDefinition, read
from openvmi.rom.emit import RomContents, emit
from openvmi.rom.image import RomImage
from openvmi.rom.tables import known_calls, misfits
from openvmi.toolchain import FREESTANDING, Toolchain

#: Compiled code must not depend on its address, nor go through a table of addresses.
_FLAGS = (*(flag for flag in FREESTANDING if flag not in ("-fno-pic", "-fno-pie")), "-fPIC", "-fvisibility=hidden")
_UNDEFINED = re.compile(r"undefined symbol: (\S+)")


def build(folder: Path, output: Path, work: Path, includes: Path | None = None) -> RomImage:
    """Builds the ROM whose `rom.toml` is in `folder` into the file `output`, and returns it.

    `work` is a folder for the compiler's cache; `includes` the one with vmi/rom.h, from the checkout unless given. The
    result depends on the sources, the compiler's version and the interface only. Raises :class:`BuildError` for
    whatever is wrong with the sources; nothing is written then.
    """
    definition = read(folder)
    parts = linked.read(_compile(definition, work, includes or _includes()), definition.name)
    check_answers(definition, parts)
    image = RomImage.parse(emit(_contents(definition, parts)), str(output))
    output.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(output, image.data)
    return image


def _includes() -> Path:
    top = resources.checkout()
    if top is None:
        raise UnavailableError("the headers for ROMs (libvmi/include) are not part of an installed package; "
                               "build from a checkout")
    return top / "libvmi" / "include"


def _compile(definition: RomDefinition, work: Path, includes: Path) -> bytes:
    """The linked ELF file."""
    work.mkdir(parents=True, exist_ok=True)
    toolchain = Toolchain(work)
    with TemporaryDirectory(dir=work) as scratch:
        objects = []
        for source in definition.sources:
            objects.append(Path(scratch, str(source).replace("/", "-") + ".o"))
            toolchain.compile(definition.folder / source, objects[-1], _FLAGS, (includes, definition.folder))
        output = Path(scratch, "rom.elf")
        with package.as_file(package.files(__package__) / "rom.lds") as script:
            try:
                toolchain.link(objects, output, script, (
                    "--emit-relocs", "--no-check-sections",  # sizes are checked here, with better messages
                    f"--defsym=ROM_DATA={WINDOW_DATA:#x}", f"--defsym=ROM_ASIDE={WINDOW_SIZE:#x}",
                    f"--defsym={linked.VCPU_SYMBOL}={VCPU_ROM_OFFSET:#x}",
                ))
            except BuildError as error:
                if names := sorted(set(_UNDEFINED.findall(str(error)))):
                    raise BuildError(f"{definition.name}: undefined symbol {', '.join(names)}; a ROM is linked with "
                                     "nothing but its own sources: define it there or do not use it") from error
                raise
        return output.read_bytes()


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
    headers = {path.relative_to(definition.folder) for path in definition.folder.rglob("*.h")}
    sources = sorted({FILE, *map(str, definition.sources), *(path.as_posix() for path in headers)})
    return {
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
