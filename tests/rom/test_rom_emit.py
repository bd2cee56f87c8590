# SPDX-License-Identifier: MIT
"""Images: bytes at the places that the format fixes, and emit and parse as inverses."""

from __future__ import annotations

import capstone
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from openvmi.abi.layouts import RomGroup, RomReloc
from openvmi.abi.names import LicenceClass, LinkKind, RelocationKind
from openvmi.errors import BuildError
from openvmi.rom.emit import Answer, RomContents, contents_of, emit
from openvmi.rom.image import RomImage
from tests.rom import capsules
from tests.rom.conftest import SIGNATURE


def test_bytes_at_fixed_places(contents: RomContents) -> None:
    data = emit(contents)
    assert len(data) % 512 == 0 and data[2] == len(data) // 512
    assert data[0:2] == b"\x55\xaa"
    assert data[3] == 0xCB  # retf for a BIOS
    assert data[8:12] == b"cVmi"
    assert data[12:14] == bytes([1, 4])  # minor, major
    assert sum(data) % 256 == 0
    licence = int.from_bytes(data[22:24], "little")
    assert data[licence:licence + 4] == b"MIT\0"
    pci = int.from_bytes(data[24:26], "little")
    assert data[pci:pci + 4] == b"PCIR"
    assert data[pci + 10:pci + 12] == bytes([24, 0])
    assert data[pci + 16:pci + 18] == bytes([data[2], 0])
    assert data[pci + 18:pci + 20] == bytes([7, 3])  # the ROM's own version
    assert data[pci + 21] == 0x80
    descriptor = int.from_bytes(data[28:32], "little")
    assert data[descriptor:descriptor + 8] == b"VMI4\x90\0\0\0"
    text = int.from_bytes(data[descriptor + 8:descriptor + 12], "little")
    assert text % 16 == 0 and data[text:text + 5] == b"\xb8\1\0\0\0"
    assert data[descriptor + 64:descriptor + 68] == bytes([1, 3, 24, 0])  # profile, class, stack


def test_classic_entries_fail_politely(contents: RomContents) -> None:
    data = emit(contents)
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)

    def code(offset: int, count: int) -> list[str]:
        return [f"{i.mnemonic} {i.op_str}".strip() for i in list(decoder.disasm(data[offset:offset + 8], 0))[:count]]

    assert code(0x80, 2) == ["or eax, -1", "ret"] or code(0x80, 2) == ["or eax, 0xffffffff", "ret"]
    assert code(0x88, 3) == ["xor eax, eax", "xor edx, edx", "ret"]


def test_attributes(contents: RomContents) -> None:
    image = RomImage.parse(emit(contents), "sample.rom")
    assert (image.name, image.version, image.hypervisor, image.licence) == ("sample", "3.7", "none", "MIT")
    assert image.text == contents.text and image.data_page == b"data" and image.descriptor.data_memory == 64
    enable = image.call(0x0101)
    assert enable is not None and image.recipe(enable) == bytes.fromhex("65800c250000000002e800000000")
    assert [r.offset for r in image.relocations_of(enable)] == [4, 10]
    assert image.call(0x0102) is None
    assert image.symbols == ((0, "init"), (8, "leave"))
    assert image.symbol_at(9) == "leave+0x1" and image.symbol_at(3) == "init+0x3"  # type: ignore[arg-type]


def test_too_large(contents: RomContents) -> None:
    with pytest.raises(BuildError, match="at most 130560"):
        emit(evolve(contents, capsule=bytes(130 << 10)))


@st.composite
def _answers(draw: st.DrawFn, text: int, memory: int, vcpu: int) -> tuple[Answer, ...]:
    answers = []
    # Vendor calls: no site of the interface restricts them.
    for number in sorted(draw(st.sets(st.integers(0xE000, 0xEFFF), max_size=12))):
        kind = draw(st.sampled_from(LinkKind))
        if kind == LinkKind.INLINE:
            room = {RelocationKind.TEXT: text, RelocationKind.DATA: memory, RelocationKind.VCPU: vcpu}
            kinds = [k for k, size in room.items() if size]
            fixes = []
            for offset in draw(st.sampled_from([[], [0], [1, 5], [3, 9, 28]])) if kinds else []:
                fix = draw(st.sampled_from(kinds))
                fixes.append(RomReloc(kind=fix, offset=offset, target=draw(st.integers(0, room[fix] - 1)),
                                      addend=0 if fix == RelocationKind.VCPU else draw(st.integers(-8, -4))))
            size = draw(st.integers(max((f.offset + 4 for f in fixes), default=1), 32))
            answers.append(Answer(number=number, kind=kind, recipe=draw(st.binary(min_size=size, max_size=size)),
                                  relocations=tuple(fixes)))
        else:
            goes = kind in (LinkKind.CALL, LinkKind.JUMP)
            if not goes or text:
                target = draw(st.integers(0, text - 1)) if goes else 0
                answers.append(Answer(number=number, kind=kind, target=target))
    return tuple(answers)


#: Of the best class, so that the image may say any.
_GPL = st.sampled_from(["MIT", "mit or BUSL-1.1", "GPL-2.0-only AND (Zlib OR Apache-2.0)", "ISC" + " AND ISC" * 31])
_NAME = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=20)


@st.composite
def roms(draw: st.DrawFn) -> RomContents:
    text, data = draw(st.binary(max_size=300)), draw(st.binary(max_size=100))
    memory, vcpu = len(data) + draw(st.integers(0, 100)), draw(st.integers(0, 192))
    groups = sorted(draw(st.sets(st.integers(0, 255), max_size=6)))
    return RomContents(
        minor=draw(st.integers(0, 255)), version=(draw(st.integers(0, 255)), draw(st.integers(0, 255))),
        licence=draw(_GPL), licence_class=draw(st.sampled_from(LicenceClass)), profile=draw(st.integers(0, 255)),
        stack=draw(st.integers(0, 65535)), vcpu_size=vcpu,
        groups=tuple(RomGroup(group=g, revision=draw(st.integers(1, 255)), may_be_native=draw(st.integers(0, 1)))
                     for g in groups),
        answers=draw(_answers(len(text), memory, vcpu)), text=text, data=data, data_memory=memory,
        manifest={"name": draw(_NAME), "version": draw(_NAME), "hypervisor": draw(_NAME),
                  "more": draw(st.dictionaries(st.text(max_size=5), st.integers(), max_size=3))},
        capsule=draw(st.sampled_from((b"", capsules.packed()))), signature=draw(st.sampled_from([b"", SIGNATURE])),
    )


@settings(max_examples=100, deadline=None)
@given(roms())
def test_parse_is_the_inverse_of_emit(rom: RomContents) -> None:
    data = emit(rom)
    assert contents_of(RomImage.parse(data)) == rom
    assert emit(contents_of(RomImage.parse(data))) == data
