# SPDX-License-Identifier: MIT
"""Which Xen is installed here, and whether it will do.

Distributions put it, compressed or not, beside their kernels: /boot/xen-4.17-amd64.gz, /boot/xen.gz. It is a 32-bit ELF
file with a Multiboot 1 header, which QEMU boots by -kernel once it is uncompressed.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zlib
from functools import cache
from pathlib import Path

from attrs import field, frozen

from openvmi.errors import OpenVmiError, UnavailableError
from openvmi.files import read_bounded
from openvmi.hypervisors.base import Availability

VARIABLE = "OPENVMI_XEN"  #: in the environment: the file to take
#: Earlier ones end console output at a NUL. What the boot shim and the ROM need is older.
LEAST = (4, 13)
FOLDERS = (Path("/boot"), *map(Path, ("/usr/lib/xen/boot", "/usr/lib64/xen/boot")))
#: With what is recommended beside it, the machine itself would start Xen from then on.
REMEDY = ("On Debian and Ubuntu: apt install --no-install-recommends '^xen-hypervisor-[0-9.]+-amd64$'; or name a file "
          f"by {VARIABLE}")
_FILE_LIMIT = 32 << 20  # bytes; they have about 1 MiB compressed and 3 MiB uncompressed
_NAME = re.compile(r"xen(?:-(?P<version>\d+(?:\.\d+)*)(?:[-+~_.].*)?)?")
_OTHER = (".efi", ".config", ".map", ".old", ".bak")
_GZIP = b"\x1f\x8b"
_ELF32 = b"\x7fELF\x01\x01"  # class and byte order
_EM_386 = 3
_MAGIC = 0x1BADB002  # Multiboot Specification 0.6.96, section 3.1.1: in the first 8192 bytes, 4-byte aligned
_SEARCHED = 8192


@frozen
class Installation:
    """A Xen that will do."""

    path: Path
    version: str  #: such as 4.17, from the file's name; empty where that does not say
    image: bytes = field(repr=False)  #: uncompressed


def find() -> Installation:
    """The Xen that is named in the environment, else the newest of its usual places.

    Raises :class:`UnavailableError`: none, or none that will do. Quick: a file is read once.
    """
    found = _look()
    if isinstance(found, Installation):
        return found
    raise UnavailableError(f"{found.reason} {found.remedy}".strip())


def availability() -> Availability:
    """The same as an answer."""
    found = _look()
    if isinstance(found, Availability):
        return found
    return Availability(usable=True, versions={"Xen": found.version or f"of unknown version ({found.path})"})


def version_of(name: str) -> str | None:
    """The version that the name of a file says; empty when it says none, None when no Xen has such a name."""
    match = _NAME.fullmatch(name.removesuffix(".gz"))
    if match is None or name.removesuffix(".gz").endswith(_OTHER):
        return None
    return match["version"] or ""


def _look() -> Installation | Availability:
    named = os.environ.get(VARIABLE)
    candidates = [Path(named)] if named else _candidates()
    if not candidates:
        places = " or ".join(map(str, FOLDERS))
        return Availability(False, f"There is no Xen in {places}; Xen {_number(LEAST)} or newer is needed.", REMEDY)
    looked = [_open(path) for path in candidates]
    # When none will do, what is wrong with the first is told: the newest, or the one that was named.
    return next((found for found in looked if isinstance(found, Installation)), looked[0])


def _candidates() -> list[Path]:
    """Newest first."""
    found = [(version, path) for folder in FOLDERS for path in _files(folder)
             if (version := version_of(path.name)) is not None]  # fmt: skip
    return [path for _, path in sorted(found, key=lambda item: (_parts(item[0]), item[1].name), reverse=True)]


def _files(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.glob("xen*") if path.is_file()]
    except OSError:  # not ours to read
        return []


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part)


def _number(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _open(path: Path) -> Installation | Availability:
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return Availability(False, f"{path}: there is no Xen to be read: {reason}.", REMEDY)
    if not stat.S_ISREG(status.st_mode):
        return Availability(False, f"{path}: this is no file that could be Xen.", REMEDY)
    return _read(path, status.st_mtime_ns, status.st_ino, status.st_size)


@cache
def _read(path: Path, *_: int) -> Installation | Availability:
    """By path, time, inode and size, so that a Xen that was replaced is read again."""
    try:
        image = _uncompress(read_bounded(path, _FILE_LIMIT, "Xen"))
        _check(image)
    except ValueError as error:
        return Availability(False, f"{path}: {error}.", REMEDY)
    except OpenVmiError as error:  # names the path
        return Availability(False, f"{error}.", REMEDY)
    version = version_of(path.name) or ""
    if version and _parts(version) < LEAST:
        return Availability(False, f"{path} is Xen {version}; {_number(LEAST)} or newer is needed.", REMEDY)
    return Installation(path, version, image)


def _uncompress(data: bytes) -> bytes:
    if not data.startswith(_GZIP):
        return data
    stream = zlib.decompressobj(wbits=31)
    try:
        image = stream.decompress(data, _FILE_LIMIT)
    except zlib.error as error:
        raise ValueError(f"its compressed contents are damaged ({error})") from error
    if stream.unconsumed_tail:
        raise ValueError(f"uncompressed it has more than {_FILE_LIMIT} bytes, which no Xen has")
    if not stream.eof:
        raise ValueError(f"its compressed contents end early, after {len(data)} bytes")
    return image


def _check(image: bytes) -> None:
    """Raises :class:`ValueError` for what QEMU would not boot."""
    machine = int.from_bytes(image[18:20], "little")
    if not image.startswith(_ELF32) or machine != _EM_386:
        raise ValueError(f"it begins with {image[:6]!r} and is for machine {machine}; expected a 32-bit ELF file for "
                         "x86, which Xen for booting without EFI is")
    searched = image[: _SEARCHED - _SEARCHED % 4]
    for magic, flags, checksum in struct.iter_unpack("<III", b"".join(
            searched[at : at + 12] for at in range(0, len(searched) - 11, 4))):
        if magic == _MAGIC and (magic + flags + checksum) % (1 << 32) == 0:
            return
    raise ValueError(f"it has no Multiboot header in its first {_SEARCHED} bytes; it is not a Xen")
