# SPDX-License-Identifier: MIT
"""Every rule of the ROM format, in the order in which they are checked.

Each check may rely on what the ones before it made sure of, and on nothing else: the bytes may come from anybody. The
number of a check, counted from 1, is in its message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from openvmi.errors import BadRomError
from openvmi.rom import about, capsule_checks, container, signed, tables
from openvmi.rom.finding import Finding

if TYPE_CHECKING:
    from openvmi.rom.image import RomImage

Check = Callable[["RomImage"], Iterator[Finding]]
CHECKS: tuple[Check, ...] = (
    container.header_there,
    container.signatures,
    container.version,
    container.length,
    container.checksum,
    container.pci_structure,
    container.descriptor,
    container.parts_inside,
    about.licence,
    container.parts_apart,
    signed.signature,
    container.text,
    container.data,
    container.vcpu_part,
    tables.groups,
    tables.call_order,
    tables.call_kinds,
    tables.call_targets,
    tables.call_fit,
    tables.relocation_ranges,
    tables.relocation_fields,
    tables.relocation_targets,
    about.manifest,
    about.symbols,
    container.build_id,
    about.licence_class,
    capsule_checks.header,
    capsule_checks.contents,
    capsule_checks.tar,
)
#: Nothing that runs depends on these; they take longer than all others together, for a source is decompressed.
SOURCE: frozenset[Check] = frozenset({capsule_checks.contents, capsule_checks.tar})
#: What a ROM says of itself, for who tells lies apart instead of refusing them.
CLAIMS: frozenset[Check] = frozenset({about.licence_class})


def run(image: RomImage, without: frozenset[Check] = frozenset()) -> None:
    """Raises :class:`BadRomError` for the first broken rule that is not among those."""
    for number, check in enumerate(CHECKS, 1):
        if check in without:
            continue
        for finding in check(image):
            raise BadRomError(f"{image.path}: {finding} (ROM check {number})")
