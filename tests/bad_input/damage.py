# SPDX-License-Identifier: MIT
"""The real guest hello and the real ROM of emu, with single fields put wrong.

Layouts: System V ABI, chapter 4 and 5.
"""

from __future__ import annotations

import struct

from openvmi import resources
from openvmi.abi.layout import Layout, offset_of
from openvmi.abi.layouts import RomDescriptor, RomHeader, Site
from openvmi.abi.names import NoteType

PROGRAM = {"type": (0, "I"), "flags": (4, "I"), "offset": (8, "Q"), "virtual": (16, "Q"), "physical": (24, "Q"),
           "file_size": (32, "Q"), "memory_size": (40, "Q"), "align": (48, "Q")}
HEADER = {"class": (4, "B"), "order": (5, "B"), "type": (16, "H"), "machine": (18, "H"), "entry": (24, "Q"),
          "table": (32, "Q"), "entry_size": (54, "H"), "count": (56, "H")}
SITE = dict(zip(("distance", "call", "size", "native"), ((0, "i"), (4, "H"), (6, "B"), (7, "B")), strict=True))
RODATA, NOTES, TEXT, DATA = range(4)  # program headers of a guest linked with libvmi's linker script
_TABLE, _ENTRY = 64, 56
_OWNER = b"OpenVMI\0"


def hello() -> bytes:
    """The built guest."""
    return (resources.built("guests") / "hello.elf").read_bytes()


def emu_rom() -> bytes:
    """The built ROM."""
    return (resources.built("roms") / "emu.rom").read_bytes()


class Elf:
    """A guest to spoil, field by field. Methods return the guest, so that damage can be chained."""

    def __init__(self) -> None:
        self.data = bytearray(hello())

    def _put(self, base: int, field: tuple[int, str], value: int) -> Elf:
        struct.pack_into(f"<{field[1]}", self.data, base + field[0], value)
        return self

    def header(self, field: str, value: int) -> Elf:
        """Sets a field of the ELF header."""
        return self._put(0, HEADER[field], value)

    def program(self, index: int, field: str, value: int) -> Elf:
        """Sets a field of a program header."""
        return self._put(_TABLE + index * _ENTRY, PROGRAM[field], value)

    def read(self, index: int, field: str) -> int:
        """A field of a program header."""
        at, code = PROGRAM[field]
        return struct.unpack_from(f"<{code}", self.data, _TABLE + index * _ENTRY + at)[0]

    def note_at(self, kind: NoteType) -> int:
        """File offset of a note's header."""
        at, end = self.read(NOTES, "offset"), self.read(NOTES, "offset") + self.read(NOTES, "file_size")
        while at < end:
            name, size, number = struct.unpack_from("<III", self.data, at)
            if number == kind:
                return at
            at += 12 + (name + 3 & ~3) + (size + 3 & ~3)
        raise LookupError(kind)

    def note(self, kind: NoteType, contents: bytes) -> Elf:
        """Overwrites the start of a note's contents."""
        at = self.note_at(kind) + 12 + len(_OWNER)
        self.data[at:at + len(contents)] = contents
        return self

    def address(self, kind: NoteType, value: int) -> Elf:
        """Overwrites the first address in a note."""
        return self.note(kind, struct.pack("<Q", value))

    def note_size(self, kind: NoteType, size: int) -> Elf:
        """Sets the size that a note claims for its contents."""
        return self._put(self.note_at(kind), (4, "I"), size)

    def note_type(self, kind: NoteType, number: int) -> Elf:
        """Turns a note into one of another type."""
        return self._put(self.note_at(kind), (8, "I"), number)

    def without(self, kind: NoteType) -> Elf:
        """Gives a note to another owner, which is as if it were missing."""
        self.data[self.note_at(kind) + 12] = ord("X")
        return self

    def site_at(self, index: int) -> int:
        """File offset of a site record."""
        at = self.note_at(NoteType.SITES) + 12 + len(_OWNER)
        start, = struct.unpack_from("<Q", self.data, at)
        return start - self.read(RODATA, "virtual") + self.read(RODATA, "offset") + index * Site.SIZE

    def site(self, index: int, field: str, value: int) -> Elf:
        """Sets a field of a site record."""
        return self._put(self.site_at(index), SITE[field], value)

    def code_of_site(self, index: int) -> int:
        """File offset of the code at a site."""
        at = self.site_at(index)
        distance, = struct.unpack_from("<i", self.data, at)
        place = at - self.read(RODATA, "offset") + self.read(RODATA, "virtual") + distance
        return place - self.read(TEXT, "virtual") + self.read(TEXT, "offset")

    def flip(self, at: int) -> Elf:
        """Flips one bit of a byte."""
        self.data[at] ^= 1
        return self


class Rom:
    """A ROM to spoil; its checksum stays right unless it is told otherwise."""

    def __init__(self) -> None:
        self.data = bytearray(emu_rom())
        self.descriptor_at = RomHeader.unpack(bytes(self.data)).descriptor

    def _put(self, layout: type[Layout], base: int, field: str, value: int, code: str) -> Rom:
        struct.pack_into(f"<{code}", self.data, base + offset_of(layout, field), value)
        return self.seal()

    def header(self, field: str, value: int, code: str = "B") -> Rom:
        """Sets a field of the header."""
        return self._put(RomHeader, 0, field, value, code)

    def descriptor(self, field: str, value: int, code: str = "I") -> Rom:
        """Sets a field of the descriptor."""
        return self._put(RomDescriptor, self.descriptor_at, field, value, code)

    def replace(self, old: bytes, new: bytes) -> Rom:
        """Replaces bytes by as many others."""
        assert len(old) == len(new) and old in self.data
        self.data[:] = self.data.replace(old, new)
        return self.seal()

    def flip(self, at: int) -> Rom:
        """Flips one bit of a byte and leaves the checksum as it was."""
        self.data[at] ^= 1
        return self

    def seal(self) -> Rom:
        """Makes the checksum right."""
        at = offset_of(RomHeader, "checksum")
        self.data[at] = (self.data[at] - sum(self.data)) & 0xFF
        return self
