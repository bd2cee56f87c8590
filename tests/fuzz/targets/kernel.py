# SPDX-License-Identifier: MIT
"""A bzImage, and what tells one from other files."""

from __future__ import annotations

import struct

from openvmi import resources
from openvmi.errors import BadGuestError
from openvmi.guest import linux
from openvmi.guest.linux import LinuxImage

ALLOWED = (BadGuestError,)
LIMIT = 4096


def seeds() -> list[bytes]:
    """The head of a real one, with as much of a kernel as fits, for several protocols."""
    head = bytearray((resources.built("guests") / "classic-bench.bzimage").read_bytes()[:3 * linux.SECTOR])
    head[linux.SETUP_SECTS] = 1
    found = []
    for version in (0x200, 0x203, 0x204, 0x206, 0x20C, 0x20F):
        struct.pack_into("<H", head, linux.VERSION, version)
        struct.pack_into("<I", head, linux.SYSSIZE, linux.SECTOR // linux.PARAGRAPH)
        found.append(bytes(head))
    return found


def run(data: bytes) -> None:
    """Reads it."""
    linux.is_linux(data)
    found = LinuxImage.parse(data, "it.bzimage")
    assert (linux.is_linux(data) or data[:4] == b"\x7fELF") and 0 < found.setup_size < len(data)
    assert not found.version or found.version.isprintable()
