# SPDX-License-Identifier: MIT
"""Builds a ROM from its own source, in an empty folder, and says whether the same bytes come out.

Source and recipe are taken to be hostile. Nothing runs but the installed compiler, confined to its own package and the
files of the capsule (:mod:`openvmi.confined`), with flags of a list (:mod:`openvmi.rom.recipe`), bounded in time,
memory and output. What it makes is taken apart by the code that reads files of others.
"""

from __future__ import annotations

import hashlib
import struct
import tempfile
import time
from pathlib import Path

from attrs import evolve, field, frozen
from elftools.common.exceptions import ELFError

from openvmi import confined
from openvmi.abi.load import CLASSIC, CURRENT
from openvmi.abi.names import CapsuleKind
from openvmi.classic import build as classic
from openvmi.classic import definition as classic_definition
from openvmi.classic.image import ClassicRom
from openvmi.errors import BadFileError, BuildError, UnavailableError
from openvmi.files import read_bounded
from openvmi.rebuild import parts
from openvmi.rebuild.code import Difference, Symbols
from openvmi.rom import build, definition, inputs, recipe
from openvmi.rom.capsule import Capsule
from openvmi.rom.compile import Workshop
from openvmi.rom.emit import contents_of, emit
from openvmi.rom.form import tar_of
from openvmi.rom.image import RomImage
from openvmi.rom.inputs import INCLUDE, LINK, ROM, Inputs, Places
from openvmi.rom.recipe import Recipe
from openvmi.rom.source import files_of, write_tree
from openvmi.toolchain import Confinement, Toolchain

TIMEOUT = 120.0  #: seconds for all of it
SHIM_LIMIT = 16 << 20
_FOLDERS = (ROM, INCLUDE, LINK)


