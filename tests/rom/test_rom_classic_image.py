# SPDX-License-Identifier: MIT
"""Classic ROM images: each rule has bytes that break it, and nothing but BadRomError comes out."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from openvmi.abi.classic import Header, Pci, Pnp
from openvmi.abi.layout import offset_of
from openvmi.classic import checks
from openvmi.classic.describe import describe
from openvmi.classic.image import ClassicRom
from openvmi.errors import BadRomError, RefusedError, UsageError
from openvmi.rom.image import RomImage
from openvmi.rom.load import is_classic, load, load_classic, load_current
from tests.rom import capsules
from tests.rom.classic_rom import image, put

GOOD = image()
ROM = ClassicRom.parse(GOOD)


def _header(field: str, form: str, value: int) -> bytes:
    return put(GOOD, offset_of(Header, field), struct.pack(form, value))


def _pci(field: str, form: str, value: int) -> bytes:
    return put(GOOD, ROM.header.pci_header_offs + offset_of(Pci, field), struct.pack(form, value))


def _pnp(field: str, form: str, value: int) -> bytes:
    return put(GOOD, ROM.header.pnp_header_offs + offset_of(Pnp, field), struct.pack(form, value))


def _licence(text: bytes) -> bytes:
    return put(GOOD, ROM.header.license_offs, text)


LAST = len(GOOD) - 1

#: The check that must refuse, the bytes, what the message says.
CASES: list[tuple[Callable[..., object], bytes, str]] = [
    (checks.header_there, b"", "0 bytes at offset 0x0, expected at least a header of 144"),
    (checks.header_there, GOOD[:143], "143 bytes"),
    (checks.signatures, _header("rom_signature", "<H", 0x55AA), "rom_signature 0x55aa at offset 0x0, expected 0xaa55"),
    (checks.signatures, _header("vrom_signature", "<I", 0), "vrom_signature 0x0 at offset 0x8, expected 0x696d5663"),
    (checks.version, _header("api_version_maj", "<B", 2), "version 2.0 at offset 0xd, expected version 3; clients"),
    (checks.version, _header("api_version_maj", "<B", 4), "version 4.0"),
    (checks.length, _header("rom_length", "<B", 1), "a length of 512 bytes at offset 0x2, expected the 1024 bytes"),
    (checks.length, _header("rom_length", "<B", 0), "a length of 0 bytes.*firmware does not put this ROM"),
    (checks.length, GOOD[:700], "expected the 700 bytes"),
    (checks.length, GOOD + bytes(512), "expected the 1536 bytes"),
    (checks.checksum, GOOD[:LAST] + b"\x05", "byte sum 0x05 at offset 0x0, expected 0; firmware does not put"),
    (checks.pci_structure, _header("pci_header_offs", "<H", 0), "PCI data structure at 0x0.*clients refuse"),
    (checks.pci_structure, _header("pci_header_offs", "<H", LAST), "PCI data structure at 0x3ff"),
    (checks.pci_structure, _header("pci_header_offs", "<H", 0xFFFF), "PCI data structure at 0xffff"),
    (checks.pci_structure, _pci("sig", "<I", 1), "PCI sig 0x1 at offset 0x20, expected 0x52494350"),
    (checks.pci_structure, _pci("size", "<H", 23), "PCI size 0x17"),
    (checks.pci_structure, _pci("chunks", "<H", 3), "PCI chunks 0x3 at offset 0x30, expected 0x2"),
    (checks.pnp_structure, _header("pnp_header_offs", "<H", LAST - 4), "PnP header at 0x3fb"),
    (checks.pnp_structure, _pnp("sig", "<I", 2), "PnP signature 0x2"),
    (checks.licence, _header("license_offs", "<H", 0), "licence at 0x0: no readable text.*'GPL' or 'GPL v2'; clients"),
    (checks.licence, _header("license_offs", "<H", 0xFFFF), "licence at 0xffff: no readable text"),
    (checks.licence, _licence(b"MIT"), "'MIT' at offset 0x16, expected 'GPL' or 'GPL v2'; clients refuse"),
    (checks.licence, _licence(b"gpl"), "'gpl'"),
    (checks.licence, _licence(b"GPL\x20"), "'GPL OpenVMI'"),
    (checks.licence, _licence(b"\x1b[1m"), "no readable text"),
    (checks.strings, _pnp("manufacturer_offset", "<H", 0xFFF0), "manufacturer_offset 0xfff0"),
    (checks.strings, _pnp("product_offset", "<H", 1), "product_offset 0x1 at offset 0x50"),
    (checks.strings, put(GOOD, ROM.pnp.product_offset, b"\n") if ROM.pnp else b"", "a short printable text"),
    (checks.stubs, _header("vmi_init", "<Q", 0), "no code at vmi_init at offset 0x80"),
    (checks.stubs, put(GOOD, 0x81, b"\xff\xff\xff\x7f"), "vmi_init goes to 0x80000084"),
    (checks.stubs, put(GOOD, 0x89, b"\x00\x00\x00\x80"), "get_reloc goes to -0x7fffff73"),
    (checks.stubs, put(GOOD, 0x88, b"\xeb\xfe"), "get_reloc goes to 0x88"),
    (checks.capsule, GOOD + capsules.packed()[:47], "a capsule of 47 bytes at offset 0x400"),
    (checks.capsule, GOOD + capsules.packed() + b"\0", "bytes of capsule contents at offset 0x40c"),
    (checks.capsule, GOOD + capsules.part(b"x" * 64, b"y" * 512), "an xz stream that cannot be read"),
    (checks.capsule, GOOD + capsules.packed(capsules.entry(b"/etc/x") + capsules.END), "'/etc/x'"),
    (checks.capsule, GOOD + capsules.part(b"ftp://x", b"y", 2), "source address"),
]


def test_a_capsule_behind_the_image() -> None:
    rom = ClassicRom.parse(GOOD + capsules.packed())
    assert (rom.data, rom.file) == (GOOD, GOOD + capsules.packed())
    assert rom.capsule and rom.capsule.files() == capsules.FILES
    assert describe(rom)["size"] == len(GOOD) and rom.sha256 != ROM.sha256


@pytest.mark.parametrize(("check", "data", "says"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_refused(check: Callable[..., object], data: bytes, says: str) -> None:
    with pytest.raises(BadRomError, match=f"{says}.*{checks.CHECKS.index(check) + 1}\\)") as refusal:
        ClassicRom.parse(data, "x.rom")
    assert str(refusal.value).startswith("x.rom: ")
    if check in checks.HEADER:
        with pytest.raises(BadRomError, match=says):
            ClassicRom.read(data)
    else:
        told = describe(ClassicRom.read(data))["findings"]
        assert any(finding["found"] and finding["found"] in str(refusal.value) for finding in told)


def test_every_check_has_a_case() -> None:
    assert {check for check, *_ in CASES} == set(checks.CHECKS)


def test_accepted() -> None:
    assert (ROM.api, ROM.rom_version, ROM.licence) == ((3, 0), (3, 9), "GPL")
    assert (ROM.manufacturer, ROM.product) == ("OpenVMI", "by hand")
    assert ROM.findings == () and len(ROM.sha256) == 64
    assert ClassicRom.parse(put(_header("license_offs", "<H", 0x60), 0x60, b"GPL v2\0")).licence == "GPL v2"
    without = ClassicRom.parse(_header("pnp_header_offs", "<H", 0))
    assert (without.manufacturer, without.product, without.pnp) == (None, None, None)
    unnamed = ClassicRom.parse(_pnp("product_offset", "<H", 0))
    assert (unnamed.manufacturer, unnamed.product) == ("OpenVMI", None)
    # A later minor version, another maker's device, and entries that are code in place: all as clients take them.
    assert ClassicRom.parse(_header("api_version_min", "<B", 7)).api == (3, 7)
    assert ClassicRom.parse(_pci("vendorID", "<H", 0x1AF4)).findings == ()
    assert ClassicRom.parse(put(GOOD, 0x80, bytes.fromhex("31c0c3"))).findings == ()


def test_firmware_finds_its_structures() -> None:
    """Literal offsets of PCI Firmware 3.0, table 5-1 and 5-2, and Plug and Play BIOS 1.0A, section 3.2."""
    assert GOOD[:2] == b"\x55\xaa" and GOOD[2] * 512 == len(GOOD) == 1024 and sum(GOOD) % 256 == 0
    assert GOOD[3] == 0xCB  # retf
    pci, pnp = (int.from_bytes(GOOD[at:at + 2], "little") for at in (0x18, 0x1A))
    assert GOOD[pci:pci + 4] == b"PCIR" and GOOD[pci + 0x0A] == 24
    assert GOOD[pci + 0x10] == 2 and GOOD[pci + 0x15] == 0x80
    assert GOOD[pnp:pnp + 4] == b"$PnP" and GOOD[pnp + 5] == 2 and sum(GOOD[pnp:pnp + 32]) % 256 == 0
    assert not any(GOOD[pnp + 18:pnp + 32])  # nothing to boot from


def test_files(tmp_path: Path, emu: RomImage) -> None:
    classic, current, odd = tmp_path / "classic.rom", tmp_path / "emu.rom", tmp_path / "odd.rom"
    classic.write_bytes(GOOD)
    current.write_bytes(emu.data)
    odd.write_bytes(_licence(b"MIT"))
    found = load(classic)
    assert isinstance(found, ClassicRom) and found.path == str(classic) and is_classic(GOOD)
    assert isinstance(load(current), RomImage) and not is_classic(emu.data)
    assert load_classic(classic).data == GOOD and load_current(current).data == emu.data
    assert isinstance(load(odd, checked=False), ClassicRom)
    for bad in (load, load_classic, ClassicRom.load):
        with pytest.raises(BadRomError, match="'MIT'"):
            bad(odd)
    for path in (classic, odd):
        with pytest.raises(RefusedError, match=r"ROM of VMI 3.0, and a guest of VMI 4.1 needs one of version 4; "):
            load_current(path)
    with pytest.raises(RefusedError, match=r"ROM of VMI 4.1, and a Linux kernel with CONFIG_VMI needs one of version"):
        load_classic(current)
    odd.write_bytes(_header("api_version_maj", "<B", 2))
    with pytest.raises(BadRomError, match=r"interface version 2.0 at offset 0xd, expected version 4"):
        load(odd)
    odd.write_bytes(GOOD + bytes(1 << 17))
    with pytest.raises(BadRomError, match="larger than 130560 bytes"):
        load(odd)
    with pytest.raises(UsageError):
        load(tmp_path / "none")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=2048))
@example(GOOD[:144])
def test_random_bytes(data: bytes) -> None:
    with pytest.raises(BadRomError):
        ClassicRom.parse(data)


@settings(max_examples=150, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(2, LAST), st.binary(min_size=1, max_size=8)), min_size=1, max_size=4),
       cut=st.integers(144, len(GOOD)))
def test_mutations(changes: list[tuple[int, bytes]], cut: int) -> None:
    """Described whatever it is, as long as it has a header; told in order only when parse takes it."""
    data = GOOD
    for offset, new in changes:
        data = put(data, offset, new[:len(GOOD) - offset])
    try:
        rom = ClassicRom.read(data[:cut])
    except BadRomError:
        return
    assert len(describe(rom)["calls"]) <= 74
    try:
        ClassicRom.parse(rom.data)
    except BadRomError:
        assert rom.findings
    else:
        assert not rom.findings
