#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds what tests/compat keeps of a release of the interface: guests, ROMs, boot shims, and their SHA-256.

    python tests/compat/freeze.py            makes the folder of the present version; refuses one that exists
    python tests/compat/freeze.py --check    builds again and compares with that folder

The same sources and compiler give the same bytes, so --check holds at the commit that set.toml names, and at no other.
Only debugging information is left out. A set that is in a release is never made again.
"""

from __future__ import annotations

import hashlib
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_TOP = _HERE.parents[1]
#: Guests: folders with a guest.toml. Those that are there.
GUESTS = ("kernels/hello", "kernels/sites", "kernels/conform/*", "tests/compat/guest")
#: ROMs with what belongs to them. Not linux: its interface to the runner is private to one release of the two, and the
#: runner of that release is a program for one host kernel; a set would promise what nobody can keep.
ROMS = ("emu", "template", "xen")
SUMS = "SHA256SUMS"

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SHT_NULL, _SHT_NOBITS = 0, 8


def strip(data: bytes) -> bytes:
    """An ELF file less its debugging information: what is loaded stays where it is, behind it come only symbols.

    The sections that go become empty ones, so that none gets another number.
    """
    header = list(_HEADER.unpack_from(data))
    table, count, names = header[6], header[12], header[13]
    sections = [list(_SECTION.unpack_from(data, table + _SECTION.size * index)) for index in range(count)]
    texts = data[sections[names][4]:][:sections[names][5]]
    loaded = max(offset + size for _, kind, flags, _, offset, size, *_ in sections if flags & 2 and kind != _SHT_NOBITS)
    kept = bytearray(data[:loaded])
    for section in sections:
        name, kind, flags, _, offset, size, *_ = section
        if texts[name:].startswith(b".debug_"):
            section[:] = [0] * len(section)
        elif kind not in (_SHT_NULL, _SHT_NOBITS) and not flags & 2:
            kept += bytes(-len(kept) % 8)
            section[4] = len(kept)
            kept += data[offset:offset + size]
    kept += bytes(-len(kept) % 8)
    header[6] = len(kept)
    kept[:_HEADER.size] = _HEADER.pack(*header)
    return bytes(kept) + b"".join(_SECTION.pack(*section) for section in sections)


def build(folder: Path) -> None:
    """All files of the present sources, into an empty folder."""
    from openvmi.guest.build import build_defined as build_guest
    from openvmi.guest.definition import read as read_guest
    from openvmi.rom.build import build as build_rom

    cache = _TOP / "build" / "cache"
    for part in ("guests", "roms"):
        (folder / part).mkdir(parents=True)
    for pattern in GUESTS:
        for definition in sorted(_TOP.glob(f"{pattern}/guest.toml")):
            about = read_guest(definition.parent)
            if about.libvmi:
                build_guest(about, folder / "guests" / f"{about.name}.elf", cache)
    for name in ROMS:
        build_rom(_TOP / "roms" / name, folder / "roms" / f"{name}.rom", cache)
    for path in [*folder.glob("guests/*.elf"), *folder.glob("roms/*.shim")]:
        path.write_bytes(strip(path.read_bytes()))


def sums(folder: Path) -> str:
    """The list of files, as sha256sum writes it."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".elf", ".rom", ".shim"))
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
                   for path in files)


def main(arguments: list[str]) -> str | None:
    """0, or a message."""
    from openvmi.abi.load import CURRENT
    from openvmi.toolchain import Toolchain

    kept = _HERE / CURRENT
    if arguments not in ([], ["--check"]):
        return __doc__
    if kept.exists() and not arguments:
        return f"{kept} is there already, and what was released does not change; to compare with it: --check"
    if arguments and not kept.exists():
        return f"there is no set of {CURRENT} yet; without --check it is made"
    with tempfile.TemporaryDirectory(dir=_HERE, prefix=f".{CURRENT}.") as scratch:
        made = Path(scratch) / CURRENT
        build(made)
        found = sums(made)
        if arguments:
            expected = (kept / SUMS).read_text(encoding="ascii")
            return None if found == expected else f"other bytes than in {kept}:\n{found}"
        commit = subprocess.run(["git", "-C", _TOP, "rev-parse", "HEAD"], text=True, capture_output=True, check=True)
        (made / SUMS).write_text(found, encoding="ascii")
        (made / "set.toml").write_text(
            "# SPDX-License-Identifier: MIT\n"
            f'interface = "{CURRENT}"\ncommit = "{commit.stdout.strip()}"\ncompiler = "{Toolchain.version()}"\n',
            encoding="ascii")
        made.rename(kept)
    print(f"{kept}\n{found}", end="")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