@frozen
class Outcome:
    """What came of it. `notes` are what a reader should know besides; digests are of whole files."""

    path: str
    sha256: str
    rebuilt: str  #: digest of what was built
    shim: str | None  #: digest of the boot shim that was built
    source: str  #: digest of the tar
    compiler: str
    wanted: str  #: compiler
    confined: bool
    seconds: float
    differences: tuple[Difference, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def identical(self) -> bool:
        """Byte for byte, the compression of the source apart."""
        return not self.differences


@frozen
class _Built:
    """What the source gave: the image, for a ROM of either generation, and what it came from."""

    rom: RomImage | ClassicRom
    tar: bytes
    inputs: Inputs
    shim: bytes = b""
    symbols: Symbols = ()


def rebuild(rom: RomImage | ClassicRom, tar: bytes, *, anyway: bool = False, unconfined: bool = False,
            timeout: float = TIMEOUT) -> Outcome:
    """Builds the ROM again from this tar.

    `anyway`: with another version of the compiler too. `unconfined`: where the system cannot confine the compiler; it
    may then read every file that its user may. Raises :class:`BadFileError` for a source that is not in order,
    :class:`UnavailableError` without that compiler or confinement, :class:`BuildError` when nothing can be built.
    """
    begun = time.monotonic()
    files = files_of(tar, rom.path)
    how = _recipe(files, rom)
    notes = []
    if (installed := Toolchain.number()) != how.version:
        if not anyway:
            raise UnavailableError(
                f"{rom.path}: built with {recipe.PACKAGE} {how.version}, and {installed} is installed; run: pip "
                f"install {recipe.PACKAGE}=={how.version}, or compare nevertheless with --anyway")
        notes.append(f"built with {recipe.PACKAGE} {how.version}, rebuilt with {installed}")
    if not unconfined and not confined.available():
        raise UnavailableError(
            f"{rom.path}: this system cannot keep the compiler from reading other files than the ROM's source; use "
            "Linux 5.13 or newer with Landlock, or, if you trust the source, --unconfined")
    if how.tool != build.TOOL:
        notes.append(f"built by {how.tool}, rebuilt by {build.TOOL}")
    with tempfile.TemporaryDirectory(prefix="openvmi-rebuild-") as folder:
        tree = Path(folder, "source")
        write_tree({name: data for name, data in files.items() if name != recipe.FILE}, tree)
        for name in (ROM, INCLUDE):
            (tree / name).mkdir(exist_ok=True)
        shop = Workshop(Path(folder, "work"), None if unconfined else Confinement(tree, begun + timeout))
        try:
            built = _build(rom, tree, shop, how)
        except (ELFError, struct.error, LookupError, ValueError, TypeError, AssertionError, StopIteration,
                RecursionError) as error:
            # The linker has made of a hostile source what no linker makes of an honest one.
            raise BuildError(f"{rom.path}: its source gives no ROM: {type(error).__name__}: {error}") from error
    differences, more = _compare(rom, built, tar, files)
    return Outcome(
        rom.path, rom.sha256, built.rom.sha256, _sha256(built.shim) if built.shim else None, _sha256(tar),
        Toolchain.version(), f"{recipe.PACKAGE} {how.version}", not unconfined, time.monotonic() - begun,
        tuple(differences), (*notes, *more),
    )


def _recipe(files: dict[str, bytes], rom: RomImage | ClassicRom) -> Recipe:
    """The recipe, which must be about these files and for this kind of ROM."""
    where = rom.path
    if recipe.FILE not in files:
        raise BadFileError(f"{where}: no {recipe.FILE} in its source; it can be read, and not rebuilt")
    how = Recipe.unpack(files[recipe.FILE], where)
    known = CURRENT if isinstance(rom, RomImage) else CLASSIC
    if how.interface != known:
        raise BadFileError(f"{where}: its recipe is for interface {how.interface}, expected {known}; use the version "
                           f"of openvmi that built it ({how.tool})")
    others = {name: data for name, data in files.items() if name != recipe.FILE}
    if Inputs(others, {}).digests() != how.inputs:
        wrong = sorted(others.keys() ^ how.inputs.keys()) or [
            name for name, digest in Inputs(others, {}).digests().items() if how.inputs[name] != digest]
        raise BadFileError(f"{where}: {wrong[0]}: not as its recipe says, expected the files with the digests there; "
                           "get the ROM again")
    if stray := [name for name in others if name.split("/")[0] not in _FOLDERS or "/" not in name]:
        raise BadFileError(f"{where}: {stray[0]} in its source, expected files below {', '.join(_FOLDERS)}")
    for step in (how.rom, *([how.shim] if how.shim else [])):
        if step.script not in others:
            raise BadFileError(f"{where}: linker script {step.script!r}, expected one of the files in its source")
    try:
        inputs.check(others, where)
    except BuildError as error:
        raise BadFileError(str(error)) from error
    return how


def _build(rom: RomImage | ClassicRom, tree: Path, shop: Workshop, how: Recipe) -> _Built:
    if isinstance(rom, RomImage):
        places = Places(tree / ROM, tree / INCLUDE, tree / how.rom.script)
        made = build.make(definition.read(tree / ROM), places, shop, how)
        tar = tar_of(made.inputs, made.recipe)
        contents = evolve(made.contents, capsule=_capsule(rom.capsule, tar), signature=contents_of(rom).signature)
        return _Built(RomImage.parse(emit(contents), rom.path), tar, made.inputs, made.shim)
    about = classic_definition.read(tree / ROM, how.variant)
    variants = [variant for variant in about.variants if variant.name == how.variant]
    if not variants:
        raise BadFileError(f"{rom.path}: its recipe is for variant {how.variant!r}, and its source has no such one")
    result = classic.make(about, variants[0], Places(tree / ROM, tree / INCLUDE), shop, rom.path, how)
    tar = tar_of(result.inputs, result.recipe)
    return _Built(evolve(result.rom, tail=_capsule(rom.capsule, tar)), tar, result.inputs, b"", result.symbols)


def _capsule(given: Capsule | None, tar: bytes) -> bytes:
    """The same kind of capsule about another tar; about the same one, the same bytes."""
    if given is None:
        return b""
    made = Capsule.at(given.url, tar) if given.url is not None else Capsule.embedded(tar)
    return (evolve(made, contents=given.contents) if made.sha256 == given.sha256 else made).pack()


def _compare(rom: RomImage | ClassicRom, built: _Built, tar: bytes,
             files: dict[str, bytes]) -> tuple[list[Difference], list[str]]:
    found: list[Difference] = []
    notes = []
    capsule = rom.capsule
    if capsule and capsule.kind == CapsuleKind.EMBEDDED and built.tar == tar \
            and Capsule.embedded(tar).contents != capsule.contents:
        notes.append("only the compression of the source differs; what it holds is the same")
    if isinstance(rom, RomImage) and isinstance(built.rom, RomImage):
        if rom.data != built.rom.data:
            found += parts.of_roms(rom, built.rom)
        shim, more = _shims(rom, built.shim)
        found += shim
        notes += more
    elif isinstance(rom, ClassicRom) and isinstance(built.rom, ClassicRom) and rom.file != built.rom.file:
        found += parts.of_classic(rom, built.rom, built.symbols)
    if tar != built.tar:
        found += parts.of_files(files, files_of(built.tar, rom.path))
    if not found:
        left, right = (each.data if isinstance(each, RomImage) else each.file for each in (rom, built.rom))
        found += parts.of_bytes(left, right)
    return found, notes


def _shims(rom: RomImage, rebuilt: bytes) -> tuple[list[Difference], list[str]]:
    """The boot shim beside the ROM. Its digest is in the recipe too, which is compared with the rest of the source."""
    path = Path(rom.path).with_suffix(".shim")
    if not rebuilt:
        return [], []
    if not path.is_file():
        return [], [f"no boot shim beside the ROM ({path.name}): only its digest was compared"]
    return parts.of_shims(read_bounded(path, SHIM_LIMIT, "boot shim"), rebuilt), []


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
