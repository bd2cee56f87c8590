#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds what tests/compat keeps of a release of the interface: guests, ROMs, boot shims, and their SHA-256.

    python tests/compat/freeze.py                    makes the folder of the present version; refuses one that exists
    python tests/compat/freeze.py --check            builds again and compares with that folder
    python tests/compat/freeze.py --words VERSION    takes other words of that version's definition, and nothing else

The same sources and compiler give the same bytes, so --check holds at the commit that set.toml names, and at no other.
Only debugging information is left out. A set that is in a release is never made again.

Beside the set are digests of the definition, abi/VERSION. All that a program could depend on has one, which stays: what
is new or otherwise is another version. The texts `doc` and `contract` may be made more precise, where nobody who relied
on the old ones is wrong by the new ones; then their file has another digest, which --words enters, and CHANGELOG.md
says what became more precise. test_compat.py has digests of its own of both, so that neither record can be bent: a new
set adds its line there, printed here.
"""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
_TOP = _HERE.parents[1]
#: Guests: folders with a guest.toml. Those that are there.
GUESTS = ("kernels/hello", "kernels/sites", "kernels/conform/*", "tests/compat/guest")
#: ROMs with what belongs to them. Not linux: its interface to the runner is private to one release of the two, and the
#: runner of that release is a program for one host kernel; a set would promise what nobody can keep.
ROMS = ("emu", "template", "xen")
SUMS = "SHA256SUMS"
DEFINITION = "definition.toml"
_WORDS = ("doc", "contract")  # keys of a definition whose values are for people
_FILES = "[files]\n"

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


def promised(definition: Path) -> str:
    """The digest of all that a folder with a definition says to programs, however it is laid out and described."""
    data = {path.name: _without_words(tomllib.loads(path.read_text(encoding="utf-8")))
            for path in definition.glob("*.toml")}
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _without_words(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_words(held) for key, held in value.items() if key not in _WORDS}
    return [_without_words(held) for held in value] if isinstance(value, list) else value


def files(definition: Path) -> dict[str, str]:
    """The digest of each of its files."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(definition.glob("*.toml"))}


def _listed(definition: Path) -> str:
    return _FILES + "".join(f'"{name}" = "{digest}"\n' for name, digest in files(definition).items())


def take_words(kept: Path, definition: Path) -> str | None:
    """Enters a definition whose words only are others. None, or why not."""
    record = kept / DEFINITION
    if not record.is_file():
        return f"there is no {record}; a version that is not released needs none"
    text = record.read_text(encoding="utf-8")
    if tomllib.loads(text)["promised"] != promised(definition):
        return (f"{definition} differs from what was released in more than its words ({', '.join(_WORDS)}); that is "
                "another version of the interface: take it back, and change the present one")
    record.write_text(text.partition(_FILES)[0] + _listed(definition), encoding="utf-8")
    return None


def main(arguments: list[str]) -> str | None:
    """0, or a message."""
    from openvmi.abi.load import CURRENT
    from openvmi.toolchain import Toolchain

    if len(arguments) == 2 and arguments[0] == "--words":
        return take_words(_HERE / arguments[1], _TOP / "abi" / arguments[1])
    kept, definition = _HERE / CURRENT, _TOP / "abi" / CURRENT
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
        (made / DEFINITION).write_text(
            f"# SPDX-License-Identifier: MIT\n# Of abi/{CURRENT}. What may change, and how: tests/compat/freeze.py.\n"
            f'promised = "{promised(definition)}"\n\n{_listed(definition)}', encoding="utf-8")
        (made / "set.toml").write_text(
            "# SPDX-License-Identifier: MIT\n"
            f'interface = "{CURRENT}"\ncommit = "{commit.stdout.strip()}"\ncompiler = "{Toolchain.version()}"\n',
            encoding="ascii")
        made.rename(kept)
    digest = hashlib.sha256((kept / SUMS).read_bytes()).hexdigest()
    print(f'{kept}\n{found}Add to PINNED in tests/compat/test_compat.py:\n'
          f'    "{CURRENT}": ("{digest}",\n            "{promised(definition)}"),')
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
