# SPDX-License-Identifier: MIT
"""Writes ROM images."""

from __future__ import annotations

import json
from typing import Any

from attrs import evolve, field, frozen

from openvmi.abi import names
from openvmi.abi.layout import Layout
from openvmi.abi.layouts import RomCall, RomDescriptor, RomGroup, RomHeader, RomPci, RomReloc
from openvmi.abi.names import LicenceClass, LinkKind
from openvmi.errors import BuildError
from openvmi.rom.container import IMAGE_LIMIT, PCI_SIGNATURE, ROM_SIGNATURE, TABLE_ALIGNMENT, TEXT_ALIGNMENT, UNIT
from openvmi.rom.identity import build_id
from openvmi.rom.image import RomImage

#: For a BIOS that calls offset 3: retf, and breakpoints that nobody reaches.
BIOS_ENTRY = bytes.fromhex("cb cc cc cc")
#: For a 32-bit client that calls offset 0x80 in spite of the version: or $-1, %eax; ret. The failure of VMI_Init.
CLASSIC_INIT = bytes.fromhex("83 c8 ff c3 cc cc cc cc")
#: And offset 0x88: xor %eax, %eax; xor %edx, %edx; ret. "No relocation" for every call.
CLASSIC_RELOC = bytes.fromhex("31 c0 31 d2 c3 cc cc cc")


@frozen(kw_only=True)
class Answer:
    """What the ROM says to one call: `target` is a text offset for CALL and JUMP, the rest is for INLINE."""

    number: int
    kind: LinkKind
    target: int = 0
    recipe: bytes = b""
    relocations: tuple[RomReloc, ...] = ()


@frozen(kw_only=True)
class RomContents:
    """A ROM as its parts. Sizes in bytes; `version` is the ROM's own, (major, minor)."""

    minor: int = names.MINOR
    version: tuple[int, int] = (0, 0)
    licence: str
    licence_class: LicenceClass
    profile: int
    stack: int = 0
    vcpu_size: int = 0
    groups: tuple[RomGroup, ...] = ()
    answers: tuple[Answer, ...] = ()
    text: bytes = b""
    data: bytes = b""
    data_memory: int = 0
    manifest: dict[str, Any] = field(factory=dict)
    capsule: bytes = b""
    signature: bytes = b""


class _Writer:
    """Appends parts and remembers nothing but where the next one goes."""

    def __init__(self, reserved: int) -> None:
        self.data = bytearray(reserved)

    def put(self, part: bytes, alignment: int = 1) -> int:
        """Offset of the part; 0 for an absent one."""
        if not part:
            return 0
        self.data += bytes(-len(self.data) % alignment)
        self.data += part
        return len(self.data) - len(part)


def _packed(table: tuple[Layout, ...] | list[Any]) -> bytes:
    return b"".join(entry.pack() for entry in table)


def _tables(answers: tuple[Answer, ...]) -> tuple[list[RomCall], list[RomReloc], bytes]:
    calls: list[RomCall] = []
    relocations: list[RomReloc] = []
    recipes = b""
    for answer in sorted(answers, key=lambda answer: answer.number):
        inline = answer.kind == LinkKind.INLINE
        calls.append(RomCall(
            number=answer.number, kind=answer.kind, target=len(recipes) if inline else answer.target,
            size=len(answer.recipe), relocation=len(relocations) if answer.relocations else 0,
            relocation_count=len(answer.relocations),
        ))
        relocations += answer.relocations
        recipes += answer.recipe
    return calls, relocations, recipes


