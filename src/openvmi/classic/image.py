# SPDX-License-Identifier: MIT
"""A ROM image for the classic interface."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

from openvmi.abi.classic import Header, Pci, Pnp
from openvmi.abi.layout import offset_of
from openvmi.abi.names import CAPSULE_MAGIC
from openvmi.classic import checks
from openvmi.rom import capsule_checks
from openvmi.rom.about import printable
from openvmi.rom.container import UNIT
from openvmi.rom.finding import Finding
from openvmi.rom.image import read_image

if TYPE_CHECKING:
    from openvmi.rom.capsule import Capsule

#: Bytes of a string in the image, its NUL not counted. A client prints it into a line of its log.
STRING_LIMIT = 128
_MAGIC = CAPSULE_MAGIC.to_bytes(4, "little")


@frozen
class ClassicRom:
    """A ROM of any state of order: whatever a broken image does not have is None.

    A source capsule stands behind the image, as long as its length says: no firmware looks there, and no client.

    :meth:`parse` and :meth:`load` make sure that there is nothing wrong with it, but for what its code does.
    """

    path: str
    data: bytes = field(repr=False)  #: what firmware and clients see
    tail: bytes = field(default=b"", repr=False)  #: what stands behind that in the file: the source capsule

    @classmethod
    def read(cls, data: bytes, path: str = "<bytes>") -> ClassicRom:
        """An image that has a header, whatever is wrong with the rest. :class:`BadRomError` when there is none."""
        rom = cls._split(bytes(data), path)
        checks.run(rom, checks.HEADER)
        return rom

    @classmethod
    def parse(cls, data: bytes, path: str = "<bytes>") -> ClassicRom:
        """Raises :class:`BadRomError` naming the first rule that the bytes break: firmware or clients would, too."""
        rom = cls._split(bytes(data), path)
        checks.run(rom, checks.CHECKS)
        return rom

    @classmethod
    def load(cls, path: Path) -> ClassicRom:
        """Reads and checks a file. :class:`openvmi.errors.UsageError` when it cannot be read; otherwise as parse."""
        return cls.parse(read_image(path), str(path))

    @classmethod
    def _split(cls, data: bytes, path: str) -> ClassicRom:
        length = data[offset_of(Header, "rom_length")] * UNIT if len(data) >= Header.SIZE else 0
        if not 0 < length < len(data) or data[length:length + len(_MAGIC)] != _MAGIC:
            return cls(path, data)
        return cls(path, data[:length], data[length:])

    @property
    def file(self) -> bytes:
        """The whole file."""
        return self.data + self.tail

    @cached_property
    def capsule(self) -> Capsule | None:
        """What the ROM says about its source; None: nothing, or nothing that can be read."""
        from openvmi.rom.capsule import Capsule

        broken = not self.tail or any(True for _ in capsule_checks.part_header(self.tail, len(self.data)))
        return None if broken else Capsule.unpack(self.tail)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every rule that the image breaks."""
        return tuple(finding for check in checks.CHECKS for finding in check(self))

    @cached_property
    def header(self) -> Header:
        """The structure at offset 0."""
        return Header.unpack(self.data)

    @cached_property
    def pci(self) -> Pci | None:
        """The PCI data structure; None when it is not in the image."""
        offset = self.header.pci_header_offs
        return Pci.unpack(self.data, offset) if 0 < offset <= len(self.data) - Pci.SIZE else None

    @cached_property
    def pnp(self) -> Pnp | None:
        """The PnP expansion header, which may be absent; None, too, when it is not in the image."""
        offset = self.header.pnp_header_offs
        return Pnp.unpack(self.data, offset) if 0 < offset <= len(self.data) - Pnp.SIZE else None

    @property
    def api(self) -> tuple[int, int]:
        """Version of the interface, (major, minor)."""
        return self.header.api_version_maj, self.header.api_version_min

    @property
    def rom_version(self) -> tuple[int, int]:
        """Version of the ROM itself, (major, minor)."""
        return (self.pci.rom_version_maj, self.pci.rom_version_min) if self.pci else (0, 0)

    @property
    def licence(self) -> str | None:
        """The text that clients compare."""
        return self.text_at(self.header.license_offs)

    @property
    def manufacturer(self) -> str | None:
        """Who made the ROM. Clients print it."""
        return self.text_at(self.pnp.manufacturer_offset) if self.pnp else None

    @property
    def product(self) -> str | None:
        """What it is. Clients print it."""
        return self.text_at(self.pnp.product_offset) if self.pnp else None

    @cached_property
    def sha256(self) -> str:
        """Of the whole file, in hexadecimal."""
        return hashlib.sha256(self.file).hexdigest()

    def text_at(self, offset: int) -> str | None:
        """The string at an image offset; None at 0, and where no short printable string with its NUL is."""
        text, end, _ = self.data[offset:offset + STRING_LIMIT + 1].partition(b"\0")
        found = text.decode("latin-1")
        return found if offset and end and printable(found, STRING_LIMIT) else None
