# SPDX-License-Identifier: MIT
"""What the `rom.toml` of a classic ROM says: one set of sources, from which each variant takes its own."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from attrs import frozen

from openvmi.abi.load import CLASSIC
from openvmi.errors import BuildError
from openvmi.rom import licence, toml
from openvmi.rom.toml import Table

#: It becomes the name of a file.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
#: Clients take `GPL` and `GPL v2` for an answer; only these licences are meant by it.
_GPL = frozenset({"GPL-1.0-or-later", "GPL-2.0-only", "GPL-2.0-or-later"})


@frozen
class Variant:
    """One ROM. `sources` are relative to the definition's folder."""

    name: str
    description: str
    sources: tuple[PurePosixPath, ...]


@frozen
class ClassicDefinition:
    """A checked `rom.toml`. `version` is the ROM's own, `script` relative to `folder`."""

    folder: Path
    name: str
    version: tuple[int, int]
    hypervisor: str
    description: str
    licence: licence.Licence
    script: PurePosixPath
    variants: tuple[Variant, ...]


def read(folder: Path, only: str | None = None) -> ClassicDefinition:
    """Reads and checks `rom.toml`. Raises :class:`BuildError` with the first thing that is wrong.

    Without a table of variants there is one, with the ROM's own name and sources. `only`: the folder has the sources of
    this variant, and need not have those of the others.
    """
    top = toml.read(folder)
    rom = top.table("rom")
    variants = top.table("variant") if "variant" in top else None
    top.done()
    interface = rom.text("interface")
    if interface != CLASSIC:
        raise BuildError(f"{rom.where}: interface = {interface!r}, expected {CLASSIC!r}")
    name, description = rom.text("name"), rom.text("description")
    result = ClassicDefinition(
        folder=folder, name=name, version=rom.version(), hypervisor=rom.text("hypervisor"), description=description,
        licence=licence.parse(rom.take("licence", str, ""), rom.where), script=rom.script(folder),
        variants=tuple(_variant(variants, each, folder, only) for each in variants) if variants else (
            Variant(_file_name(name, rom), description, rom.sources(folder, ".S")),),
    )
    rom.done()
    if not result.variants:
        raise BuildError(f"{top.where}: [variant] is empty; give at least one, or sources in [rom]")
    if not licence.offers(result.licence, _GPL):
        raise BuildError(f"{rom.where}: licence {result.licence.expression}, expected one that offers GPL-2.0-only, as "
                         "\"MIT OR GPL-2.0-only\": clients use no ROM that does not say GPL, and it must be true")
    return result


def _variant(variants: Table, name: str, folder: Path, only: str | None) -> Variant:
    table = variants.table(name, f"variant.{name}")
    result = Variant(_file_name(name, table), table.text("description"),
                     table.sources(folder, ".S", there=only in (None, name)))
    table.done()
    return result


def _file_name(name: str, table: Table) -> str:
    if not _NAME.fullmatch(name):
        raise BuildError(f"{table.where}: {name!r}, expected a name of letters, digits, dots, dashes and underscores: "
                         "it becomes the name of a file")
    return name
