# SPDX-License-Identifier: MIT
"""What a build reads, by the compiler's own account, and under which name each file is in the source capsule.

    rom/       the folder of the definition: sources, their headers, linker scripts
    include/   headers of libvmi/include
    link/      the tool's own linker script
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

from openvmi.errors import BuildError
from openvmi.files import read_bounded
from openvmi.rom.capsule_tar import FILE_LIMIT

ROM, INCLUDE, LINK = "rom", "include", "link"
#: A rule of make as compilers write it: names apart by spaces; a backslash or a second $ before what would mean more.
_NAME = re.compile(r"(?:\\[ #\\]|\$\$|[^\s])+")
_ESCAPED = re.compile(r"\\([ #])|\$(\$)")
#: What brings a file in behind the compiler's back: its account of what it read has no place for them.
_SILENT = re.compile(rb"\.\s*inc(bin|lude)\b", re.IGNORECASE)
_SCRIPT_WORDS = re.compile(rb"\b(INCLUDE|INPUT|GROUP|STARTUP|TARGET|SEARCH_DIR|OUTPUT|VERSION)\b\s*[(\"/\w.-]")
_COMMENT = re.compile(rb"/\*.*?\*/", re.DOTALL)


@frozen
class Places:
    """Where the inputs of a build are. `script`: the tool's linker script, None where the ROM has its own."""

    folder: Path
    includes: Path
    script: Path | None = None

    def tops(self) -> dict[str, Path]:
        """The folders that become one in a capsule."""
        return {ROM: self.folder, INCLUDE: self.includes}


@frozen
class Inputs:
    """Every file that went into a build: what a capsule has, by name there, and the compiler's own, as digests."""

    files: dict[str, bytes]
    compiler: dict[str, str]

    def digests(self) -> dict[str, str]:
        """SHA-256 of each file in hexadecimal, by name."""
        return {name: hashlib.sha256(data).hexdigest() for name, data in sorted(self.files.items())}


def gather(paths: Iterable[Path], places: Places, compiler: Path, where: str) -> Inputs:
    """Reads these files. `compiler` is the folder of its package.

    Raises :class:`BuildError` for one that is elsewhere: a source capsule could not have it.
    """
    tops = {name: _variants(top) for name, top in places.tops().items()}
    files: dict[str, bytes] = {}
    own: dict[str, str] = {}
    for path in sorted({Path(os.path.abspath(path)) for path in paths}):
        if (inside := _below(path, _variants(compiler))) is not None:
            own[inside] = hashlib.sha256(read_bounded(path)).hexdigest()
            continue
        found = next((f"{name}/{inside}" for name, top in tops.items() if (inside := _below(path, top)) is not None),
                     None)
        if found is None:
            raise BuildError(f"{where}: {path} is included, expected files of {places.folder}, {places.includes} and "
                             "the compiler only: a source capsule cannot have it; copy it into the ROM's folder")
        files[found] = read_bounded(path, FILE_LIMIT, "source file")
    if places.script:
        files[f"{LINK}/{places.script.name}"] = read_bounded(places.script, FILE_LIMIT, "linker script")
    check(files, where)
    return Inputs(files, own)


def check(files: dict[str, bytes], where: str) -> None:
    """Refuses what would bring in files of which nobody could tell afterwards. Raises :class:`BuildError`."""
    for name, data in files.items():
        text = _COMMENT.sub(b" ", data)
        script = name.endswith(".lds")
        if found := (_SCRIPT_WORDS if script else _SILENT).search(text):
            remedy = "a linker script of one file" if script else "#include, or the bytes themselves"
            raise BuildError(f"{where}: {name} has {found[0].decode('latin-1').strip()!r}, expected {remedy}: the "
                             "build would read a file that its source capsule does not have")


def account(path: Path) -> list[Path]:
    """The files that the compiler says it has read, from the rule of make that it wrote (-MD).

    Raises :class:`BuildError` when it has not: it does so for a file of #embed that it may not read.
    """
    if not path.is_file():
        raise BuildError(f"{path.stem}: the compiler does not say what it read; does an #embed name a file elsewhere?")
    text = read_bounded(path, 1 << 20, "account of what was read").decode(errors="surrogateescape")
    _, _, names = text.replace("\\\n", " ").partition(".o:")
    return [Path(_ESCAPED.sub(lambda part: part[1] or part[2], name)) for name in _NAME.findall(names)]


def _variants(top: Path) -> tuple[Path, ...]:
    """As it was given, and without links."""
    return tuple({Path(os.path.abspath(top)), top.resolve()})


def _below(path: Path, tops: tuple[Path, ...]) -> str | None:
    return next((path.relative_to(top).as_posix() for top in tops if path.is_relative_to(top)), None)
