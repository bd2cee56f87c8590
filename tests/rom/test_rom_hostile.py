# SPDX-License-Identifier: MIT
"""Bytes from anybody: each check of the format refuses what it is there for, and nothing but BadRomError comes out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from openvmi.abi.layout import Layout, offset_of
from openvmi.abi.layouts import (
    RomCall,
    RomCapsule,
    RomDescriptor,
    RomGroup,
    RomHeader,
    RomPci,
    RomReloc,
    RomSignature,
)
from openvmi.errors import BadFileError, BadRomError, UsageError
from openvmi.rom import about, capsule_checks, checks, container, signed, tables
from openvmi.rom.describe import describe
from openvmi.rom.emit import RomContents, contents_of, emit
from openvmi.rom.image import RomImage
from tests.rom import capsules


class Patch:
    """A valid image to spoil. :meth:`bytes` makes checksum and build id right again, so that only the damage shows."""

    def __init__(self, contents: RomContents) -> None:
        self.image = RomImage.parse(emit(contents))
        self.data = bytearray(self.image.data)
        self.sealed = True

    def put(self, layout: type[Layout], base: int, field: str, value: int, size: int) -> None:
        at = base + offset_of(layout, field)
        self.data[at:at + size] = value.to_bytes(size, "little", signed=value < 0)

    def header(self, field: str, value: int, size: int) -> None:
        self.put(RomHeader, 0, field, value, size)

    def descriptor(self, field: str, value: int, size: int = 4) -> None:
        self.put(RomDescriptor, self.image.header.descriptor, field, value, size)

    def call(self, index: int, field: str, value: int, size: int) -> None:
        self.put(RomCall, self.image.descriptor.calls + index * RomCall.SIZE, field, value, size)

    def relocation(self, index: int, field: str, value: int, size: int) -> None:
        self.put(RomReloc, self.image.descriptor.relocations + index * RomReloc.SIZE, field, value, size)

    def capsule(self, field: str, value: int, size: int) -> None:
        self.put(RomCapsule, self.image.descriptor.capsule, field, value, size)

    def put_capsule(self, part: bytes) -> None:
        self.sealed = False
        self.data = bytearray(emit(evolve(contents_of(self.image), capsule=part)))

    def text(self, licence: str) -> None:
        self.data[self.image.header.licence:self.image.header.licence + len(licence)] = licence.encode()

    def manifest(self, text: bytes) -> None:
        start, room = self.image.descriptor.manifest, self.image.descriptor.manifest_size
        assert len(text) <= room
        self.data[start:start + room] = text.ljust(room)

    def grow(self, part: str, size: int, filling: bytes = b"\0") -> None:
        """Moves a part to the end, where the signature was, and gives it `size` bytes."""
        self.unsign()
        self.descriptor(part, len(self.data))
        self.descriptor(f"{part}_size", size)
        self.data += filling * size + bytes(-size % 512)
        self.header("length", len(self.data) // 512, 1)
        self.put(RomPci, self.image.header.pci, "length", len(self.data) // 512, 2)

    def unsign(self) -> None:
        self.descriptor("signature", 0)
        self.descriptor("signature_size", 0)

    def signature(self, field: str, value: int, size: int) -> None:
        self.put(RomSignature, self.image.descriptor.signature, field, value, size)

    def bytes(self) -> bytes:
        if self.sealed:
            at = self.image.header.descriptor
            found = RomDescriptor.unpack(bytes(self.data), at)
            total = hashlib.sha256()
            for start, size in ((found.text, found.text_size), (found.data, found.data_size),
                                (found.recipes, found.recipes_size), (found.calls, found.call_count * RomCall.SIZE),
                                (found.relocations, found.relocation_count * RomReloc.SIZE),
                                (found.groups, found.group_count * RomGroup.SIZE)):
                part = self.data[start:start + size]
                total.update(len(part).to_bytes(4, "little") + part)
            at += offset_of(RomDescriptor, "build_id")
            self.data[at:at + 32] = total.digest()
            self.data[15] = (self.data[15] - sum(self.data)) & 0xFF
        return bytes(self.data)


def _unsealed(patch: Patch, index: int, value: int) -> None:
    patch.sealed = False
    patch.data[index] ^= value
    patch.data[15] = (patch.data[15] - sum(patch.data)) & 0xFF


def _truncate(patch: Patch, size: int) -> None:
    patch.sealed = False
    del patch.data[size:]


def _break_sum(patch: Patch) -> None:
    patch.sealed = False
    patch.data[15] ^= 1


def _behind_the_signature(patch: Patch) -> None:
    patch.descriptor("data", len(patch.data) - 8)


#: The check that must refuse, the damage, what the message says. Indices of calls: Init, IrqDisable, IrqEnable
#: (inline, two relocations), Iret, a vendor's.
CASES: list[tuple[Callable[..., object], Callable[[Patch], None], str]] = [
    (container.header_there, lambda p: _truncate(p, 100), "100 bytes at offset 0x0, expected at least a header of 144"),
    (container.header_there, lambda p: _truncate(p, 0), "0 bytes"),
    (container.signatures, lambda p: p.header("rom_signature", 0x55AA, 2), "rom_signature 0x55aa"),
    (container.signatures, lambda p: p.header("signature", 0, 4), "signature 0x0 at offset 0x8, expected 0x696d5663"),
    (container.version, lambda p: p.header("major", 3, 1), "classic 32-bit interface"),
    (container.version, lambda p: p.header("major", 5, 1), "interface version 5.1 at offset 0xd, expected version 4"),
    (container.length, lambda p: p.header("length", 1, 1), "a length of 512 bytes"),
    (container.length, lambda p: p.header("length", 0, 1), "a length of 0 bytes"),
    (container.length, lambda p: _truncate(p, 700), "expected the 700 bytes"),
    (container.checksum, _break_sum, "byte sum"),
    (container.pci_structure, lambda p: p.header("pci", 0, 2), "PCI data structure at 0x0"),
    (container.pci_structure, lambda p: p.header("pci", 0xFFF0, 2), "PCI data structure at 0xfff0"),
    (container.pci_structure, lambda p: p.put(RomPci, p.image.header.pci, "signature", 0, 4), "PCI signature"),
    (container.pci_structure, lambda p: p.put(RomPci, p.image.header.pci, "length", 9, 2), "PCI length 0x9"),
    (container.descriptor, lambda p: p.header("descriptor", 0xFFFFFFFF, 4), "descriptor at 0xffffffff"),
    (container.descriptor, lambda p: p.header("descriptor", 16, 4), "descriptor at 0x10"),
    (container.descriptor, lambda p: p.header("descriptor", 170, 4), "a multiple of 4"),
    (container.descriptor, lambda p: p.descriptor("magic", 0), "descriptor magic"),
    (container.descriptor, lambda p: p.descriptor("size", 100), "descriptor size 100"),
    (container.descriptor, lambda p: p.descriptor("size", 0xFFFFFFFF), "descriptor size"),
    (container.parts_inside, lambda p: p.descriptor("text", 0x7FFFFFF0), "text of"),
    (container.parts_inside, lambda p: p.descriptor("text", 0), "text of"),
    (container.parts_inside, lambda p: p.descriptor("text", p.image.descriptor.text - 8), "a multiple of 16"),
    (container.parts_inside, lambda p: p.descriptor("groups", p.image.descriptor.groups + 2), "a multiple of 4"),
    (container.parts_inside, lambda p: p.descriptor("call_count", 0xFFFFFFFF), "calls of"),
    (container.parts_inside, lambda p: p.descriptor("signature_size", 10_000), "signature of 10000"),
    (about.licence, lambda p: p.header("licence", 0, 2), "licence"),
    (about.licence, lambda p: p.header("licence", 0xFFFF, 2), "licence b''"),
    (about.licence, lambda p: p.data.__setitem__(p.image.header.licence, 0x1B), "printable"),
    (about.licence, lambda p: p.descriptor("licence_class", 4, 1), "licence class 4"),
    (container.parts_apart, lambda p: p.descriptor("signature", p.image.descriptor.text), "inside"),
    (about.licence_class, lambda p: p.text("XYZ"), "class 3 (GPL-compatible), and the licence 'XYZ' is unknown at"),
    (about.licence_class, lambda p: p.text("AND"), "licence 'AND' ('AND' is where a licence should be)"),
    (container.parts_apart, lambda p: p.descriptor("capsule", p.image.header.licence), "do not overlap"),
    (signed.signature, lambda p: p.descriptor("signature_size", 103), "a signature of 103 bytes"),
    (signed.signature, lambda p: p.descriptor("signature_size", 1), "a signature of 1 bytes"),
    (signed.signature, lambda p: p.descriptor("signature", p.image.descriptor.signature + 4), "a signature at 0x"),
    (signed.signature, lambda p: p.signature("magic", 0, 4), "signature magic 0x0"),
    (signed.signature, lambda p: p.signature("size", 200, 2), "signature size 0xc8"),
    (signed.signature, lambda p: p.signature("algorithm", 2, 2), "signature algorithm 0x2"),
    (signed.signature, lambda p: p.data.__setitem__(-1, 1), "something behind the signature"),
    (signed.signature, _behind_the_signature, "nothing behind the signature"),
    (container.text, lambda p: p.grow("text", 8193), "8193 bytes of text"),
    (container.data, lambda p: p.descriptor("data_memory", 4097), "4097 bytes of data"),
    (container.data, lambda p: p.descriptor("data_memory", 3), "4 bytes of initial data"),
    (container.vcpu_part, lambda p: p.descriptor("vcpu_size", 193), "193 bytes per VCPU"),
    (tables.groups, lambda p: p.data.__setitem__(p.image.descriptor.groups + RomGroup.SIZE, 0), "ascend"),
    (tables.groups, lambda p: p.data.__setitem__(p.image.descriptor.groups + 1, 0), "revision 0"),
    (tables.groups, lambda p: p.data.__setitem__(p.image.descriptor.groups + 2, 7), "may_be_native 7"),
    (tables.call_order, lambda p: p.call(1, "number", 0, 2), "call 0x0000 after 0x0000"),
    (tables.call_order, lambda p: p.call(4, "number", 5, 2), "call 0x0005 after 0x0203"),
    (tables.call_kinds, lambda p: p.call(4, "kind", 5, 1), "of kind 5"),
    (tables.call_targets, lambda p: p.call(0, "target", 10, 4), "call 0x0000 with target 0xa"),
    (tables.call_targets, lambda p: p.call(2, "target", 1, 4), "recipe of 14 bytes at 0x1"),
    (tables.call_targets, lambda p: p.call(2, "target", 0xFFFFFFFF, 4), "recipe of 14 bytes at 0xffffffff"),
    (tables.call_targets, lambda p: p.call(2, "size", 33, 2), "recipe of 33 bytes"),
    (tables.call_fit, lambda p: p.call(2, "number", 0x0105, 2), "a recipe of 14 bytes for Halt"),
    (tables.call_fit, lambda p: p.call(2, "size", 0, 2), "a recipe of 0 bytes for IrqEnable"),
    (tables.call_fit, lambda p: p.call(3, "kind", 3, 1), "CALL for Iret"),
    (tables.call_fit, lambda p: p.call(3, "kind", 1, 1), "NOP for Iret"),
    (tables.call_fit, lambda p: p.call(0, "kind", 4, 1), "JUMP for Init"),
    (tables.relocation_ranges, lambda p: p.call(2, "relocation", 1, 4), "2 relocations from 1"),
    (tables.relocation_ranges, lambda p: p.call(2, "relocation", 0xFFFFFFFF, 4), "2 relocations from 4294967295"),
    (tables.relocation_ranges, lambda p: p.call(0, "relocation_count", 1, 1), "call 0x0000 with 1 relocations"),
    (tables.relocation_fields, lambda p: p.relocation(1, "offset", 11, 1), "relocation of byte 11"),
    (tables.relocation_fields, lambda p: p.relocation(1, "offset", 7, 1), "relocation of byte 7"),
    (tables.relocation_targets, lambda p: p.relocation(0, "kind", 0, 1), "relocation of kind 0"),
    (tables.relocation_targets, lambda p: p.relocation(0, "target", 16, 4), "relocation with target 0x10"),
    (tables.relocation_targets, lambda p: p.relocation(1, "target", 10, 4), "relocation with target 0xa"),
    (tables.relocation_targets, lambda p: p.relocation(0, "addend", 1, 4), "relocation with addend 1"),
    (about.manifest, lambda p: p.manifest(b"{"), "cannot be read"),
    (about.manifest, lambda p: p.manifest(b"[]"), "JSON list"),
    (about.manifest, lambda p: p.manifest(b"\xff"), "cannot be read"),
    (about.manifest, lambda p: p.manifest(b'{"name":"\\ud800"}'), "cannot be read"),
    (about.manifest, lambda p: p.manifest(b'{"name":"a","version":1}'), "manifest entry version: 1"),
    (about.manifest, lambda p: p.manifest(b'{"name":"\\u001b[2J"}'), "manifest entry name"),
    (about.manifest, lambda p: p.manifest(b'{"name":"a","version":"1","hypervisor":"a","shim":"AB"}'),
     "manifest entry shim: 'AB'"),
    (about.manifest, lambda p: p.descriptor("manifest_size", 0), "cannot be read"),
    (about.symbols, lambda p: p.manifest(b'{"name":"a","version":"1","hypervisor":"b","symbols":[[99,"x"]]}'), "pairs"),
    (about.symbols, lambda p: p.manifest(b'{"name":"a","version":"1","hypervisor":"b","symbols":7}'), "pairs"),
    (container.build_id, lambda p: _unsealed(p, p.image.descriptor.text, 1), "build id"),
    (container.build_id, lambda p: _unsealed(p, p.image.descriptor.recipes, 1), "build id"),
    (capsule_checks.header, lambda p: p.descriptor("capsule_size", 47), "a capsule of 47 bytes"),
    (capsule_checks.header, lambda p: p.capsule("magic", 0, 4), "capsule magic 0x0"),
    (capsule_checks.header, lambda p: p.capsule("size", 47, 2), "capsule size 47"),
    (capsule_checks.header, lambda p: p.capsule("size", 0xFFFF, 2), "capsule size 65535"),
    (capsule_checks.header, lambda p: p.capsule("contents_size", 1, 4), "1 bytes of capsule contents"),
    (capsule_checks.header, lambda p: p.capsule("kind", 3, 2), "capsule of kind 3"),
    (capsule_checks.header, lambda p: p.capsule("tar_size", 0, 4), "a capsule's tar of 0 bytes"),
    (capsule_checks.header, lambda p: p.capsule("tar_size", (4 << 20) + 1, 4), "a capsule's tar of 4194305 bytes"),
    (capsule_checks.contents, lambda p: p.capsule("tar_size", 512, 4), "a tar of more than 512 bytes"),
    (capsule_checks.contents, lambda p: p.capsule("tar_size", 9999, 4), "expected 9999"),
    (capsule_checks.contents, lambda p: p.capsule("sha256", 1, 1), "a tar with SHA-256"),
    (capsule_checks.contents, lambda p: p.capsule("kind", 2, 2), "source address"),
    (capsule_checks.contents, lambda p: p.data.__setitem__(p.image.descriptor.capsule + RomCapsule.SIZE, 0),
     "an xz stream that cannot be read"),
    (capsule_checks.tar, lambda p: p.put_capsule(capsules.packed(capsules.entry(b"../x") + capsules.END)), "'../x'"),
]


@pytest.mark.parametrize(("check", "damage", "says"), CASES)
def test_each_check_refuses(contents: RomContents, check: Callable, damage: Callable[[Patch], None], says: str) -> None:
    patch = Patch(contents)
    damage(patch)
    with pytest.raises(BadRomError) as refused:
        RomImage.parse(patch.bytes(), "bad.rom")
    message = str(refused.value)
    assert message.startswith("bad.rom: ") and says in message
    assert " at offset 0x" in message and ", expected " in message and "; " in message
    assert message.endswith(f"(ROM check {checks.CHECKS.index(check) + 1})")


@pytest.mark.parametrize(("check", "damage", "says"), [
    case for case in CASES if case[0].__module__ == capsule_checks.__name__])
def test_who_runs_it_is_not_asked_to_decompress(contents: RomContents, check: Callable, damage: Callable[[Patch], None],
                                                says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    patch = Patch(contents)
    damage(patch)
    if check is capsule_checks.header:
        with pytest.raises(BadRomError, match=re.escape(says)):
            RomImage.parse(patch.bytes(), "bad.rom", checks.SOURCE)
        return
    assert check in checks.SOURCE
    with monkeypatch.context() as without:
        without.setattr("openvmi.rom.capsule._decompress", None)
        image = RomImage.parse(patch.bytes(), "bad.rom", checks.SOURCE)
    assert image.capsule and (image.capsule.url or says)
    if image.capsule.url is None:
        with pytest.raises(BadFileError):
            image.capsule.files()


def test_no_check_is_without_a_case() -> None:
    assert {check for check, _, _ in CASES} == set(checks.CHECKS)


@pytest.mark.parametrize(("size", "says"), [(60_000, "cannot be read"), (65_537, "a manifest of 65537 bytes")])
def test_deep_and_large_manifests(contents: RomContents, size: int, says: str) -> None:
    patch = Patch(contents)
    patch.grow("manifest", size, b"[")
    with pytest.raises(BadRomError, match=says):
        RomImage.parse(patch.bytes())


def test_newer_minor_is_not_an_error(contents: RomContents) -> None:
    patch = Patch(contents)
    patch.header("minor", 9, 1)
    assert RomImage.parse(patch.bytes()).header.minor == 9


def test_longer_descriptor_is_not_an_error(contents: RomContents) -> None:
    patch = Patch(contents)
    patch.unsign()
    patch.data += patch.data[patch.image.header.descriptor:][:RomDescriptor.SIZE].ljust(512, b"\0")
    patch.header("descriptor", len(patch.image.data), 4)
    patch.put(RomDescriptor, len(patch.image.data), "size", 200, 4)
    patch.header("length", len(patch.data) // 512, 1)
    patch.put(RomPci, patch.image.header.pci, "length", len(patch.data) // 512, 2)
    patch.data[15] = (patch.data[15] - sum(patch.data)) & 0xFF
    assert RomImage.parse(bytes(patch.data)).descriptor.size == 200


def _survives(data: bytes) -> None:
    try:
        image = RomImage.parse(data)
    except BadRomError:
        return
    describe(image)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=2048))
def test_random_bytes(data: bytes) -> None:
    _survives(data)
    _survives(data.ljust(2048, b"\0"))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_flipped_bytes_with_right_sums(emu: RomImage, data: st.DataObject) -> None:
    """Flips that get past the checksum and the build id reach the checks behind them."""
    spoilt = bytearray(emu.data)
    for at in data.draw(st.lists(st.integers(0, len(spoilt) - 1), min_size=1, max_size=4)):
        spoilt[at] = data.draw(st.integers(0, 255))
    spoilt[15] = (spoilt[15] - sum(spoilt)) & 0xFF
    _survives(bytes(spoilt))
    _survives(emu.data[:data.draw(st.integers(0, len(emu.data)))])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_hostile_tables(data: st.DataObject) -> None:
    """Wrong numbers in every field that counts, points or measures, the build id always right."""
    from openvmi.abi.names import LicenceClass
    patch = Patch(RomContents(licence="MIT", licence_class=LicenceClass.GPL, profile=1,
                              manifest={"name": "n", "version": "1", "hypervisor": "h"}, text=bytes(32)))
    fields = [(name, size) for name, size in (
        (name, 4) for name, _, _ in RomDescriptor.FIELDS[:16]) if name not in ("magic", "size")]
    for name, size in data.draw(st.lists(st.sampled_from(fields), max_size=4)):
        patch.descriptor(name, data.draw(st.one_of(st.integers(0, 600), st.integers(0, 0xFFFFFFFF))), size)
    _survives(patch.bytes())


def test_every_single_bit_flip_of_the_front_is_noticed(emu: RomImage) -> None:
    for at in range(0, emu.descriptor.text, 7):
        for bit in (0, 7):
            spoilt = bytearray(emu.data)
            spoilt[at] ^= 1 << bit
            with pytest.raises(BadRomError):
                RomImage.parse(bytes(spoilt))


def test_files(tmp_path: Path, emu: RomImage) -> None:
    with pytest.raises(UsageError):
        RomImage.load(tmp_path / "none.rom")
    (tmp_path / "huge.rom").write_bytes(bytes(255 * 512 + 1))
    with pytest.raises(BadRomError, match="larger than 130560 bytes"):
        RomImage.load(tmp_path / "huge.rom")
    (tmp_path / "ok.rom").write_bytes(emu.data)
    assert RomImage.load(tmp_path / "ok.rom").sha256 == emu.sha256
