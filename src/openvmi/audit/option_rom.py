# SPDX-License-Identifier: MIT
"""Option ROMs: the images of a PCI expansion ROM, and the older kind without PCI data.

Layouts: PCI Firmware Specification 3.0, section 5.1 (header, data structure); UEFI 2.10, section 14.4 (EFI images);
Plug and Play BIOS Specification 1.0A, section 3.2; IEEE 1275, section 5.2.2.5 (the header of an FCode program).
"""

from __future__ import annotations

import struct

from attrs import evolve, field, frozen

from openvmi.audit import pe
from openvmi.errors import BadFileError

MAGIC = b"\x55\xaa"
X86, OPEN_FIRMWARE, PA_RISC, EFI = 0, 1, 2, 3
CODE_TYPES = {X86: "x86 BIOS", OPEN_FIRMWARE: "Open Firmware", PA_RISC: "PA-RISC", EFI: "EFI"}
_UNIT = 512
_IMAGE_LIMIT = 64
_TEXT_LIMIT = 128
_PCI = struct.Struct("<4sHHHHBBBBHHBBH")  # to the maximum run-time size of revision 3
_PCI_MINIMUM = 24
_EFI = struct.Struct("<HIHHH")  # at 2: initialisation size, signature, subsystem, machine, compression
_EFI_SIGNATURE, _EFI_POINTER = 0x0EF1, 0x16
_PNP = struct.Struct("<4sBBH2xIHH3xBHHHHH")
_FCODE_STARTS = (0xF0, 0xF1, 0xF2, 0xF3, 0xFD)


@frozen
class FCode:
    """An FCode program's header."""

    start: int
    length: int
    sum_right: bool


@frozen
class Image:
    """One image of an option ROM. Offsets and sizes in bytes; texts are empty where there are none."""

    offset: int
    size: int
    type: int
    data: bytes = field(repr=False)
    vendor: int | None = None  #: None without PCI data
    device: int = 0
    device_class: int = 0
    last: bool = True
    sum_right: bool = False
    manufacturer: str = ""
    product: str = ""
    vectors: tuple[str, ...] = ()
    compressed: bool = False
    pe: pe.Pe | None = None
    fcode: FCode | None = None
    problem: str = ""


def parse(data: bytes) -> tuple[Image, ...]:
    """Reads all images. Raises :class:`BadFileError` for bytes that are no option ROM, or end inside one."""
    images: list[Image] = []
    at = 0
    while True:
        image = _image(data, at)
        images.append(image)
        at += image.size
        if image.last:
            return tuple(images)
        if len(images) == _IMAGE_LIMIT:
            raise BadFileError(f"more than {_IMAGE_LIMIT} images, none of them marked as the last; the file is damaged")


def _image(data: bytes, at: int) -> Image:
    if data[at:at + 2] != MAGIC or at + 0x1C > len(data):
        raise BadFileError(f"at {at:#x} {data[at:at + 2].hex(' ') or 'nothing'}, expected 55 aa and a header: no "
                           "option ROM, or the last image is not marked")
    pci = at + int.from_bytes(data[at + 0x18:at + 0x1A], "little")
    short = data[at + 2] * _UNIT
    if data[pci:pci + 4] != b"PCIR" or pci == at:
        if at or not short or short > len(data) or sum(data[:short]) & 0xFF:
            raise BadFileError(f"at {at:#x} neither PCI data nor {short} bytes whose sum is 0: no option ROM")
        return _x86(Image(0, short, X86, data[:short], sum_right=True))
    entry = data[pci:pci + _PCI.size].ljust(_PCI.size, b"\0")
    if pci + _PCI_MINIMUM > len(data):
        raise BadFileError(f"the PCI data at {pci:#x} ends behind the file; is it truncated?")
    _, vendor, device, _, _, _, c0, c1, c2, units, _, kind, indicator, _ = _PCI.unpack(entry)
    size = units * _UNIT or short
    if not size or at + size > len(data) or pci + _PCI_MINIMUM > at + size:
        raise BadFileError(f"the image at {at:#x} has {size} bytes, and the file ends at {len(data):#x}; is it "
                           "truncated?")
    body = data[at:at + size]
    image = Image(at, size, kind, body, vendor, device, c2 << 16 | c1 << 8 | c0, bool(indicator & 0x80),
                  not sum(body[:short if kind == X86 and short <= size else size]) & 0xFF)
    return {X86: _x86, OPEN_FIRMWARE: _open_firmware, EFI: _efi}.get(kind, lambda same: same)(image)


def _x86(image: Image) -> Image:
    at = int.from_bytes(image.data[0x1A:0x1C], "little")
    if not at or image.data[at:at + 4] != b"$PnP" or at + _PNP.size > image.size:
        return image
    _, _, _, _, _, maker, product, _, connect, disconnect, boot, _, static = _PNP.unpack_from(image.data, at)
    named = {"boot connection vector": connect, "disconnect vector": disconnect, "bootstrap entry vector": boot,
             "static resource vector": static}
    return evolve(image, manufacturer=_text(image.data, maker), product=_text(image.data, product),
                  vectors=tuple(name for name, value in named.items() if value))


def _open_firmware(image: Image) -> Image:
    at = int.from_bytes(image.data[2:4], "little")
    try:
        return evolve(image, fcode=fcode(image.data[at:]))
    except BadFileError as error:
        return evolve(image, problem=str(error))


def _efi(image: Image) -> Image:
    _, signature, subsystem, machine, compression = _EFI.unpack_from(image.data, 2)
    if signature != _EFI_SIGNATURE:
        return evolve(image, problem=f"EFI signature {signature:#x} at 0x4, expected {_EFI_SIGNATURE:#x}")
    start = int.from_bytes(image.data[_EFI_POINTER:_EFI_POINTER + 2], "little")
    if compression == 1:  # its contents are told by the header only
        return evolve(image, compressed=True, pe=pe.Pe(machine, subsystem, 0, (), 0, 0))
    if compression or not start or start >= image.size:
        return evolve(image, problem=f"compression {compression}, program at {start:#x}: expected 0 or 1, and a place "
                                     "inside the image")
    try:
        return evolve(image, pe=pe.parse(image.data[start:]))
    except BadFileError as error:
        return evolve(image, problem=str(error))


def fcode(data: bytes) -> FCode:
    """The header of an FCode program; its length is inside the bytes. Raises :class:`BadFileError`."""
    if len(data) < 8 or data[0] not in _FCODE_STARTS:
        raise BadFileError(f"starts with {data[:1].hex() or 'nothing'}, no start of an FCode program")
    checksum, length = int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:8], "big")
    if not 8 <= length <= len(data):
        raise BadFileError(f"an FCode program of {length} bytes in {len(data)}; is it truncated?")
    return FCode(data[0], length, sum(data[8:length]) & 0xFFFF == checksum)


def _text(data: bytes, offset: int) -> str:
    if not offset:
        return ""
    return data[offset:offset + _TEXT_LIMIT].partition(b"\0")[0].decode("utf-8", "backslashreplace")
