# SPDX-License-Identifier: MIT
"""Checks of a ROM image's tables: groups, calls, relocations of recipes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from openvmi.abi import model
from openvmi.abi.layout import offset_of
from openvmi.abi.layouts import RomCall, RomGroup, RomReloc
from openvmi.abi.load import interface
from openvmi.abi.names import SITE_LIMIT, LinkKind, RelocationKind
from openvmi.rom.finding import Finding

if TYPE_CHECKING:
    from openvmi.rom.image import RomImage

#: Bytes that a relocation completes.
FIELD_SIZE = 4


@cache
def known_calls() -> dict[int, model.Call]:
    """The calls of the interface, by number."""
    return {call.number: call for call in interface().calls}


def misfits(known: model.Call, kind: LinkKind, size: int) -> Iterator[tuple[str, str]]:
    """Why an answer of this kind, with a recipe of `size` bytes, cannot stand at a site: found, expected."""
    if kind == LinkKind.INLINE and not 0 < size <= known.site:
        yield f"a recipe of {size} bytes for {known.name}", f"1 to {known.site}, the bytes of its site"
    jumped = known.convention == "jump"
    if kind in ((LinkKind.CALL, LinkKind.NOP) if jumped else (LinkKind.JUMP,)):
        yield (f"{kind.name} for {known.name}",
               "no return address and no falling through, for it never returns" if jumped else "a call that returns")


def _call_at(image: RomImage, index: int, field: str = "number") -> int:
    return image.descriptor.calls + index * RomCall.SIZE + offset_of(RomCall, field)


def _relocation_at(image: RomImage, index: int, field: str) -> int:
    return image.descriptor.relocations + index * RomReloc.SIZE + offset_of(RomReloc, field)


def groups(image: RomImage) -> Iterator[Finding]:
    """Groups ascend, and each is really there."""
    for index, group in enumerate(image.groups):
        offset = image.descriptor.groups + index * RomGroup.SIZE
        if index and group.group <= image.groups[index - 1].group:
            yield Finding(f"group {group.group:#04x}", offset, "group numbers that ascend")
        if not group.revision or group.may_be_native > 1:
            yield Finding(f"group {group.group:#04x} of revision {group.revision}, may_be_native {group.may_be_native}",
                          offset, "a revision of at least 1, may_be_native 0 or 1")


def call_order(image: RomImage) -> Iterator[Finding]:
    """Calls ascend, so none is answered twice."""
    for index, (before, call) in enumerate(pairwise(image.calls), 1):
        if call.number <= before.number:
            yield Finding(f"call {call.number:#06x} after {before.number:#06x}", _call_at(image, index),
                          "call numbers that ascend")


def call_kinds(image: RomImage) -> Iterator[Finding]:
    """Each call has a kind that a linker knows."""
    for index, call in enumerate(image.calls):
        if call.kind not in set(LinkKind):
            yield Finding(f"call {call.number:#06x} of kind {call.kind}", _call_at(image, index, "kind"),
                          f"0 to {max(LinkKind)}")


def call_targets(image: RomImage) -> Iterator[Finding]:
    """Text targets are in the text, recipes among the recipes and no longer than any site."""
    text, recipes = image.descriptor.text_size, image.descriptor.recipes_size
    for index, call in enumerate(image.calls):
        if call.kind in (LinkKind.CALL, LinkKind.JUMP) and call.target >= text:
            yield Finding(f"call {call.number:#06x} with target {call.target:#x}", _call_at(image, index, "target"),
                          f"less than the text's {text:#x}")
        if call.kind == LinkKind.INLINE and (call.size > SITE_LIMIT or call.target + call.size > recipes):
            yield Finding(f"call {call.number:#06x} with a recipe of {call.size} bytes at {call.target:#x}",
                          _call_at(image, index, "target"),
                          f"at most {SITE_LIMIT}, inside the recipes' {recipes:#x} bytes")


def call_fit(image: RomImage) -> Iterator[Finding]:
    """Answers fit the sites of the calls known here. Numbers of newer versions and of vendors pass unchecked."""
    for index, call in enumerate(image.calls):
        if known := known_calls().get(call.number):
            for found, expected in misfits(known, LinkKind(call.kind), call.size):
                yield Finding(found, _call_at(image, index, "kind"), expected)


def relocation_ranges(image: RomImage) -> Iterator[Finding]:
    """Only recipes have relocations, and those are in the table."""
    for index, call in enumerate(image.calls):
        room = image.descriptor.relocation_count if call.kind == LinkKind.INLINE else 0
        if call.relocation_count and call.relocation + call.relocation_count > room:
            yield Finding(f"call {call.number:#06x} with {call.relocation_count} relocations from {call.relocation}",
                          _call_at(image, index, "relocation"), f"none beyond the {room} that it may use")


def relocation_fields(image: RomImage) -> Iterator[Finding]:
    """Relocated bytes are inside their recipe and belong to one relocation only."""
    for call in image.calls:
        free = 0
        for number, relocation in enumerate(image.relocations_of(call), call.relocation):
            if not free <= relocation.offset <= call.size - FIELD_SIZE:
                yield Finding(f"call {call.number:#06x} with a relocation of byte {relocation.offset}",
                              _relocation_at(image, number, "offset"),
                              f"{FIELD_SIZE} bytes from {free} up, inside a recipe of {call.size}")
            free = relocation.offset + FIELD_SIZE


def relocation_targets(image: RomImage) -> Iterator[Finding]:
    """Relocations refer to what the ROM has."""
    room = {
        RelocationKind.TEXT: image.descriptor.text_size,
        RelocationKind.DATA: image.descriptor.data_memory,
        RelocationKind.VCPU: image.descriptor.vcpu_size,
    }
    for index, relocation in enumerate(image.relocations):
        if relocation.kind not in room:
            yield Finding(f"relocation of kind {relocation.kind}", _relocation_at(image, index, "kind"),
                          ", ".join(str(kind.value) for kind in RelocationKind))
        elif relocation.target >= room[RelocationKind(relocation.kind)]:
            yield Finding(f"relocation with target {relocation.target:#x}", _relocation_at(image, index, "target"),
                          f"less than {room[RelocationKind(relocation.kind)]:#x}")
        elif relocation.kind == RelocationKind.VCPU and relocation.addend:
            yield Finding(f"relocation with addend {relocation.addend}", _relocation_at(image, index, "addend"),
                          "0 for an offset in the VCPU block")
