# SPDX-License-Identifier: MIT
"""A Linux kernel for the PC as a file: what the boot protocol's header says, read from bytes that nobody vouches for.

Layout: Linux Documentation/x86/boot, "The Linux/x86 Boot Protocol". A bzImage is the boot sector and setup code, which
run in real mode, and then the protected-mode code, which is loaded at 1 MiB. Field offsets are from the file's start.

What the header does not say: for which processor the kernel is. Only protocol 2.12 (Linux 3.8) has a bit for kernels of
64 bits; see :attr:`LinuxImage.is_64bit`.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

from attrs import field, frozen

from openvmi.errors import BadGuestError
from openvmi.files import read_bounded

SECTOR = 512
PARAGRAPH = 16  #: the unit of `syssize`
SETUP_SECTS, SYSSIZE, BOOT_FLAG, SIGNATURE, VERSION = 0x1F1, 0x1F4, 0x1FE, 0x202, 0x206
LOADFLAGS, CODE32_START = 0x211, 0x214
MAGIC = b"HdrS"
LOADED_HIGH = 1  #: of `loadflags`
LOAD_ADDRESS = 1 << 20  #: where the protected-mode code of a bzImage goes

_KERNEL_VERSION, _INITRD_MAX, _XLOADFLAGS, _CMDLINE_SIZE = 0x20E, 0x22C, 0x236, 0x238
_HEADER_END = 0x216  # first byte behind the fields of protocol 2.00 that are read here
_BOOT_FLAG_VALUE = 0xAA55
_SETUP_SECTS_OF_0 = 4
_CMDLINE_BEFORE_2_06 = 255
_INITRD_MAX_BEFORE_2_03 = 0x37FFFFFF
_KERNEL_64 = 1  # XLF_KERNEL_64 of xloadflags: there is a 64-bit entry
_VERSION_LIMIT = 256  # bytes; kernels have some 80


@frozen(eq=False)
class LinuxImage:
    """A bzImage that passed every check of :meth:`parse`."""

    path: str
    name: str  #: the file's name without its extension
    data: bytes = field(repr=False)  #: the whole file
    sha256: str
    protocol: tuple[int, int]  #: of booting: major, minor
    setup_size: int  #: bytes of boot sector and setup code; the rest is loaded at 1 MiB
    version: str  #: what the kernel calls itself, such as "2.6.27 (me@there) #1"; empty: it does not say
    command_line_limit: int  #: bytes without the NUL
    initrd_end: int  #: highest address that an initrd's last byte may have
    is_64bit: bool | None  #: None: the header is too old to tell

    @classmethod
    def parse(cls, data: bytes, path: str) -> LinuxImage:
        """Checks the bytes of a kernel; `path` is for messages and the name.

        In this order: boot sector signature, header signature, protocol 2.00 or newer, the setup code and (from 2.04)
        the protected-mode code inside the file, loaded high. Raises :class:`BadGuestError` for the first that fails,
        and nothing else whatever the bytes.
        """
        try:
            return _parse(data, path)
        except BadGuestError as error:
            raise BadGuestError(f"{path}: {error}") from error

    @classmethod
    def load(cls, path: Path) -> LinuxImage:
        """Reads and checks a kernel. Raises :class:`UsageError` when it cannot be read, else as :meth:`parse`."""
        return cls.parse(read_bounded(path, what="kernel"), str(path))


def is_linux(data: bytes) -> bool:
    """Whether a file wants to be a Linux kernel: no ELF file, but a boot sector or with the protocol's magic."""
    return data[:4] != b"\x7fELF" and (_u16(data, BOOT_FLAG) == _BOOT_FLAG_VALUE or data[SIGNATURE:VERSION] == MAGIC)


def _parse(data: bytes, path: str) -> LinuxImage:
    if len(data) < _HEADER_END:
        raise BadGuestError(f"ends at {len(data):#x}, inside the boot protocol's header, which needs {_HEADER_END:#x} "
                            "bytes; is it truncated?")
    if (flag := _u16(data, BOOT_FLAG)) != _BOOT_FLAG_VALUE:
        raise BadGuestError(f"boot flag at {BOOT_FLAG:#x} is {flag:#06x}, expected {_BOOT_FLAG_VALUE:#x}; "
                            "name a bzImage, or check the file")
    if (magic := data[SIGNATURE:VERSION]) != MAGIC:
        raise BadGuestError(f"header magic at {SIGNATURE:#x} is {magic.hex(' ')}, expected 48 64 72 53 (HdrS): a boot "
                            "sector of something else, or a Linux older than 1.3.73; name a bzImage")
    version = _u16(data, VERSION)
    protocol = version >> 8, version & 0xFF
    if protocol < (2, 0):
        raise BadGuestError(f"boot protocol at {VERSION:#x} is {protocol[0]}.{protocol[1]:02}, expected 2.00 or newer; "
                            "use a kernel of Linux 1.3.73 or newer")
    setup_size = ((data[SETUP_SECTS] or _SETUP_SECTS_OF_0) + 1) * SECTOR
    if setup_size >= len(data):
        raise BadGuestError(f"setup_sects at {SETUP_SECTS:#x} is {data[SETUP_SECTS]}, so that the kernel itself starts "
                            f"at {setup_size:#x}, and the file ends at {len(data):#x}; is it truncated?")
    if not data[LOADFLAGS] & LOADED_HIGH:
        raise BadGuestError(f"loadflags at {LOADFLAGS:#x} is {data[LOADFLAGS]:#04x}, without LOADED_HIGH: this is a "
                            "zImage, which is loaded below 640 KiB; build the kernel with make bzImage")
    if protocol >= (2, 4):
        _check_size(data, setup_size)
    xloadflags = _field(data, "<H", _XLOADFLAGS, protocol, (2, 12), 0)
    return LinuxImage(
        path=path, name=Path(path).stem, data=data, sha256=hashlib.sha256(data).hexdigest(), protocol=protocol,
        setup_size=setup_size, version=_version(data, setup_size),
        command_line_limit=_field(data, "<I", _CMDLINE_SIZE, protocol, (2, 6), _CMDLINE_BEFORE_2_06),
        initrd_end=_field(data, "<I", _INITRD_MAX, protocol, (2, 3), _INITRD_MAX_BEFORE_2_03),
        is_64bit=bool(xloadflags & _KERNEL_64) if protocol >= (2, 12) else None,
    )


def _check_size(data: bytes, setup_size: int) -> None:
    """Before protocol 2.04 `syssize` has two bytes and no loader believes it."""
    paragraphs = struct.unpack_from("<I", data, SYSSIZE)[0]
    there = -(-(len(data) - setup_size) // PARAGRAPH)  # the last one need not be full
    if not paragraphs or paragraphs > there:
        raise BadGuestError(f"syssize at {SYSSIZE:#x} is {paragraphs:#x} paragraphs of 16 bytes, and {there:#x} follow "
                            "the setup code; is it truncated?")


def _field(data: bytes, layout: str, offset: int, protocol: tuple[int, int], since: tuple[int, int], else_: int) -> int:
    """A field of the header, or what holds where the protocol or the file does not have it."""
    if protocol < since or offset + struct.calcsize(layout) > len(data):
        return else_
    value: int = struct.unpack_from(layout, data, offset)[0]
    return value


def _version(data: bytes, setup_size: int) -> str:
    offset = _u16(data, _KERNEL_VERSION) + SECTOR
    if offset == SECTOR or offset >= setup_size:
        return ""
    text = data[offset:min(offset + _VERSION_LIMIT, setup_size)].split(b"\0")[0].decode("ascii", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _u16(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset:offset + 2], "little")
