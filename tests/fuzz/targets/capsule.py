# SPDX-License-Identifier: MIT
"""The source capsule of a ROM. First byte: a whole part; a tar, packed rightly; a recipe."""

from __future__ import annotations

from pathlib import PurePosixPath

from openvmi import resources
from openvmi.errors import BadFileError
from openvmi.rom import capsule_checks, capsule_tar
from openvmi.rom.capsule import Capsule
from openvmi.rom.image import RomImage
from openvmi.rom.recipe import FILE, Recipe
from tests.rom import capsules

ALLOWED = (BadFileError, capsule_tar.TarProblem)
LIMIT = 16384
_PART, _TAR, _RECIPE = range(3)


def seeds() -> list[bytes]:
    """Small ones, and the recipe of a ROM."""
    rom = RomImage.load(resources.built("roms") / "emu.rom")
    assert rom.capsule
    tar = capsule_tar.write(capsules.FILES)
    return [bytes([_PART]) + capsules.packed(), bytes([_PART]) + capsules.part(b"https://example.org/x.tar", tar, 2),
            bytes([_TAR]) + tar, bytes([_TAR]) + capsules.entry(b"a/b", b"c") + capsules.END,
            bytes([_RECIPE]) + rom.capsule.files()[FILE]]


def run(data: bytes) -> None:
    """Reads it as who loads, extracts or rebuilds a ROM would."""
    kind, rest = data[:1], data[1:]
    if kind == bytes([_RECIPE]):
        how = Recipe.unpack(rest, "it")
        assert Recipe.unpack(how.pack(), "it") == how
        assert not any(flag.startswith(("@", "-I", "-include", "-fplugin", "-o")) for flag in how.rom.compile)
        return
    if kind == bytes([_TAR]):
        files = capsule_tar.read(rest)
        assert capsule_tar.write(files) == rest
    else:
        if any(True for _ in capsule_checks.part_header(rest, 0)):
            return
        capsule = Capsule.unpack(rest)
        found = list(capsule_checks.part_contents(capsule, 0)) or list(capsule_checks.part_tar(capsule, 0))
        if found or capsule.url is not None:
            assert all(map(str, found))
            return
        files = capsule.files()
    for name in files:
        path = PurePosixPath(name)
        assert not path.is_absolute() and ".." not in path.parts and name.isascii() and name.isprintable()
