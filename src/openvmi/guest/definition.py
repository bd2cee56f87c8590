# SPDX-License-Identifier: MIT
"""What `guest.toml` in a kernel's folder says: what to build the guest from.

    [guest]
    name = "hello"                  # of the built file
    description = "Greets"          # optional
    licence = "MIT"                 # SPDX expression, goes into the LICENCE note
    sources = ["main.c", "user.S"]  # C and preprocessed assembler, in the folder
    includes = ["include"]          # more header folders; optional
    script = "own.lds"              # linker script in the folder; optional, else libvmi's
    libvmi = true                   # false: the kernel brings everything itself; optional
    [guest.defines]                 # preprocessor definitions; optional
    TICKS = 10
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from attrs import frozen

from openvmi.errors import BuildError

FILE = "guest.toml"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_DEFINE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEYS = {"name": str, "description": str, "licence": str, "sources": list, "includes": list, "script": str,
         "libvmi": bool, "defines": dict}
_REQUIRED = ("name", "licence", "sources")
SOURCE_KINDS = (".c", ".S")


@frozen
class GuestDefinition:
    """A kernel's folder and what is in it. All paths are absolute and exist."""

    folder: Path
    name: str
    licence: str
    sources: tuple[Path, ...]
    includes: tuple[Path, ...]
    script: Path | None  #: None: libvmi's
    libvmi: bool
    defines: tuple[tuple[str, str], ...]


def read(folder: Path) -> GuestDefinition:
    """Reads and checks a kernel's definition; :class:`BuildError` names the file and the key that is wrong."""
    path = folder / FILE
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BuildError(f"{path}: {error.strerror}; a kernel's folder has this file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BuildError(f"{path}: not TOML: {error}") from error
    about = data.get("guest")
    if set(data) != {"guest"} or not isinstance(about, dict):
        raise BuildError(f"{path}: has {', '.join(data) or 'nothing'}, expected the one table [guest]")
    _check_keys(path, about)
    defines = about.get("defines", {})
    if bad := [key for key in defines if not _DEFINE.fullmatch(key)]:
        raise BuildError(f"{path}: defines has {bad[0]!r}, which is not a C identifier")
    script = about.get("script")
    return GuestDefinition(
        folder=folder.resolve(), name=about["name"], licence=about["licence"],
        sources=tuple(_inside(path, "sources", name) for name in about["sources"]),
        includes=tuple(_inside(path, "includes", name) for name in about.get("includes", [])),
        script=_inside(path, "script", script) if script else None,
        libvmi=about.get("libvmi", True),
        defines=tuple((key, str(value)) for key, value in sorted(defines.items())),
    )


def _check_keys(path: Path, about: dict[str, Any]) -> None:
    if unknown := sorted(set(about) - set(_KEYS)):
        raise BuildError(f"{path}: unknown key {unknown[0]!r}; known are {', '.join(_KEYS)}")
    for key, kind in _KEYS.items():
        if key in about and not isinstance(about[key], kind):
            raise BuildError(f"{path}: {key} is {about[key]!r}, expected a {kind.__name__}")
        if key in _REQUIRED and not about.get(key):
            raise BuildError(f"{path}: no {key}; a guest has {', '.join(_REQUIRED)}")
    if not _NAME.fullmatch(about["name"]):
        raise BuildError(f"{path}: name {about['name']!r}, expected 1 to 32 lower-case letters, digits, - or _")
    if '"' in about["licence"] or "\\" in about["licence"] or not about["licence"].isascii():
        raise BuildError(f"{path}: licence {about['licence']!r} is not an SPDX expression")
    for source in about["sources"]:
        if not isinstance(source, str) or Path(source).suffix not in SOURCE_KINDS:
            raise BuildError(f"{path}: sources has {source!r}, expected files ending in {' or '.join(SOURCE_KINDS)}")


def _inside(path: Path, key: str, name: object) -> Path:
    """A file of the kernel's own folder, or of one beside it that kernels share."""
    folder = path.parent.resolve()
    target = (folder / name).resolve() if isinstance(name, str) else folder
    if not isinstance(name, str) or not target.is_relative_to(folder.parent) or not target.exists():
        raise BuildError(f"{path}: {key} has {name!r}, which does not exist in {folder} or beside it; check the name")
    return target
