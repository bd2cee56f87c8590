# SPDX-License-Identifier: MIT
"""The canonical tar of a source capsule: the same bytes for the same files, and no other bytes are taken for one.

POSIX ustar (IEEE Std 1003.1, pax, "ustar Interchange Format"): regular files only, by ascending name, mode 0644, owner
and time 0, no prefix, and two blocks of zeros at the end. So there is nothing in it that an extractor could be misled
by: no link, no device, no folder, no absolute or climbing path, no two names that one file system takes for the same.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from openvmi.abi.names import CAPSULE_LIMIT

BLOCK = 512
MEMBER_LIMIT = 256  #: files
FILE_LIMIT = 1 << 20  #: bytes of one
NAME_LIMIT = 100  #: what the field of a header holds, a NUL not counted
DEPTH_LIMIT = 8
_END = bytes(2 * BLOCK)
#: name, mode, uid, gid, size, mtime, checksum, type, link name, magic and version, owners' names, device numbers
_HEADER = struct.Struct("100s8s8s8s12s12s8s1s100s8s64s8s8s167x")
_MODE, _OWNER, _TIME, _DEVICE, _MAGIC = b"0000644\0", b"0000000\0", b"00000000000\0", b"0000000\0", b"ustar\x0000"
_FILE = b"0"
_CHECKSUM_AT = 148
_TYPES = {b"1": "a hard link", b"2": "a symbolic link", b"3": "a device", b"4": "a device", b"5": "a folder",
          b"6": "a named pipe"}
_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.+ -]*[A-Za-z0-9_+-])?")
#: Names that one family of systems takes for devices, whatever follows a dot.
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
_SIZE = re.compile(rb"[0-7]{11}\0")


class TarProblem(ValueError):
    """Bytes that are no canonical tar: what was found, what was expected."""

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(f"{found}, expected {expected}")
        self.found, self.expected = found, expected


def write(files: Mapping[str, bytes]) -> bytes:
    """The tar of these files. Raises :class:`TarProblem` for names and sizes that one cannot have."""
    _check_names(sorted(files))
    for name, data in files.items():
        if len(data) > FILE_LIMIT:
            raise TarProblem(f"{name} of {len(data)} bytes", f"at most {FILE_LIMIT}")
    tar = b"".join(_header(name, len(files[name])) + _padded(files[name]) for name in sorted(files)) + _END
    if len(tar) > CAPSULE_LIMIT:
        raise TarProblem(f"{len(tar)} bytes", f"at most {CAPSULE_LIMIT}")
    return tar


def read(tar: bytes) -> dict[str, bytes]:
    """The files in a canonical tar. Raises :class:`TarProblem` for any other bytes; never anything else."""
    if len(tar) > CAPSULE_LIMIT:
        raise TarProblem(f"{len(tar)} bytes", f"at most {CAPSULE_LIMIT}")
    files: dict[str, bytes] = {}
    names = []
    for name, data in _members(tar):
        names.append(name)
        files[name] = data
        if len(names) > MEMBER_LIMIT:
            raise TarProblem(f"more than {MEMBER_LIMIT} files", f"at most {MEMBER_LIMIT}")
    _check_names(names)
    return files


def _members(tar: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while (header := tar[at:at + BLOCK]) != bytes(BLOCK):
        if len(header) < BLOCK:
            raise TarProblem(f"an end at {len(tar):#x}", "two blocks of zeros there")
        name, _, _, _, size, _, _, kind, *_ = _HEADER.unpack(header)
        shown = name.rstrip(b"\0").decode("latin-1")
        if kind != _FILE:
            raise TarProblem(f"{shown!r}: {_TYPES.get(kind, f'an entry of type {kind!r}')}", "regular files only")
        if not _SIZE.fullmatch(size):
            raise TarProblem(f"{shown!r}: size {size!r}", "11 octal digits and a NUL")
        length = int(size[:-1], 8)
        if length > FILE_LIMIT:
            raise TarProblem(f"{shown!r} of {length} bytes", f"at most {FILE_LIMIT}")
        if reason := _bad_name(shown):
            raise TarProblem(f"a file named {shown!r}", reason)
        data = tar[at + BLOCK:at + BLOCK + length]
        if header != _header(shown, length):
            raise TarProblem(f"{shown!r}: a header of another form",
                             "mode 0644, owner, time and device 0, no names of owners, no prefix, the right checksum")
        at += BLOCK + length + -length % BLOCK
        if tar[at - (-length % BLOCK):at].strip(b"\0") or at > len(tar):
            raise TarProblem(f"{shown!r}: no zeros behind its {length} bytes", f"them up to a multiple of {BLOCK}")
        yield shown, data
    if tar[at:] != _END:
        raise TarProblem(f"{len(tar) - at} bytes from the first block of zeros on", f"{len(_END)}, all zeros")


def _check_names(names: list[str]) -> None:
    """Valid, ascending, each once; also where case does not count, and none a folder and a file."""
    if len(names) > MEMBER_LIMIT:
        raise TarProblem(f"{len(names)} files", f"at most {MEMBER_LIMIT}")
    spelling: dict[str, str] = {}
    seen: set[str] = set()
    for name in names:
        if reason := _bad_name(name):
            raise TarProblem(f"a file named {name!r}", reason)
        if name in seen:
            raise TarProblem(f"{name!r} twice", "each file once")
        seen.add(name)
        path = PurePosixPath(name)
        for each in (path, *path.parents):
            text = str(each)
            if spelling.setdefault(text.lower(), text) != text:
                raise TarProblem(f"{text!r} and {spelling[text.lower()]!r}", "names that differ by more than case")
            if each != path and text in seen:
                raise TarProblem(f"{text!r} as a file and as a folder of {name!r}", "one of the two")
    if names != sorted(names):
        raise TarProblem("names in another order", "ascending names")


def _bad_name(name: str) -> str:
    """What a name would have to be; empty when it is."""
    parts = name.split("/")
    if name.startswith("/") or ".." in parts:
        return "a path below the capsule's own folder"
    if len(name) > NAME_LIMIT or len(parts) > DEPTH_LIMIT:
        return f"at most {NAME_LIMIT} characters and {DEPTH_LIMIT} parts"
    if not all(_PART.fullmatch(part) and not _DEVICES.match(part) for part in parts):
        return "parts of ASCII letters, digits and . _ + - or spaces inside, none the name of a device"
    return ""


def _header(name: str, size: int) -> bytes:
    fields = (_MODE, _OWNER, _OWNER, b"%011o\0" % size, _TIME)
    rest = (_FILE, b"", _MAGIC, b"", _DEVICE, _DEVICE)
    blank = _HEADER.pack(name.encode("ascii"), *fields, b" " * 8, *rest)
    return blank[:_CHECKSUM_AT] + b"%06o\0 " % sum(blank) + blank[_CHECKSUM_AT + 8:]


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)
