# SPDX-License-Identifier: MIT
"""ROM files of either generation of the interface, told apart by their header."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from openvmi.abi import names
from openvmi.abi.layout import offset_of
from openvmi.abi.layouts import RomHeader
from openvmi.errors import RefusedError
from openvmi.rom.checks import SOURCE, Check
from openvmi.rom.image import RomImage, read_image

if TYPE_CHECKING:
    from openvmi.classic.image import ClassicRom

#: At the same place in the headers of both, the signature with the same value.
_SIGNATURE, _MAJOR = offset_of(RomHeader, "signature"), offset_of(RomHeader, "major")


def load(path: Path, checked: bool = True, without: frozenset[Check] = frozenset()) -> RomImage | ClassicRom:
    """Reads and checks a ROM of any version that is known here; what is not one is told as for the current version.

    Unless `checked`, a classic ROM may be one that firmware or clients would refuse. `without` as for
    :meth:`RomImage.parse`, errors as for :meth:`RomImage.load`.
    """
    data = read_image(path)
    if not is_classic(data):
        return RomImage.parse(data, str(path), without)
    from openvmi.classic.image import ClassicRom

    return ClassicRom.parse(data, str(path)) if checked else ClassicRom.read(data, str(path))


def load_current(path: Path) -> RomImage:
    """Reads and checks a ROM to run guests of the current version with. :class:`RefusedError` for a classic one."""
    rom = load(path, checked=False, without=SOURCE)
    if isinstance(rom, RomImage):
        return rom
    raise RefusedError(
        f"{path}: a ROM of VMI {rom.api[0]}.{rom.api[1]}, and a guest of VMI {names.MAJOR}.{names.MINOR} needs one of "
        f"version {names.MAJOR}; this one is for i386 Linux kernels with CONFIG_VMI: "
        "openvmi run bzImage --on bare --rom FILE")


def load_classic(path: Path, checked: bool = True) -> ClassicRom:
    """Reads and checks a ROM for classic clients, as :func:`load`. :class:`RefusedError` for a current one."""
    rom = load(path, checked)
    if not isinstance(rom, RomImage):
        return rom
    from openvmi.abi import classic

    raise RefusedError(
        f"{path}: a ROM of VMI {rom.header.major}.{rom.header.minor}, and a Linux kernel with CONFIG_VMI needs one of "
        f"version {classic.MAJOR}; use --rom classic-full, or none")


def is_classic(data: bytes) -> bool:
    """Whether these bytes are a ROM for the classic interface, in order or not."""
    signature, major = data[_SIGNATURE:_SIGNATURE + 4], data[_MAJOR:_MAJOR + 1]
    if signature != names.ROM_MAGIC.to_bytes(4, "little") or major == bytes([names.MAJOR]):
        return False
    from openvmi.abi import classic

    return major == bytes([classic.MAJOR])
