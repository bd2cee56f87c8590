# SPDX-License-Identifier: MIT
"""This project's own ROMs are asked like everybody's."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from openvmi import resources
from openvmi.abi.layout import offset_of
from openvmi.abi.layouts import RomCapsule, RomHeader
from openvmi.abi.names import LicenceClass
from openvmi.audit import of_rom, read
from openvmi.audit.blob import Blob, Kind, Mark
from openvmi.audit.table import Answer
from openvmi.rom import capsule_tar
from openvmi.rom.capsule import Capsule
from openvmi.rom.image import RomImage
from tests.rom import capsules, classic_rom

NAMES = ("emu", "linux", "template", "xen")


def _rom(name: str) -> bytes:
    return (resources.built("roms") / f"{name}.rom").read_bytes()


def _answers(blob: Blob) -> dict[str, str]:
    return {row.question.key: row.text for row in blob.rows}


@pytest.mark.parametrize("name", NAMES)
def test_own_roms(name: str) -> None:
    blob = read.judge(_rom(name), f"{name}.rom")
    assert blob.kind is Kind.ROM and blob.facts["name"] == name
    answers = _answers(blob)
    rom = RomImage.parse(_rom(name))
    capsule = bool(rom.descriptor.capsule_size)
    assert answers == {
        "kernel_privilege": "YES", "copied": "IN PART", "address_space": "YES", "hooks_back": "NO", "hooks_into": "YES",
        "third_party": "NO, it claims", "significant_ip": "cannot be known from the bytes",
        "source_available": "YES" if capsule else "NO", "open_source": "YES, it claims",
    }
    assert {finding.mark for finding in blob.findings} <= {Mark.UNSIGNED}
    calls = sum(blob.facts["calls"].values())
    assert calls == len(rom.calls) and f"{calls} calls" in blob.rows[4].evidence[0]


TAR = capsule_tar.write(capsules.FILES)


@pytest.mark.parametrize("capsule", [Capsule.embedded(TAR), Capsule.at("https://example.org/source.tar", TAR)])
def test_a_capsule_is_the_source(capsule: Capsule) -> None:
    """Also one whose structure is longer than the one that is known here."""
    part = capsule.pack()
    longer = bytearray(part[:RomCapsule.SIZE] + b"https://" + part[RomCapsule.SIZE:])
    start = offset_of(RomCapsule, "size")
    longer[start:start + 2] = (RomCapsule.SIZE + 8).to_bytes(2, "little")
    for each in (part, bytes(longer)):
        row = of_rom._capsule(each)
        assert row.answer is Answer.YES and capsule.sha256 in row.evidence[0]
        assert row.claimed is bool(capsule.url) and ("names https://example.org/" in row.evidence[0]) is row.claimed


@pytest.mark.parametrize("part", [
    b"short", bytes(4) + capsules.packed()[4:], capsules.part(b"nothing", TAR), capsules.part(b"ftp://x", TAR, 2),
    capsules.packed(capsules.entry(b"../x") + capsules.END)])
def test_a_capsule_that_is_not_in_order_is_no_source(part: bytes) -> None:
    assert of_rom._capsule(part).answer is Answer.UNKNOWN


@pytest.mark.parametrize(("licence", "kind", "open_source", "marks"), [
    ("MIT", LicenceClass.GPL, "YES, it claims", set()),
    ("MIT", LicenceClass.OSI, "YES, it claims", {Mark.MISLABELLED}),
    ("SSPL-1.0", LicenceClass.PROPRIETARY, "NO, it claims", {Mark.PROPRIETARY}),
    ("SSPL-1.0", LicenceClass.GPL, "NO, it claims", {Mark.PROPRIETARY, Mark.MISLABELLED}),
    ("Nothing that exists", LicenceClass.GPL, "cannot be known from the bytes", {Mark.MISLABELLED}),
])
def test_licences(licence: str, kind: LicenceClass, open_source: str, marks: set[Mark]) -> None:
    """A ROM that lies about its class is told."""
    rom = RomImage.parse(_rom("emu"))
    changed = bytearray(rom.data)
    offset = rom.header.licence
    descriptor = evolve(rom.descriptor, licence_class=kind)
    changed[rom.header.descriptor:rom.header.descriptor + descriptor.SIZE] = descriptor.pack()
    room = len(rom.licence) + 1
    assert len(licence) < room
    changed[offset:offset + room] = licence.encode().ljust(room, b"\0")
    at = offset_of(RomHeader, "checksum")
    changed[at] = (changed[at] - sum(changed)) & 0xFF
    blob = read.judge(bytes(changed), "it.rom")
    assert not blob.problem, blob.problem
    assert _answers(blob)["open_source"] == open_source
    assert {finding.mark for finding in blob.findings} - {Mark.UNSIGNED} == marks
    assert blob.lies is (Mark.MISLABELLED in marks)
    texts = " ".join(finding.text for finding in blob.findings)
    assert ("no guest is given it" in texts) is blob.lies and not ("tainted" in texts and blob.lies)


def test_classic(tmp_path: Path) -> None:
    blob = read.judge(_rom("classic-full"), "classic-full.rom")
    assert blob.kind is Kind.CLASSIC_ROM and blob.facts["licence"] == "GPL" and not blob.findings
    answers = _answers(blob)
    assert answers["hooks_back"] == "NO" and answers["open_source"] == "YES, it claims"
    assert answers["address_space"] == "MAYBE" and answers["hooks_into"] == "YES"


def test_classic_that_clients_refuse() -> None:
    image = bytearray(classic_rom.image())
    place = bytes(image).index(b"GPL\0")
    image[place:place + 4] = b"BSD\0"
    blob = read.judge(bytes(image), "it.rom")
    assert Mark.PROPRIETARY in {finding.mark for finding in blob.findings}
    assert _answers(blob)["open_source"] == "cannot be known from the bytes"


def test_damaged() -> None:
    blob = read.judge(_rom("emu")[:-512], "emu.rom")
    assert blob.damaged and blob.kind is Kind.ROM and not blob.rows
