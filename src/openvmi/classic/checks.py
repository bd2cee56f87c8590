# SPDX-License-Identifier: MIT
"""Every rule for a classic ROM's image that can be seen without running it, in the order in which they are checked.

Each rule is one that the clients of Linux 2.6.21 to 2.6.36 keep (drivers: arch/x86/kernel/vmi_32.c there), or one
of the firmware that has to put the image into their way (PCI Firmware 3.0, section 5; Plug and Play BIOS 1.0A, section
3.2). A check relies on nothing but a header's presence: the bytes may come from anybody. The number of a check, counted
from 1, is in its message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from openvmi.abi import classic
from openvmi.abi.classic import Header, Pci, Pnp
from openvmi.abi.layout import offset_of
from openvmi.errors import BadRomError
from openvmi.rom import capsule_checks
from openvmi.rom.container import IMAGE_LIMIT, PCI_SIGNATURE, UNIT
from openvmi.rom.finding import DAMAGED, MISBUILT, Finding

if TYPE_CHECKING:
    from openvmi.classic.image import ClassicRom

PNP_SIGNATURE = int.from_bytes(b"$PnP", "little")
#: The licence texts that clients accept, character by character.
LICENCES = ("GPL", "GPL v2")
#: What is wrong for whom, and what to do.
_REFUSED = f"clients refuse this ROM and stay native: {MISBUILT}"
_NOT_PLACED = f"firmware does not put this ROM where clients look: {DAMAGED}"
_JUMP_32, _JUMP_8 = 0xE9, 0xEB


def header_there(rom: ClassicRom) -> Iterator[Finding]:
    """The header can be read."""
    if len(rom.data) < Header.SIZE:
        yield Finding(f"{len(rom.data)} bytes", 0, f"at least a header of {Header.SIZE}", DAMAGED)


def signatures(rom: ClassicRom) -> Iterator[Finding]:
    """An option ROM, and one of this interface."""
    for field, value in (("rom_signature", classic.ROM_SIGNATURE), ("vrom_signature", classic.SIGNATURE)):
        found = getattr(rom.header, field)
        if found != value:
            yield Finding(f"{field} {found:#x}", offset_of(Header, field), f"{value:#x}",
                          "this is not a VMI ROM: check the path, or build one with: openvmi rom build")


def version(rom: ClassicRom) -> Iterator[Finding]:
    """Clients accept one major version."""
    if rom.api[0] != classic.MAJOR:
        yield Finding(f"interface version {rom.api[0]}.{rom.api[1]}", offset_of(Header, "api_version_maj"),
                      f"version {classic.MAJOR}", _REFUSED)


def length(rom: ClassicRom) -> Iterator[Finding]:
    """The image is as long as it says, a source capsule behind it not counted. Clients do not read this."""
    said = rom.header.rom_length * UNIT
    if said != len(rom.data) or not said:
        yield Finding(f"a length of {said} bytes", offset_of(Header, "rom_length"),
                      f"the {len(rom.data)} bytes that are there, in units of {UNIT}, at most {IMAGE_LIMIT}",
                      _NOT_PLACED)


def checksum(rom: ClassicRom) -> Iterator[Finding]:
    """All bytes add up to nothing. Clients do not compute this."""
    if total := sum(rom.data) & 0xFF:
        yield Finding(f"byte sum {total:#04x}", 0, "0", _NOT_PLACED)


def pci_structure(rom: ClassicRom) -> Iterator[Finding]:
    """Clients want a PCI data structure; what is in it is for firmware."""
    offset = rom.header.pci_header_offs
    if rom.pci is None:
        yield Finding(f"PCI data structure at {offset:#x}", offset_of(Header, "pci_header_offs"),
                      "one inside the image", _REFUSED)
        return
    wanted = (("sig", PCI_SIGNATURE), ("size", Pci.SIZE), ("chunks", rom.header.rom_length))
    for field, value in wanted:
        found = getattr(rom.pci, field)
        if found != value:
            yield Finding(f"PCI {field} {found:#x}", offset + offset_of(Pci, field), f"{value:#x}")


def pnp_structure(rom: ClassicRom) -> Iterator[Finding]:
    """The PnP header may be absent."""
    offset = rom.header.pnp_header_offs
    if offset and rom.pnp is None:
        yield Finding(f"PnP header at {offset:#x}", offset_of(Header, "pnp_header_offs"), "0, or one inside the image")
    elif rom.pnp and rom.pnp.sig != PNP_SIGNATURE:
        yield Finding(f"PnP signature {rom.pnp.sig:#x}", offset, f"{PNP_SIGNATURE:#x}")


def licence(rom: ClassicRom) -> Iterator[Finding]:
    """The licence is one of those that clients accept."""
    if rom.licence not in LICENCES:
        found = "no readable text" if rom.licence is None else repr(rom.licence)
        yield Finding(f"licence at {rom.header.license_offs:#x}: {found}", offset_of(Header, "license_offs"),
                      " or ".join(map(repr, LICENCES)), _REFUSED)


def strings(rom: ClassicRom) -> Iterator[Finding]:
    """What clients print can be printed."""
    for field in ("manufacturer_offset", "product_offset"):
        offset = getattr(rom.pnp, field) if rom.pnp else 0
        if offset and rom.text_at(offset) is None:
            yield Finding(f"{field} {offset:#x}", rom.header.pnp_header_offs + offset_of(Pnp, field),
                          "0, or a short printable text and its NUL inside the image")


def stubs(rom: ClassicRom) -> Iterator[Finding]:
    """The two entries are code; where they are jumps, into the image."""
    for field in ("vmi_init", "get_reloc"):
        code, offset = getattr(rom.header, field), offset_of(Header, field)
        size = {_JUMP_32: 5, _JUMP_8: 2}.get(code[0])
        if size is None:
            if not any(code):
                yield Finding(f"no code at {field}", offset, "a jump to it", _REFUSED)
            continue
        target = offset + size + int.from_bytes(code[1:size], "little", signed=True)
        if not Header.SIZE <= target < len(rom.data):
            yield Finding(f"{field} goes to {target:#x}", offset, f"{Header.SIZE:#x} to {len(rom.data):#x}")


def capsule(rom: ClassicRom) -> Iterator[Finding]:
    """What stands behind the image is a source capsule in order. Neither firmware nor clients read it."""
    at = len(rom.data)
    if not rom.tail:
        return
    found = list(capsule_checks.part_header(rom.tail, at))
    if not found and rom.capsule:
        found = list(capsule_checks.part_contents(rom.capsule, at)) or list(capsule_checks.part_tar(rom.capsule, at))
    yield from found


#: Without these, nothing else can be said.
HEADER: tuple[Callable[[ClassicRom], Iterator[Finding]], ...] = (header_there, signatures)
CHECKS = (*HEADER, version, length, checksum, pci_structure, pnp_structure, licence, strings, stubs, capsule)


def run(rom: ClassicRom, rules: Iterable[Callable[[ClassicRom], Iterator[Finding]]]) -> None:
    """Raises :class:`BadRomError` for the first broken rule."""
    for number, check in enumerate(rules, 1):
        for finding in check(rom):
            raise BadRomError(f"{rom.path}: {finding} (classic ROM check {number})")
