# SPDX-License-Identifier: MIT
"""The place of a signature in a ROM image: put there, taken away, its form checked. Who signed is for openvmi.trust.

A signature has a unit of the image for itself, the last one. So an image is the same before it is signed and after the
signature is taken away, whatever a builder put behind its last part.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import evolve

from openvmi.abi.layout import Layout, offset_of
from openvmi.abi.layouts import RomHeader, RomSignature
from openvmi.abi.names import SIGNATURE_MAGIC, SignatureAlgorithm
from openvmi.errors import RefusedError
from openvmi.rom.container import IMAGE_LIMIT, PARTS, UNIT, at
from openvmi.rom.finding import Finding

if TYPE_CHECKING:
    from openvmi.rom.image import RomImage

#: What a signed message starts with, so that no signature made for another purpose fits.
CONTEXT = b"OpenVMI ROM signature 1\0"
_REMEDY = "the signature is damaged, or made by another tool: get the ROM again"


def signature(image: RomImage) -> Iterator[Finding]:
    """The signature, where there is one, has its form and place. Whether it is good is for whoever has the library."""
    found = image.descriptor
    if not found.signature_size:
        return
    if found.signature_size != RomSignature.SIZE:
        yield Finding(f"a signature of {found.signature_size} bytes", at(image, "signature_size"),
                      str(RomSignature.SIZE), _REMEDY)
        return
    last = len(image.data) - UNIT
    if found.signature != last:
        yield Finding(f"a signature at {found.signature:#x}", at(image, "signature"),
                      f"one at {last:#x}, where the last {UNIT} bytes of the image begin", _REMEDY)
        return
    inner = RomSignature.unpack(image.data, last)
    for field, value in (("magic", SIGNATURE_MAGIC), ("size", RomSignature.SIZE),
                         ("algorithm", SignatureAlgorithm.ED25519)):
        if getattr(inner, field) != value:
            yield Finding(f"signature {field} {getattr(inner, field):#x}", last + offset_of(RomSignature, field),
                          f"{value:#x}", _REMEDY)
    for name, *_ in PARTS:
        if name != "signature" and (offset := getattr(found, name)) > last:
            yield Finding(f"{name} at {offset:#x}", at(image, name), f"nothing behind the signature at {last:#x}",
                          _REMEDY)
    if any(image.data[last + RomSignature.SIZE:]):
        yield Finding("something behind the signature", last + RomSignature.SIZE, "zeros to the image's end", _REMEDY)


def part(image: RomImage) -> RomSignature | None:
    """The signature of an image; None when it has none."""
    if not image.descriptor.signature_size:
        return None
    return RomSignature.unpack(image.data, image.descriptor.signature)


def message(image: RomImage) -> bytes:
    """What the signature of a signed image is made over: all of it but the 64 bytes that are the signature itself.

    The header's checksum counts as zero: it depends on the signature, and on nothing that is not signed.
    """
    data = bytearray(image.data)
    data[offset_of(RomHeader, "checksum")] = 0
    start = image.descriptor.signature + offset_of(RomSignature, "signature")
    data[start:start + 64] = bytes(64)
    return CONTEXT + data


def attach(image: RomImage, key: bytes, value: bytes = bytes(64)) -> RomImage:
    """The image with this public key and signature, in place of one that it may have. Nothing else of it changes.

    :class:`RefusedError` when there is no room, or what is there could not be restored.
    """
    bare = detach(image)
    if bare.descriptor.signature:
        raise RefusedError(f"{image.path}: signature_size 0, but signature {bare.descriptor.signature:#x}, expected 0: "
                           "taking the signature away again could not restore it; build the ROM again")
    if len(bare.data) + UNIT > IMAGE_LIMIT:
        raise RefusedError(f"{image.path}: {len(bare.data)} bytes, and a signature needs {UNIT} more; an option ROM "
                           f"has at most {IMAGE_LIMIT}; build the ROM with a smaller source capsule, such as a URL")
    filled = RomSignature(magic=SIGNATURE_MAGIC, size=RomSignature.SIZE, algorithm=SignatureAlgorithm.ED25519,
                          key=key, signature=value).pack()
    return _made(bare, bare.data + filled.ljust(UNIT, b"\0"), len(bare.data), RomSignature.SIZE)


def detach(image: RomImage) -> RomImage:
    """The image as it was before it was signed; itself when it was not."""
    if not image.descriptor.signature_size:
        return image
    return _made(image, image.data[:-UNIT], 0, 0)


def _made(image: RomImage, data: bytes, offset: int, size: int) -> RomImage:
    """An image of other length: header, PCI structure and descriptor changed accordingly, and checked."""
    from openvmi.rom.checks import SOURCE
    from openvmi.rom.image import RomImage

    units = len(data) // UNIT
    changed: list[tuple[int, Layout]] = [
        (image.header.pci, evolve(image.pci, length=units)),
        (image.header.descriptor, evolve(image.descriptor, signature=offset, signature_size=size)),
        (0, evolve(image.header, length=units, checksum=0)),
    ]
    out = bytearray(data)
    for start, layout in changed:
        out[start:start + layout.SIZE] = layout.pack()
    out[offset_of(RomHeader, "checksum")] = -sum(out) & 0xFF
    return RomImage.parse(bytes(out), image.path, SOURCE)  # which is as it was
