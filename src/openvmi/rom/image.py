# SPDX-License-Identifier: MIT
"""A ROM image that was found to be in order."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import field, frozen

from openvmi.abi.layout import Layout
from openvmi.abi.layouts import RomCall, RomDescriptor, RomGroup, RomHeader, RomPci, RomReloc
from openvmi.abi.names import Call, LicenceClass, LinkKind
from openvmi.errors import BadFileError, BadRomError
from openvmi.files import read_bounded
from openvmi.rom import checks
from openvmi.rom.container import IMAGE_LIMIT
from openvmi.units import TextOffset

if TYPE_CHECKING:
    from openvmi.rom.capsule import Capsule

_T = TypeVar("_T", bound=Layout)


@frozen
class RomImage:
    """A ROM. Made by :meth:`parse` or :meth:`load` only, which check every byte that the attributes read.

    :class:`Capsule` checks its contents once more when they are used.
    """

    path: str
    data: bytes = field(repr=False)

    @classmethod
    def parse(cls, data: bytes, path: str = "<bytes>", without: frozenset[checks.Check] = frozenset()) -> RomImage:
        """Checks the bytes of an image. Raises :class:`BadRomError` naming the first rule of the format they break.

        `without`: rules that it may break, such as :data:`openvmi.rom.checks.SOURCE` for who only runs it.

        The minor version may be any: whether a ROM is new enough is for the guest to decide.
        """
        image = cls(path, bytes(data))
        checks.run(image, without)
        return image

    @classmethod
    def load(cls, path: Path) -> RomImage:
        """Reads and checks a file. :class:`openvmi.errors.UsageError` when it cannot be read; otherwise as parse."""
        return cls.parse(read_image(path), str(path))

    def part(self, offset: int, size: int) -> bytes:
        """Bytes of the image."""
        return self.data[offset:offset + size]

    def _table(self, layout: type[_T], offset: int, count: int) -> tuple[_T, ...]:
        return tuple(layout.unpack(self.data, offset + i * layout.SIZE) for i in range(count))

    @cached_property
    def header(self) -> RomHeader:
        """The structure at offset 0."""
        return RomHeader.unpack(self.data)

    @cached_property
    def pci(self) -> RomPci:
        """The PCI data structure."""
        return RomPci.unpack(self.data, self.header.pci)

    @cached_property
    def descriptor(self) -> RomDescriptor:
        """Where everything else is."""
        return RomDescriptor.unpack(self.data, self.header.descriptor)

    @cached_property
    def calls(self) -> tuple[RomCall, ...]:
        """What the ROM answers, by ascending call number."""
        return self._table(RomCall, self.descriptor.calls, self.descriptor.call_count)

    @cached_property
    def relocations(self) -> tuple[RomReloc, ...]:
        """What completes the recipes; each call names its own."""
        return self._table(RomReloc, self.descriptor.relocations, self.descriptor.relocation_count)

    @cached_property
    def groups(self) -> tuple[RomGroup, ...]:
        """The groups that the ROM implements, by ascending number."""
        return self._table(RomGroup, self.descriptor.groups, self.descriptor.group_count)

    @cached_property
    def licence(self) -> str:
        """The SPDX licence expression."""
        return self.data[self.header.licence:self.data.index(0, self.header.licence)].decode("ascii")

    @property
    def licence_class(self) -> LicenceClass:
        """What the builder says that the expression amounts to."""
        return LicenceClass(self.descriptor.licence_class)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What the builder recorded: name, version, hypervisor, symbols, sources."""
        return json.loads(self.part(self.descriptor.manifest, self.descriptor.manifest_size))

    @property
    def name(self) -> str:
        """Name of the ROM."""
        return self.manifest["name"]

    @property
    def version(self) -> str:
        """Version of the ROM, not of the interface."""
        return self.manifest["version"]

    @property
    def hypervisor(self) -> str:
        """Name of the hypervisor that it is for."""
        return self.manifest["hypervisor"]

    @property
    def text(self) -> bytes:
        """What goes to offset 0 of the guest's ROM window."""
        return self.part(self.descriptor.text, self.descriptor.text_size)

    @property
    def data_page(self) -> bytes:
        """What the data at WINDOW_DATA starts with; zeros follow, `descriptor.data_memory` bytes in all."""
        return self.part(self.descriptor.data, self.descriptor.data_size)

    @property
    def recipes(self) -> bytes:
        """The bytes of all recipes; the relocated ones are zero."""
        return self.part(self.descriptor.recipes, self.descriptor.recipes_size)

    @cached_property
    def capsule(self) -> Capsule | None:
        """What the ROM says about its source; None: nothing."""
        from openvmi.rom.capsule import Capsule

        size = self.descriptor.capsule_size
        return Capsule.unpack(self.part(self.descriptor.capsule, size)) if size else None

    @cached_property
    def sha256(self) -> str:
        """Of the whole image, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    def recipe(self, call: RomCall) -> bytes:
        """The instructions for a site of an INLINE call, relocated bytes zero; empty for other kinds."""
        if call.kind != LinkKind.INLINE:
            return b""
        return self.part(self.descriptor.recipes + call.target, call.size)

    def relocations_of(self, call: RomCall) -> tuple[RomReloc, ...]:
        """The relocations of a call's recipe, by ascending offset."""
        return self.relocations[call.relocation:call.relocation + call.relocation_count]

    def call(self, number: int) -> RomCall | None:
        """What the ROM answers for a call number; None is as NATIVE."""
        return next((call for call in self.calls if call.number == number), None)

    @cached_property
    def symbols(self) -> tuple[tuple[TextOffset, str], ...]:
        """Labels in the text, by ascending offset: those of the manifest, and call names where it has none."""
        labels = {TextOffset(offset): name for offset, name in self.manifest.get("symbols", [])}
        for call in self.calls:
            if call.kind in (LinkKind.CALL, LinkKind.JUMP):
                known = call.number in set(Call)
                labels.setdefault(TextOffset(call.target),
                                  Call(call.number).name.lower() if known else f"call_{call.number:04x}")
        return tuple(sorted(labels.items()))

    def symbol_at(self, offset: TextOffset) -> str:
        """The label at or before an offset in the text, as `deliver+0x4`; empty when there is none."""
        index = bisect_right(self.symbols, offset, key=lambda symbol: symbol[0]) - 1
        if index < 0:
            return ""
        start, name = self.symbols[index]
        return f"{name}+{offset - start:#x}" if offset > start else name


def read_image(path: Path) -> bytes:
    """The bytes of a ROM's file. :class:`BadRomError` when it is larger than any ROM."""
    try:
        return read_bounded(path, IMAGE_LIMIT, "ROM")
    except BadFileError as error:
        raise BadRomError(str(error)) from error
