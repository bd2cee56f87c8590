# SPDX-License-Identifier: MIT
"""Source capsules to spoil."""

from __future__ import annotations

import hashlib
import lzma
import struct

from openvmi.abi.names import CapsuleKind
from openvmi.rom import capsule_tar

FILES = {"recipe.json": b"{}\n", "rom/calls.S": b"# nothing\n", "rom/rom.toml": b""}
_HEAD = struct.Struct("<IHHII32s")  # abi/4.1/layouts.toml: rom_capsule
MAGIC = int.from_bytes(b"VMIC", "little")


def part(contents: bytes, tar: bytes, kind: int = CapsuleKind.EMBEDDED, *, magic: int = MAGIC, size: int = _HEAD.size,
         tar_size: int | None = None, contents_size: int | None = None, sha256: bytes | None = None) -> bytes:
    """The part of an image; what is not given is right."""
    return _HEAD.pack(
        magic, size, kind, len(tar) if tar_size is None else tar_size,
        len(contents) if contents_size is None else contents_size,
        hashlib.sha256(tar).digest() if sha256 is None else sha256) + contents


def packed(tar: bytes | None = None) -> bytes:
    """One with a tar in it, with another compression than the builder's."""
    tar = capsule_tar.write(FILES) if tar is None else tar
    return part(lzma.compress(tar), tar)


def entry(name: bytes, data: bytes = b"", kind: bytes = b"0", *, link: bytes = b"", prefix: bytes = b"",
          size: bytes | None = None, mode: bytes = b"0000644\0", device: bytes = b"0000000\0") -> bytes:
    """One member of a tar, with the right checksum (POSIX pax, "ustar Interchange Format")."""
    header = struct.pack(
        "<100s8s8s8s12s12s8s1s100s6s2s32s32s8s8s155s12x", name, mode, b"0000000\0", b"0000000\0",
        b"%011o\0" % len(data) if size is None else size, b"00000000000\0", b" " * 8, kind, link, b"ustar\0", b"00",
        b"", b"", device, b"0000000\0", prefix)
    header = header[:148] + b"%06o\0 " % sum(header) + header[156:]
    return header + data + bytes(-len(data) % 512)


END = bytes(1024)
