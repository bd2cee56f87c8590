# SPDX-License-Identifier: MIT
"""A ROM image of the current interface: read, described, disassembled. First byte: whether its sums are made right."""

from __future__ import annotations

from attrs import evolve

from openvmi import resources
from openvmi.abi.layout import offset_of
from openvmi.abi.layouts import RomDescriptor, RomHeader
from openvmi.errors import BadRomError
from openvmi.rom import container, identity
from openvmi.rom.describe import describe
from openvmi.rom.emit import contents_of, emit
from openvmi.rom.image import RomImage
from openvmi.units import TextOffset

ALLOWED = (BadRomError,)
LIMIT = 8192
_SEALED = 1
_IDENTIFIED = ("text", "data", "recipes", "calls", "relocations", "groups")


def seeds() -> list[bytes]:
    """The ROMs that are small."""
    return [bytes([seal]) + rom for rom in small() for seal in (0, _SEALED)]


def small() -> list[bytes]:
    """ROMs without their source, which has a target of its own."""
    return [emit(evolve(contents_of(RomImage.load(resources.built("roms") / f"{name}.rom")), capsule=b""))
            for name in ("emu", "template", "linux")]


def run(data: bytes) -> None:
    """Reads it, as sealed as its first byte says."""
    image = sealed(data[1:]) if data[:1] == bytes([_SEALED]) else data[1:]
    rom = RomImage.parse(image, "it.rom")
    assert describe(rom)["name"] == rom.name and len(rom.text) == rom.descriptor.text_size
    assert rom.symbol_at(TextOffset(0)) is not None and rom.licence.isprintable()


def sealed(data: bytes) -> bytes:
    """The same with build id and checksum made right, where it has them."""
    if len(data) < RomHeader.SIZE:
        return data
    out, image = bytearray(data), RomImage("", data)
    at = image.header.descriptor
    if at <= len(data) - RomDescriptor.SIZE:
        parts = {name: image.part(offset, size) for name, offset, size in container.extents(image)}
        at += offset_of(RomDescriptor, "build_id")
        out[at:at + 32] = identity.build_id(*(parts.get(name, b"") for name in _IDENTIFIED))
    at = offset_of(RomHeader, "checksum")
    out[at] = (out[at] - sum(out)) & 0xFF
    return bytes(out)
