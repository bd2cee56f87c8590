# SPDX-License-Identifier: MIT
"""Writes images of classic ROMs.

     0x000 | header                                  0x090 | table of answers, 74 entries of 4 bytes
     0x020 | PCI data structure                      0x1c0 | code, as linked
     0x040 | PnP expansion header                          | strings
     0x080 | jump to vmi_init                              | zeros up to a multiple of 512 bytes
     0x088 | jump to get_reloc
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen

from openvmi.abi import classic
from openvmi.abi.classic import Call, Header, Pci, Pnp, Relocation
from openvmi.abi.layout import offset_of
from openvmi.classic.checks import LICENCES, PNP_SIGNATURE
from openvmi.errors import BuildError
from openvmi.rom.container import PCI_SIGNATURE, UNIT
from openvmi.rom.emit import BIOS_ENTRY

PCI_OFFSET, PNP_OFFSET = 0x20, 0x40
#: As the standard has it: what clients know ends after 18 bytes; the rest says that there is nothing to boot from.
PNP_SIZE = 32
TABLE_OFFSET = Header.SIZE
ENTRY_SIZE = 4
CODE_OFFSET = 0x1C0
IMAGE_LIMIT = 8192
MANUFACTURER = "OpenVMI"
_JUMP = 0xE9


@frozen(kw_only=True)
class ClassicContents:
    """A classic ROM as its parts. Offsets are those of the image; `code` are (offset, bytes)."""

    version: tuple[int, int]  #: of the ROM itself
    product: str
    code: tuple[tuple[int, bytes], ...]
    answers: Mapping[Call, tuple[Relocation, int]]  #: type and target; NONE for what is not here
    vmi_init: int
    get_reloc: int


def emit(contents: ClassicContents) -> bytes:
    """The image of a ROM, the same bytes for the same contents. :class:`BuildError` when it gets too large."""
    data = bytearray(CODE_OFFSET)
    for offset, part in sorted(contents.code):
        data += bytes(offset - len(data)) + part
    licence, manufacturer, product = (_string(data, text) for text in (LICENCES[0], MANUFACTURER, contents.product))
    data += bytes(-len(data) % UNIT)
    if len(data) > IMAGE_LIMIT:
        raise BuildError(f"{contents.product}: the image would have {len(data)} bytes, expected at most {IMAGE_LIMIT}; "
                         "make the code smaller, or leave calls native")
    pci = Pci(
        sig=PCI_SIGNATURE, vendorID=classic.PCI_VENDOR, deviceID=classic.PCI_DEVICE, size=Pci.SIZE,
        class_=0xFF, chunks=len(data) // UNIT, rom_version_maj=contents.version[0],
        rom_version_min=contents.version[1], lastRom=0x80,
    )
    header = Header(
        rom_signature=classic.ROM_SIGNATURE, rom_length=len(data) // UNIT, rom_entry=BIOS_ENTRY,
        vrom_signature=classic.SIGNATURE, api_version_maj=classic.MAJOR, api_version_min=classic.MINOR,
        license_offs=licence, pci_header_offs=PCI_OFFSET, pnp_header_offs=PNP_OFFSET,
        vmi_init=_stub("vmi_init", contents.vmi_init), get_reloc=_stub("get_reloc", contents.get_reloc),
    )
    data[TABLE_OFFSET:TABLE_OFFSET + ENTRY_SIZE * len(Call)] = b"".join(
        _entry(*contents.answers.get(call, (Relocation.NONE, 0))) for call in sorted(Call))
    data[:Header.SIZE] = header.pack()
    data[PCI_OFFSET:PCI_OFFSET + Pci.SIZE] = pci.pack()
    data[PNP_OFFSET:PNP_OFFSET + PNP_SIZE] = _pnp(manufacturer, product)
    checksum = offset_of(Header, "reserved1")
    data[checksum] = -sum(data) & 0xFF
    return bytes(data)


def _string(data: bytearray, text: str) -> int:
    """Appends it with its NUL; returns where it is."""
    data += text.encode("ascii") + b"\0"
    return len(data) - len(text) - 1


def _entry(kind: Relocation, target: int) -> bytes:
    return target.to_bytes(2, "little") + bytes([kind, 0])


def _stub(field: str, target: int) -> bytes:
    """A jump from that field of the header, and breakpoints that nobody reaches."""
    distance = target - (offset_of(Header, field) + 5)
    return bytes([_JUMP]) + distance.to_bytes(4, "little", signed=True) + b"\xcc" * 3


def _pnp(manufacturer: int, product: int) -> bytes:
    pnp = Pnp(sig=PNP_SIGNATURE, rev=1, size=PNP_SIZE // 16, manufacturer_offset=manufacturer, product_offset=product)
    # The checksum is the second byte of the field res; the bytes of the structure add up to nothing.
    return evolve(pnp, res=(-sum(pnp.pack()) & 0xFF) << 8).pack().ljust(PNP_SIZE, b"\0")
