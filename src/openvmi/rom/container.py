# SPDX-License-Identifier: MIT
"""Checks of a ROM image as a container: headers, extents, checksum."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from openvmi.abi import names
from openvmi.abi.layout import offset_of
from openvmi.abi.layouts import RomCall, RomDescriptor, RomGroup, RomHeader, RomPci, RomReloc
from openvmi.rom import identity
from openvmi.rom.finding import DAMAGED, MISBUILT, Finding

if TYPE_CHECKING:
    from openvmi.rom.image import RomImage

#: Bytes per unit of the length fields (PCI Firmware 3.0, section 5.1).
UNIT = 512
#: The length field of the header is one byte.
IMAGE_LIMIT = 255 * UNIT
ROM_SIGNATURE = 0xAA55
PCI_SIGNATURE = int.from_bytes(b"PCIR", "little")
TEXT_ALIGNMENT = 16

#: Of what a guest reads in place.
TABLE_ALIGNMENT = 4

#: Parts that the descriptor points at: name of the offset, of the size or count, bytes per unit of that, alignment.
PARTS = (
    ("text", "text_size", 1, TEXT_ALIGNMENT),
    ("data", "data_size", 1, 1),
    ("calls", "call_count", RomCall.SIZE, TABLE_ALIGNMENT),
    ("relocations", "relocation_count", RomReloc.SIZE, TABLE_ALIGNMENT),
    ("recipes", "recipes_size", 1, 1),
    ("groups", "group_count", RomGroup.SIZE, TABLE_ALIGNMENT),
    ("manifest", "manifest_size", 1, 1),
    ("capsule", "capsule_size", 1, 1),
    ("signature", "signature_size", 1, 1),
)


def at(image: RomImage, field: str) -> int:
    """Image offset of a descriptor field, for messages."""
    return image.header.descriptor + offset_of(RomDescriptor, field)


def extents(image: RomImage) -> Iterator[tuple[str, int, int]]:
    """Name, image offset and size in bytes of every part that the descriptor points at and that is there."""
    for name, count, unit, _ in PARTS:
        if size := getattr(image.descriptor, count) * unit:
            yield name, getattr(image.descriptor, name), size


def header_there(image: RomImage) -> Iterator[Finding]:
    """The header can be read."""
    if len(image.data) < RomHeader.SIZE:
        yield Finding(f"{len(image.data)} bytes", 0, f"at least a header of {RomHeader.SIZE}", DAMAGED)


def signatures(image: RomImage) -> Iterator[Finding]:
    """An option ROM, and one of this interface."""
    for field, value in (("rom_signature", ROM_SIGNATURE), ("signature", names.ROM_MAGIC)):
        found = getattr(image.header, field)
        if found != value:
            yield Finding(f"{field} {found:#x}", offset_of(RomHeader, field), f"{value:#x}",
                          "this is not a VMI ROM: check the path, or build one with: openvmi rom build")


def version(image: RomImage) -> Iterator[Finding]:
    """The major version is the one that this package knows."""
    header = image.header
    if header.major != names.MAJOR:
        remedy = "get a ROM that is built for this version"
        if header.major == 3:
            remedy = "this ROM is for the classic 32-bit interface of Linux 2.6; " + remedy
        yield Finding(f"interface version {header.major}.{header.minor}", offset_of(RomHeader, "major"),
                      f"version {names.MAJOR}", remedy)


def length(image: RomImage) -> Iterator[Finding]:
    """The image is as long as it says."""
    said = image.header.length * UNIT
    if said != len(image.data) or not said:
        yield Finding(f"a length of {said} bytes", offset_of(RomHeader, "length"),
                      f"the {len(image.data)} bytes that are there, in units of {UNIT}, at most {IMAGE_LIMIT}", DAMAGED)


def checksum(image: RomImage) -> Iterator[Finding]:
    """All bytes add up to nothing."""
    if total := sum(image.data) & 0xFF:
        yield Finding(f"byte sum {total:#04x}", offset_of(RomHeader, "checksum"), "0", DAMAGED)


def pci_structure(image: RomImage) -> Iterator[Finding]:
    """The PCI data structure that firmware looks for."""
    offset = image.header.pci
    if not RomHeader.SIZE <= offset <= len(image.data) - RomPci.SIZE:
        yield Finding(f"PCI data structure at {offset:#x}", offset_of(RomHeader, "pci"), "one inside the image")
        return
    wanted = (("signature", PCI_SIGNATURE), ("size", RomPci.SIZE), ("length", image.header.length))
    for field, value in wanted:
        found = getattr(image.pci, field)
        if found != value:
            yield Finding(f"PCI {field} {found:#x}", offset + offset_of(RomPci, field), f"{value:#x}")


def descriptor(image: RomImage) -> Iterator[Finding]:
    """The descriptor is there; it may be longer than the one known here."""
    offset = image.header.descriptor
    if not RomHeader.SIZE <= offset <= len(image.data) - RomDescriptor.SIZE or offset % TABLE_ALIGNMENT:
        yield Finding(f"descriptor at {offset:#x}", offset_of(RomHeader, "descriptor"),
                      f"a multiple of {TABLE_ALIGNMENT} after the header, and its end inside the image")
        return
    found = image.descriptor
    if found.magic != names.DESCRIPTOR_MAGIC:
        yield Finding(f"descriptor magic {found.magic:#x}", at(image, "magic"), f"{names.DESCRIPTOR_MAGIC:#x}")
    if not RomDescriptor.SIZE <= found.size <= len(image.data) - offset:
        yield Finding(f"descriptor size {found.size}", at(image, "size"),
                      f"at least {RomDescriptor.SIZE}, and its end inside the image")


def parts_inside(image: RomImage) -> Iterator[Finding]:
    """Nothing points out of the image, or to where it cannot be read in place; an absent part does not either."""
    for name, count, unit, alignment in PARTS:
        offset, size = getattr(image.descriptor, name), getattr(image.descriptor, count) * unit
        if offset + size > len(image.data) or (size and offset < RomHeader.SIZE) or offset % alignment:
            yield Finding(f"{name} of {size} bytes at {offset:#x}", at(image, name),
                          f"a multiple of {alignment} after the header, and its end inside the image of "
                          f"{len(image.data)} bytes")


def parts_apart(image: RomImage) -> Iterator[Finding]:
    """No byte has two meanings: a signature, for one, must not be able to leave out text by covering it."""
    parts = sorted([
        *((offset, size, name) for name, offset, size in extents(image)),
        (image.header.pci, RomPci.SIZE, "pci"),
        (image.header.descriptor, image.descriptor.size, "descriptor"),
        (image.header.licence, len(image.licence) + 1, "licence"),
    ])
    for (offset, size, name), (after, _, other) in pairwise(parts):
        if after < offset + size:
            yield Finding(f"{other} at {after:#x} inside {name} at {offset:#x}", after, "parts that do not overlap")


def text(image: RomImage) -> Iterator[Finding]:
    """The text fits into its window."""
    size = image.descriptor.text_size
    if size > names.TEXT_LIMIT:
        yield Finding(f"{size} bytes of text", at(image, "text_size"), f"at most {names.TEXT_LIMIT}")


def data(image: RomImage) -> Iterator[Finding]:
    """The data fits into its page."""
    found = image.descriptor
    if found.data_memory > names.DATA_LIMIT:
        yield Finding(f"{found.data_memory} bytes of data", at(image, "data_memory"), f"at most {names.DATA_LIMIT}")
    if found.data_size > found.data_memory:
        yield Finding(f"{found.data_size} bytes of initial data", at(image, "data_size"),
                      f"at most data_memory, {found.data_memory}")


def vcpu_part(image: RomImage) -> Iterator[Finding]:
    """The ROM's part of the VCPU block is as small as the block."""
    room = names.VCPU_BLOCK_SIZE - names.VCPU_ROM_OFFSET
    if image.descriptor.vcpu_size > room:
        yield Finding(f"{image.descriptor.vcpu_size} bytes per VCPU", at(image, "vcpu_size"), f"at most {room}")


def build_id(image: RomImage) -> Iterator[Finding]:
    """The build id is that of the contents."""
    found = image.descriptor
    parts = {name: image.part(offset, size) for name, offset, size in extents(image)}
    wanted = identity.build_id(*(
        parts.get(name, b"") for name in ("text", "data", "recipes", "calls", "relocations", "groups")
    ))
    if found.build_id != wanted:
        yield Finding(f"build id {found.build_id.hex()[:16]}...", at(image, "build_id"), f"{wanted.hex()[:16]}...",
                      MISBUILT)
