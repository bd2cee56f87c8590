# SPDX-License-Identifier: MIT
"""Building bzImages: what is filled in, and every way in which sources and linker script can be wrong."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pytest

from openvmi.errors import BuildError
from openvmi.guest import build, bzimage, definition
from openvmi.guest.linux import LinuxImage

MIB = 1 << 20


def header(version: int = 0x0206, **fields: bytes) -> bytes:
    """Setup code of 0x240 bytes with a good header, its two sizes left to fill."""
    data = bytearray(0x240)
    places = {"setup_sects": 0x1F1, "syssize": 0x1F4, "boot_flag": 0x1FE, "magic": 0x202, "code32_start": 0x214}
    fields = {"boot_flag": b"\x55\xaa", "magic": b"HdrS", "code32_start": struct.pack("<I", MIB), **fields}
    for name, value in fields.items():
        data[places[name]:places[name] + len(value)] = value
    struct.pack_into("<HxxxxxxxxxB", data, 0x206, version, 1)
    return bytes(data)


def elf(*segments: tuple[int, bytes], machine: int = 3, kind: int = 1) -> bytes:
    """An ELF file of 32 bits with these segments: physical address, bytes."""
    table = 52
    at = table + 32 * len(segments)
    out = struct.pack("<4s12BHHIIIIIHHHHHH", b"\x7fELF", kind, 1, 1, *bytes(9), 2, machine, 1, 0, table, 0, 0, 52, 32,
                      len(segments), 0, 0, 0)
    for physical, data in segments:
        out += struct.pack("<IIIIIIII", 1, at, physical, physical, len(data), len(data), 7, 1)
        at += len(data)
    return out + b"".join(data for _, data in segments)


def test_sizes_are_filled_in() -> None:
    setup = header()
    image = bzimage.from_elf(elf((0, setup), (MIB + 0x20, b"second"), (MIB, b"first")), "k.bzimage")
    assert (image.name, image.protocol, image.setup_size, len(image.data)) == ("k", (2, 6), 1024, 1024 + 48)
    assert image.data[0x1F1] == 1 and image.data[0x1F4:0x1F8] == b"\x03\0\0\0"
    assert image.data[:0x1F1] + image.data[0x1F8:0x240] == setup[:0x1F1] + setup[0x1F8:]
    assert image.data[1024:] == b"first" + bytes(27) + b"second" + bytes(10)


def test_old_protocol_has_a_short_syssize() -> None:
    image = bzimage.from_elf(elf((0, header(0x0203)), (MIB, bytes(16 * 0x10002))), "k")
    assert image.data[0x1F4:0x1F8] == b"\x02\0\0\0"


def test_sizes_that_are_right_already() -> None:
    image = bzimage.from_elf(elf((0, header(setup_sects=b"\1", syssize=b"\1")), (MIB, b"k")), "k")
    assert image.setup_size == 1024


HIGH = (MIB, b"kernel")
WRONG = {
    "other machine": (elf((0, header()), HIGH, machine=62), "class 1 for machine 62, expected 1 and 3"),
    "other class": (elf((0, header()), HIGH, kind=2), "class 2 for machine 3"),
    "no setup": (elf(HIGH), "the setup code starts at no address, expected physical address 0x0"),
    "setup not at 0": (elf((0x200, header()), HIGH), "the setup code starts at 0x200"),
    "no kernel": (elf((0, header())), "the kernel starts at no address, expected physical address 0x100000"),
    "kernel elsewhere": (elf((0, header()), (2 * MIB, b"k")), "the kernel starts at 0x200000"),
    "overlap": (elf((0, header()), HIGH, (MIB + 5, b"k")), "0x100005, expected it behind 0x100006"),
    "large setup": (elf((0, header()), (0x7FFF, b"xx"), HIGH), "0x7fff, expected it behind 0x240 and within 0x8000"),
    "large kernel": (elf((0, header()), HIGH, (65 * MIB, b"k")), "within 0x4100000"),
    "no header": (elf((0, bytes(0x100)), HIGH), "no HdrS at 0x202"),
    "magic": (elf((0, header(magic=b"Hdrs")), HIGH), "no HdrS at 0x202"),
    "boot flag": (elf((0, header(boot_flag=b"\0\0")), HIGH), "boot flag at 0x1fe is 0x0000"),
    "old protocol": (elf((0, header(0x0105)), HIGH), "boot protocol at 0x206 is 1.05, expected 2.00 to 2.06"),
    "new protocol": (elf((0, header(0x0207)), HIGH), "is 2.07, expected 2.00 to 2.06"),
    "entry": (elf((0, header(code32_start=b"\0\0\0\1")), HIGH), "code32_start at 0x214 is 0x1000000, expected"),
    "setup_sects": (elf((0, header(setup_sects=b"\4")), HIGH), "setup_sects at 0x1f1 is 0x4, and 0x1 is right"),
    "syssize": (elf((0, header(syssize=b"\4")), HIGH), "syssize at 0x1f4 is 0x4, and 0x1 is right"),
}


@pytest.mark.parametrize("name", WRONG)
def test_refused(name: str) -> None:
    data, said = WRONG[name]
    with pytest.raises(BuildError) as caught:
        bzimage.from_elf(data, "k")
    assert said in str(caught.value)


@pytest.fixture
def folder(top: Path, tmp_path: Path) -> Path:
    """A copy of a kernel's sources to spoil."""
    source = top / "tests" / "hypervisors" / "bare" / "linux"
    return Path(shutil.copytree(source, tmp_path / "some" / "linux"))


def test_same_bytes_in_any_folder(folder: Path, top: Path, tmp_path: Path) -> None:
    first = build.build(folder, tmp_path / "a.bzimage", tmp_path / "cache")
    second = build.build(top / "tests" / "hypervisors" / "bare" / "linux", tmp_path / "b", top / "build" / "cache")
    assert isinstance(first, LinuxImage) and first.version.startswith("2.6.27-speaker")
    assert first.data == second.data == (tmp_path / "a.bzimage").read_bytes()


@pytest.mark.parametrize(("old", "new", "said"), [
    ('"bzimage"', '"zimage"', "format is 'zimage', expected one of elf, bzimage"),
    ('"bzimage"', "1", "format is 1, expected a str"),
    ("libvmi = false", "libvmi = true", "say libvmi = false and name a script"),
    ('script = "speaker.lds"', "", "say libvmi = false and name a script"),
])
def test_definition_refused(folder: Path, old: str, new: str, said: str) -> None:
    path = folder / definition.FILE
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(BuildError, match=said):
        definition.read(folder)


def test_nothing_is_written_of_a_wrong_kernel(folder: Path, top: Path, tmp_path: Path) -> None:
    setup = folder / "setup.S"
    setup.write_text(setup.read_text().replace(".word\t0x0206", ".word\t0x0107"))
    with pytest.raises(BuildError, match=r"boot protocol at 0x206 is 1\.07"):
        build.build(folder, tmp_path / "k", top / "build" / "cache")
    assert not (tmp_path / "k").exists()