def emit(contents: RomContents) -> bytes:
    """The image of a ROM, the same bytes for the same contents.

    Checks nothing of the contents; :meth:`RomImage.parse` of the result does. :class:`BuildError` when it is larger
    than an image can be.
    """
    entries, relocations, recipes = _tables(contents.answers)
    groups = _packed(sorted(contents.groups, key=lambda group: group.group))
    calls, fixes = _packed(entries), _packed(relocations)
    pci_offset = RomHeader.SIZE
    descriptor_offset = pci_offset + RomPci.SIZE
    writer = _Writer(descriptor_offset + RomDescriptor.SIZE)
    licence = writer.put(contents.licence.encode("ascii") + b"\0")
    manifest = json.dumps(contents.manifest, sort_keys=True, separators=(",", ":")).encode("ascii")
    descriptor = RomDescriptor(
        magic=names.DESCRIPTOR_MAGIC, size=RomDescriptor.SIZE,
        groups=writer.put(groups, TABLE_ALIGNMENT), group_count=len(contents.groups),
        calls=writer.put(calls, TABLE_ALIGNMENT), call_count=len(entries),
        relocations=writer.put(fixes, TABLE_ALIGNMENT), relocation_count=len(relocations),
        recipes=writer.put(recipes), recipes_size=len(recipes),
        text=writer.put(contents.text, TEXT_ALIGNMENT), text_size=len(contents.text),
        data=writer.put(contents.data, 8), data_size=len(contents.data), data_memory=contents.data_memory,
        manifest=writer.put(manifest), manifest_size=len(manifest),
        capsule=writer.put(contents.capsule), capsule_size=len(contents.capsule),
        signature=writer.put(contents.signature, UNIT), signature_size=len(contents.signature),
        vcpu_size=contents.vcpu_size, profile=contents.profile, licence_class=contents.licence_class,
        stack=contents.stack, build_id=build_id(contents.text, contents.data, recipes, calls, fixes, groups),
    )
    writer.data += bytes(-len(writer.data) % UNIT)
    if len(writer.data) > IMAGE_LIMIT:
        raise BuildError(f"the image would have {len(writer.data)} bytes, expected at most {IMAGE_LIMIT}, the most an "
                         "option ROM can have; make sources or manifest smaller, or build with --source-url")
    length = len(writer.data) // UNIT
    header = RomHeader(
        rom_signature=ROM_SIGNATURE, length=length, bios_entry=BIOS_ENTRY, signature=names.ROM_MAGIC,
        major=names.MAJOR, minor=contents.minor, licence=licence, pci=pci_offset, descriptor=descriptor_offset,
        classic_init=CLASSIC_INIT, classic_reloc=CLASSIC_RELOC,
    )
    # Vendor and device stay 0: no card has them, so no firmware takes the image for the ROM of one.
    pci = RomPci(signature=PCI_SIGNATURE, size=RomPci.SIZE, class_code=b"\xff\0\0", length=length,
                 rom_major=contents.version[0], rom_minor=contents.version[1], indicator=0x80)
    writer.data[pci_offset:descriptor_offset] = pci.pack()
    writer.data[descriptor_offset:descriptor_offset + RomDescriptor.SIZE] = descriptor.pack()
    writer.data[:RomHeader.SIZE] = header.pack()
    writer.data[:RomHeader.SIZE] = evolve(header, checksum=-sum(writer.data) & 0xFF).pack()
    return bytes(writer.data)


def contents_of(image: RomImage) -> RomContents:
    """The parts of an image; emitting them again gives an image of the same meaning."""
    descriptor = image.descriptor
    return RomContents(
        minor=image.header.minor, version=(image.pci.rom_major, image.pci.rom_minor), licence=image.licence,
        licence_class=image.licence_class, profile=descriptor.profile, stack=descriptor.stack,
        vcpu_size=descriptor.vcpu_size, groups=image.groups,
        answers=tuple(Answer(
            number=call.number, kind=LinkKind(call.kind), recipe=image.recipe(call),
            target=0 if call.kind == LinkKind.INLINE else call.target, relocations=image.relocations_of(call),
        ) for call in image.calls),
        text=image.text, data=image.data_page, data_memory=descriptor.data_memory, manifest=image.manifest,
        capsule=image.part(descriptor.capsule, descriptor.capsule_size),
        signature=image.part(descriptor.signature, descriptor.signature_size),
    )
