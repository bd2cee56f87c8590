# SPDX-License-Identifier: MIT
"""Option ROMs: those of QEMU, iPXE and SeaBIOS by what is known of them, and such as no package has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from openvmi.audit import read
from openvmi.audit.blob import Blob, Kind, Mark
from tests.audit import option_roms as make

IPXE, SEABIOS, QEMU = (Path(name) for name in ("/usr/lib/ipxe/qemu", "/usr/share/seabios", "/usr/share/qemu"))
#: Files of Debian 12's packages ipxe-qemu, seabios and qemu-system-data: PCI ids (PCI ID repository), class, images.
KNOWN = {
    IPXE / "efi-e1000.rom": (0x8086, 0x100E, 0x020000, ["x86 BIOS", "EFI"]),
    IPXE / "efi-rtl8139.rom": (0x10EC, 0x8139, 0x020000, ["x86 BIOS", "EFI"]),
    IPXE / "efi-vmxnet3.rom": (0x15AD, 0x07B0, 0x020000, ["x86 BIOS", "EFI"]),
    IPXE / "pxe-eepro100.rom": (0x8086, 0x1229, 0x020000, ["x86 BIOS"]),
    SEABIOS / "vgabios-stdvga.bin": (0x1234, 0x1111, 0x030000, ["x86 BIOS"]),
    SEABIOS / "vgabios-cirrus.bin": (0x1013, 0x00B8, 0x030000, ["x86 BIOS"]),
    SEABIOS / "vgabios-qxl.bin": (0x1B36, 0x0100, 0x030000, ["x86 BIOS"]),
}
ISA = (SEABIOS / "vgabios-isavga.bin", QEMU / "linuxboot.bin", QEMU / "multiboot.bin", QEMU / "kvmvapic.bin")


def _text(blob: Blob, key: str) -> str:
    return next(row.text for row in blob.rows if row.question.key == key)


def _judge(data: bytes) -> Blob:
    return read.judge(data, "it.rom")


@pytest.mark.needs("qemu-system-x86_64")
@pytest.mark.parametrize("path", KNOWN, ids=lambda path: path.name)
def test_known_roms(path: Path) -> None:
    blob = read.audit(path)
    vendor, device, device_class, codes = KNOWN[path]
    images = blob.facts["images"]
    assert blob.kind is Kind.OPTION_ROM and [image["code"] for image in images] == codes
    assert all(image["pci"] == {"vendor": vendor, "device": device, "class": device_class} for image in images)
    assert sum(image["size"] for image in images) == path.stat().st_size and not blob.facts["bytes_behind"]
    assert not blob.findings and images[0]["sum_right"]
    assert [_text(blob, key) for key in ("kernel_privilege", "copied", "hooks_back", "open_source")] == [
        "MAYBE", "NO", "NO", "cannot be known from the bytes"]


@pytest.mark.needs("qemu-system-x86_64")
def test_ipxe() -> None:
    blob = read.audit(IPXE / "efi-e1000.rom")
    legacy, efi = blob.facts["images"]
    assert (legacy["manufacturer"], legacy["product"]) == ("http://ipxe.org", "iPXE") and blob.name == "iPXE"
    assert legacy["vectors"] == ["bootstrap entry vector"]
    assert efi["efi"]["machine"] == "x86-64" and efi["efi"]["subsystem"] == "EFI boot service driver"
    assert ".text" in efi["efi"]["sections"] and not efi["efi"]["signed"] and not efi["compressed"]
    evidence = next(row.evidence for row in blob.rows if row.question.key == "address_space")
    assert len(evidence) == 2 and "ExitBootServices" in evidence[1]


@pytest.mark.needs("qemu-system-x86_64")
@pytest.mark.parametrize("path", ISA, ids=lambda path: path.name)
def test_roms_without_pci_data(path: Path) -> None:
    blob = read.audit(path)
    [image] = blob.facts["images"]
    assert blob.kind is Kind.OPTION_ROM and image["pci"] is None and image["size"] == path.stat().st_size


@pytest.mark.needs("qemu-system-x86_64")
@pytest.mark.parametrize(("name", "length"), [("QEMU,VGA.bin", 0x458), ("QEMU,cgthree.bin", 0x352)])
def test_fcode_programs(name: str, length: int) -> None:
    blob = read.audit(QEMU / name)
    assert blob.kind is Kind.FCODE and blob.facts["fcode"] == {"start": 0xF1, "length": length, "sum_right": True}
    assert _text(blob, "kernel_privilege") == "NO"


def test_efi_runtime_driver() -> None:
    """It stays, and the kernel calls it."""
    blob = _judge(make.efi(12))
    assert [_text(blob, key) for key in ("kernel_privilege", "address_space", "hooks_into")] == ["YES"] * 3
    assert _text(blob, "copied") == "NO" and blob.facts["images"][0]["efi"]["image_bytes"] == 0x4000


def test_compressed_efi_image() -> None:
    """Its header tells what it is, and nothing else is said."""
    [image] = _judge(make.efi(11, compression=1, body=b"\xff" * 600)).facts["images"]
    assert image["compressed"] and not image["efi"]["sections"]
    assert image["efi"]["subsystem"] == "EFI boot service driver"


def test_signed_efi_image() -> None:
    [image] = _judge(make.efi(11, body=make.pe(11, certificates=1000))).facts["images"]
    assert image["efi"]["signed"]


def test_open_firmware_beside_others() -> None:
    blob = _judge(make.image(make.X86, last=False) + make.efi(11, last=False) + make.open_firmware() + b"behind")
    assert [image["code"] for image in blob.facts["images"]] == ["x86 BIOS", "EFI", "Open Firmware"]
    assert blob.facts["images"][2]["fcode"] == {"start": 0xF1, "length": 15, "sum_right": True}
    assert blob.facts["bytes_behind"] == len(b"behind") and _text(blob, "kernel_privilege") == "MAYBE"


def test_code_that_is_not_known() -> None:
    blob = _judge(make.image(77))
    answers = {_text(blob, key) for key in ("kernel_privilege", "copied", "hooks_into")}
    assert answers == {"cannot be known from the bytes"}


@pytest.mark.parametrize(("data", "says"), [
    (make.image(make.X86, summed=False), "do not add up to 0"),
    (make.efi(11, body=b"no PE"), "not a PE image"),
    (make.efi(11, compression=7), "compression 7"),
    (make.efi(11, start=0x7FFF), "place inside the image"),
    (make.efi(11, body=b"MZ" + bytes(58) + b"\xff\xff\xff\xff"), "no PE header"),
    (make.efi(11, body=make.pe(11)[:0x50]), "no PE header|sections|optional header"),
    (make.image(make.EFI), "EFI signature"),
    (make.open_firmware(b"\xf1\x08\0\0\xff\xff\xff\xff"), "FCode program of"),
    (make.open_firmware(b"no fcode"), "no start of an FCode program"),
])
def test_images_out_of_order(data: bytes, says: str) -> None:
    """The ROM stays one; what is wrong in an image is remarkable."""
    blob = _judge(data)
    texts = [finding.text for finding in blob.findings if finding.mark is Mark.DISORDER]
    assert blob.kind is Kind.OPTION_ROM and any(re.search(says, text) for text in texts), texts


@pytest.mark.parametrize("data", [
    b"\x55\xaa", b"\x55\xaa" + bytes(600), make.image(make.X86, last=False), make.image(make.X86)[:300],
    make.image(make.X86, last=False) * 65, b"\x55\xaa\xff" + bytes(1000), make.fcode()[:-1], b"",
])
def test_no_option_rom(data: bytes) -> None:
    blob = _judge(data)
    assert blob.problem and not blob.rows and blob.kind in (Kind.UNKNOWN, Kind.FCODE)


def test_any_byte_may_be_wrong() -> None:
    """Every byte of the headers, each with two values: an answer or a clear message."""
    whole = make.image(make.X86, last=False) + make.efi(11)
    for at in [*range(0x40), *range(512, 512 + 0x200)]:
        for value in (0, 0xFF):
            blob = _judge(whole[:at] + bytes([value]) + whole[at + 1:])
            assert blob.rows or blob.problem
