# SPDX-License-Identifier: MIT
"""The guest checks a ROM by itself before it follows any offset in it. The host lets everything through here."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from openvmi.abi.layout import offset_of
from openvmi.abi.layouts import RomCall, RomHeader, RomReloc
from openvmi.abi.names import Call, LinkKind
from openvmi.hypervisors.base import Ending
from openvmi.rom.image import RomImage
from tests.libvmi.boot import boot, guest, in_descriptor, rom, tamper, tamper_guest

FAR = 0x7FFFFFF0


def word(at: Callable[[RomImage], int], value: int, form: str = "<I") -> Callable[[RomImage, bytearray], None]:
    """A change of one number."""
    return lambda image, data: struct.pack_into(form, data, at(image), value)


def header(field: str) -> Callable[[RomImage], int]:
    return lambda image: offset_of(RomHeader, field)


def descriptor(field: str) -> Callable[[RomImage], int]:
    return lambda image: in_descriptor(image, field)


def first_call(kind: LinkKind, field: str) -> Callable[[RomImage], int]:
    def at(image: RomImage) -> int:
        index = next(i for i, call in enumerate(image.calls)
                     if call.kind == kind and (kind != LinkKind.INLINE or call.relocation_count))
        return image.descriptor.calls + index * RomCall.SIZE + offset_of(RomCall, field)
    return at


def first_relocation(field: str) -> Callable[[RomImage], int]:
    return lambda image: image.descriptor.relocations + offset_of(RomReloc, field)


@pytest.mark.parametrize(("change", "words"), [
    (word(header("rom_signature"), 0, "<H"), "option ROM signature"),
    (word(header("signature"), 0), "VMI signature"),
    (word(header("length"), 0, "<B"), "its length"),
    (word(header("length"), 255, "<B"), "its length"),
    (word(header("descriptor"), FAR), "descriptor lies outside"),
    (word(header("descriptor"), 2), "descriptor lies outside"),
    (word(descriptor("magic"), 0), "magic or size"),
    (word(descriptor("size"), 8), "magic or size"),
    (word(descriptor("text_size"), 0x2001), "over two pages"),
    (word(descriptor("text"), FAR), "outside the image"),
    (word(descriptor("data_memory"), 0x1001), "over one page"),
    (word(descriptor("data_size"), 0x800), "over one page"),
    (word(descriptor("vcpu_size"), 193), "VCPU block"),
    (word(descriptor("calls"), FAR), "tables lies outside"),
    (word(descriptor("call_count"), FAR), "tables lies outside"),
    (word(descriptor("relocation_count"), 0xFFFFFFFF), "tables lies outside"),
    (word(descriptor("recipes"), FAR), "tables lies outside"),
    (word(descriptor("group_count"), 0xFFFFFFFF), "tables lies outside"),
    (word(first_call(LinkKind.CALL, "kind"), 9, "<B"), "unknown kind"),
    (word(first_call(LinkKind.CALL, "target"), 0x2000), "outside the text"),
    (word(first_call(LinkKind.JUMP, "target"), FAR), "outside the text"),
    (word(first_call(LinkKind.CALL, "number"), 0xFFFF, "<H"), "ascending order"),
    (word(first_call(LinkKind.JUMP, "kind"), LinkKind.CALL, "<B"), "one that does not is called"),
    (word(first_call(LinkKind.JUMP, "kind"), LinkKind.NOP, "<B"), "one that does not is called"),
    (word(first_call(LinkKind.CALL, "kind"), LinkKind.JUMP, "<B"), "is jumped to"),
    (word(first_call(LinkKind.INLINE, "target"), FAR), "outside the recipes"),
    (word(first_call(LinkKind.INLINE, "size"), 17, "<H"), "longer than its site"),
    (word(first_call(LinkKind.INLINE, "relocation"), FAR), "outside the table"),
    (word(first_call(LinkKind.INLINE, "relocation_count"), 255, "<B"), "outside the table"),
    (word(first_relocation("kind"), 0, "<B"), "a relocation leaves"),
    (word(first_relocation("offset"), 31, "<B"), "a relocation leaves"),
    (word(first_relocation("target"), 0x2000), "a relocation leaves"),
])
def test_each_check_refuses(change: Callable[[RomImage, bytearray], None], words: str) -> None:
    image = rom()
    result = boot(with_rom=tamper(image, lambda data: change(image, data)))
    assert result.outcome.ending is Ending.REFUSED, result.console
    assert "the ROM cannot be used" in result.console and words in result.console


def test_a_wrong_checksum_is_refused() -> None:
    broken = tamper(rom(), lambda data: data.__setitem__(-1, data[-1] ^ 1), checksum=False)
    result = boot(with_rom=broken)
    assert result.outcome.ending is Ending.REFUSED and "checksum is wrong" in result.console


def test_a_site_that_does_not_hold_its_native_form_stops_linking_before_the_first_write() -> None:
    image = guest()
    record = next(r for r in image.site_records() if r.call == Call.IRQ_SAVE_DISABLE)
    segment = next(s for s in image.segments if s.virtual <= record.address < s.virtual + len(s.data))
    at = record.address - segment.virtual
    old = segment.data[at - 8:at + record.size]
    result = boot(tamper_guest(image, old, old[:-1] + b"\x01"), rom())
    assert result.outcome.ending is Ending.REFUSED
    assert f"the site at {record.address:x} does not hold its native form" in result.console
    assert result.link is None
