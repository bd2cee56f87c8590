# SPDX-License-Identifier: MIT
"""bzImages as files: a header made by hand, a corrupt file for each check, and bytes of any kind."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvmi.errors import BadGuestError, UsageError
from openvmi.guest import linux
from openvmi.guest.image import GuestImage
from openvmi.guest.linux import LinuxImage, is_linux
from openvmi.guest.load import load

SETUP_SECTS, SYSSIZE, BOOT_FLAG, HDRS, VERSION, KERNEL_VERSION = 0x1F1, 0x1F4, 0x1FE, 0x202, 0x206, 0x20E
LOADFLAGS, INITRD_MAX, XLOADFLAGS, CMDLINE_SIZE = 0x211, 0x22C, 0x236, 0x238


def bzimage(version: int = 0x0206, sectors: int = 2, kernel: int = 100) -> bytearray:
    """Literal fields of Documentation/x86/boot; the kernel proper is `kernel` bytes, its last paragraph not full."""
    data = bytearray((sectors + 1) * 512)
    data[SETUP_SECTS] = sectors
    struct.pack_into("<I", data, SYSSIZE, -(-kernel // 16))
    data[BOOT_FLAG:BOOT_FLAG + 2] = b"\x55\xaa"
    data[HDRS:HDRS + 4] = b"HdrS"
    struct.pack_into("<H", data, VERSION, version)
    struct.pack_into("<H", data, KERNEL_VERSION, 0x100)
    data[0x300:0x310] = b"2.6.27 (me) #1\0x"
    data[LOADFLAGS] = 1
    struct.pack_into("<I", data, INITRD_MAX, 0x2FFFFFFF)
    struct.pack_into("<H", data, XLOADFLAGS, 1)
    struct.pack_into("<I", data, CMDLINE_SIZE, 2047)
    return data + bytes(kernel)


def with_field(offset: int, value: bytes, **shape: int) -> bytes:
    """One field replaced."""
    data = bzimage(**shape)
    data[offset:offset + len(value)] = value
    return bytes(data)


def test_fields() -> None:
    data = bytes(bzimage())
    image = LinuxImage.parse(data, "boot/vmlinuz.x")
    assert (image.path, image.name, image.protocol, image.setup_size) == ("boot/vmlinuz.x", "vmlinuz", (2, 6), 1536)
    assert (image.version, image.command_line_limit, image.initrd_end) == ("2.6.27 (me) #1", 2047, 0x2FFFFFFF)
    assert image.is_64bit is None, "protocol 2.06 cannot tell, whatever is at the field's place"
    assert image.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(("version", "limit", "initrd_end", "is_64bit"), [
    (0x0200, 255, 0x37FFFFFF, None), (0x0202, 255, 0x37FFFFFF, None), (0x0203, 255, 0x2FFFFFFF, None),
    (0x0205, 255, 0x2FFFFFFF, None), (0x0206, 2047, 0x2FFFFFFF, None), (0x020C, 2047, 0x2FFFFFFF, True),
])
def test_fields_count_from_the_protocol_that_has_them(version: int, limit: int, initrd_end: int,
                                                      is_64bit: bool | None) -> None:
    image = LinuxImage.parse(bytes(bzimage(version)), "k")
    assert (image.command_line_limit, image.initrd_end, image.is_64bit) == (limit, initrd_end, is_64bit)


def test_32_bit_kernel_of_a_new_protocol() -> None:
    assert LinuxImage.parse(with_field(XLOADFLAGS, b"\0\0", version=0x020F), "k").is_64bit is False


def test_no_setup_sects_means_four() -> None:
    assert LinuxImage.parse(with_field(SETUP_SECTS, b"\0", sectors=4), "k").setup_size == 5 * 512


def test_old_syssize_is_not_believed() -> None:
    """Before 2.04 it has two bytes, which a large kernel overflows."""
    assert LinuxImage.parse(with_field(SYSSIZE, b"\xff\xff\xff\xff", version=0x0203), "k").protocol == (2, 3)


def test_signed_kernel_has_more_behind() -> None:
    assert LinuxImage.parse(bytes(bzimage()) + b"signature" * 100, "k").setup_size == 1536


@pytest.mark.parametrize(("offset", "said"), [
    (0, ""), (0xFFFF, ""), (0x3FE, ""), (0x110, ""), (0x101, ".6.27 (me) #1"),
])
def test_kernel_version(offset: int, said: str) -> None:
    data = bzimage()
    data[0x310:0x311] = b"\0"
    struct.pack_into("<H", data, KERNEL_VERSION, offset)
    assert LinuxImage.parse(bytes(data), "k").version == said


def test_kernel_version_is_bounded_and_printable() -> None:
    data = bzimage()
    data[0x300:0x600] = b"\x1b\xe9" * 0x180
    version = LinuxImage.parse(bytes(data), "k").version
    assert len(version) == 256 and version.replace("\ufffd", "?") == "?" * 256


BROKEN = {
    "nothing": (b"", "inside the boot protocol's header"),
    "cut header": (bytes(bzimage()[:0x215]), "ends at 0x215, inside the boot protocol's header"),
    "boot flag": (with_field(BOOT_FLAG, b"\x55\xab"), "boot flag at 0x1fe is 0xab55, expected 0xaa55"),
    "magic": (with_field(HDRS, b"HdrX"), "header magic at 0x202 is 48 64 72 58, expected 48 64 72 53 (HdrS)"),
    "protocol": (with_field(VERSION, b"\x03\x01"), "boot protocol at 0x206 is 1.03, expected 2.00 or newer"),
    "setup_sects": (with_field(SETUP_SECTS, b"\xff"), "setup_sects at 0x1f1 is 255"),
    "no kernel": (bytes(bzimage()[:1536]), "the kernel itself starts at 0x600, and the file ends at 0x600"),
    "cut kernel": (bytes(bzimage()[:-16]), "syssize at 0x1f4 is 0x7 paragraphs of 16 bytes, and 0x6 follow"),
    "huge kernel": (with_field(SYSSIZE, b"\xff\xff\xff\xff"), "syssize at 0x1f4 is 0xffffffff"),
    "no syssize": (with_field(SYSSIZE, b"\0\0\0\0"), "syssize at 0x1f4 is 0x0"),
    "zImage": (with_field(LOADFLAGS, b"\x80"), "this is a zImage"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_refused(name: str) -> None:
    data, said = BROKEN[name]
    with pytest.raises(BadGuestError) as caught:
        LinuxImage.parse(data, "some/kernel")
    assert str(caught.value).startswith("some/kernel: ") and said in str(caught.value)


@given(st.binary(max_size=2048))
def test_any_bytes(data: bytes) -> None:
    with pytest.raises(BadGuestError):
        LinuxImage.parse(data, "k")


@given(st.lists(st.tuples(st.integers(0x1F1, 0x23F), st.integers(0, 255)), min_size=1, max_size=6))
def test_any_header(changes: list[tuple[int, int]]) -> None:
    data = bzimage()
    for offset, value in changes:
        data[offset] = value
    try:
        image = LinuxImage.parse(bytes(data), "k")
    except BadGuestError:
        return
    assert 512 < image.setup_size < len(data) and image.protocol >= (2, 0)
    assert image.version.isprintable() or "\ufffd" in image.version


@pytest.mark.parametrize(("data", "linux_it_is"), [
    (bytes(bzimage()), True), (with_field(HDRS, b"HdrX"), True), (with_field(BOOT_FLAG, b"\0\0"), True),
    (b"", False), (b"\x7fELF" + bytes(bzimage()[4:]), False), (bytes(1024), False),
])
def test_told_apart(data: bytes, linux_it_is: bool) -> None:
    assert is_linux(data) is linux_it_is


def test_load_takes_either(tmp_path: Path, tiny_file: Path) -> None:
    (tmp_path / "k").write_bytes(bzimage())
    assert isinstance(load(tmp_path / "k"), LinuxImage) and isinstance(load(tiny_file), GuestImage)
    assert LinuxImage.load(tmp_path / "k").setup_size == 3 * linux.SECTOR
    with pytest.raises(UsageError, match="cannot read this kernel"):
        LinuxImage.load(tmp_path / "gone")
