# SPDX-License-Identifier: MIT
"""What a kernel's folder says in `guest.toml`, and a back-end's in `backend.toml`: what to build from.

    [guest]
    name = "hello"                  # of the built file
    description = "Greets"          # optional
    licence = "MIT"                 # SPDX expression, goes into the LICENCE note
    sources = ["main.c", "user.S"]  # C and preprocessed assembler, in the folder
    includes = ["include"]          # more header folders; optional
    script = "own.lds"              # linker script in the folder; optional, else libvmi's
    libvmi = true                   # false: the kernel brings everything itself; optional
    format = "elf"                  # "bzimage": for i386, by openvmi.guest.bzimage, with its own script and no libvmi
    [guest.defines]                 # preprocessor definitions; optional
    TICKS = 10

A back-end is code for a hypervisor that is compiled into a kernel (struct vmi_backend in vmi/vmi.h). Its table
[backend] has name, licence, sources, includes and defines of the same meaning; they hold for its own sources only.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from openvmi import resources
from openvmi.errors import BuildError

FILE = "guest.toml"
BACKEND_FILE = "backend.toml"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_DEFINE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COMMON: dict[str, type] = {"name": str, "description": str, "licence": str, "sources": list, "includes": list,
                            "defines": dict}
_KEYS = {"guest": _COMMON | {"script": str, "libvmi": bool, "format": str}, "backend": _COMMON}
_REQUIRED = ("name", "licence", "sources")
SOURCE_KINDS = (".c", ".S")
ELF, BZIMAGE = "elf", "bzimage"
FORMATS = (ELF, BZIMAGE)


@frozen
class BackendDefinition:
    """A back-end's folder and what is in it. All paths are absolute and exist."""

    folder: Path
    name: str
    licence: str
    sources: tuple[Path, ...]
    includes: tuple[Path, ...]
    defines: tuple[tuple[str, str], ...]


@frozen
class GuestDefinition:
    """The same of a kernel."""

    folder: Path
    name: str
    licence: str
    sources: tuple[Path, ...]
    includes: tuple[Path, ...]
    defines: tuple[tuple[str, str], ...]
    script: Path | None  #: None: libvmi's
    libvmi: bool
    format: str = ELF  #: one of FORMATS; the extension of the built file
    backend: BackendDefinition | None = None  #: compiled in


def read(folder: Path) -> GuestDefinition:
    """Reads and checks a kernel's definition; :class:`BuildError` names the file and the key that is wrong."""
    path = folder / FILE
    about = _read_table(path, "guest")
    script, libvmi, form = about.get("script"), about.get("libvmi", True), about.get("format", ELF)
    if form not in FORMATS:
        raise BuildError(f"{path}: format is {form!r}, expected one of {', '.join(FORMATS)}")
    if form == BZIMAGE and (libvmi or not script):
        raise BuildError(f"{path}: format is {BZIMAGE}, and libvmi and its linker script are for x86-64; say libvmi = "
                         "false and name a script")
    return GuestDefinition(
        **_common(path, about), script=_inside(path, "script", script) if script else None, libvmi=libvmi, format=form,
    )


def read_backend(folder: Path) -> BackendDefinition:
    """The same for a back-end."""
    path = folder / BACKEND_FILE
    return BackendDefinition(**_common(path, _read_table(path, "backend")))


def with_backend(kernel: GuestDefinition, backend: BackendDefinition) -> GuestDefinition:
    """The kernel with the back-end in it, under the name of both. :class:`BuildError` for one without libvmi."""
    if not kernel.libvmi:
        raise BuildError(f"{kernel.folder / FILE}: libvmi is false, and a back-end needs libvmi; leave --with away")
    return evolve(kernel, name=f"{kernel.name}-{backend.name}", backend=backend)


def _read_table(path: Path, table: str) -> dict[str, Any]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BuildError(f"{path}: {error.strerror}; the folder of a {table} has this file") from error
    except (ValueError, RecursionError) as error:  # also a number of too many digits; too deep
        raise BuildError(f"{path}: not TOML: {error}") from error
    about = data.get(table)
    if set(data) != {table} or not isinstance(about, dict):
        raise BuildError(f"{path}: has {', '.join(data) or 'nothing'}, expected the one table [{table}]")
    _check_keys(path, about, _KEYS[table])
    return about


def _common(path: Path, about: dict[str, Any]) -> dict[str, Any]:
    """What both definitions have, by the names of their fields."""
    return {
        "folder": path.parent.resolve(), "name": about["name"], "licence": about["licence"],
        "sources": tuple(_inside(path, "sources", name) for name in about["sources"]),
        "includes": tuple(_inside(path, "includes", name) for name in about.get("includes", [])),
        "defines": tuple((key, str(value)) for key, value in sorted(about.get("defines", {}).items())),
    }


def _check_keys(path: Path, about: dict[str, Any], keys: dict[str, type]) -> None:
    if unknown := sorted(set(about) - set(keys)):
        raise BuildError(f"{path}: unknown key {unknown[0]!r}; known are {', '.join(keys)}")
    for key, kind in keys.items():
        if key in about and not isinstance(about[key], kind):
            raise BuildError(f"{path}: {key} is {about[key]!r}, expected a {kind.__name__}")
        if key in _REQUIRED and not about.get(key):
            raise BuildError(f"{path}: no {key}; required are {', '.join(_REQUIRED)}")
    if not _NAME.fullmatch(about["name"]):
        raise BuildError(f"{path}: name {about['name']!r}, expected 1 to 32 lower-case letters, digits, - or _")
    if '"' in about["licence"] or "\\" in about["licence"] or not about["licence"].isascii():
        raise BuildError(f"{path}: licence {about['licence']!r} is not an SPDX expression")
    for source in about["sources"]:
        if not isinstance(source, str) or Path(source).suffix not in SOURCE_KINDS:
            raise BuildError(f"{path}: sources has {source!r}, expected files ending in {' or '.join(SOURCE_KINDS)}")
    if bad := [key for key in about.get("defines", {}) if not _DEFINE.fullmatch(key)]:
        raise BuildError(f"{path}: defines has {bad[0]!r}, which is not a C identifier")


def _inside(path: Path, key: str, name: object) -> Path:
    """A file of the definition's own folder, of one beside it that kernels share, or of their source tree."""
    folder = path.parent.resolve()
    top = resources.checkout()
    shared = top if top and folder.is_relative_to(top) else folder.parent
    try:
        target = (folder / name).resolve() if isinstance(name, str) else folder
        there = isinstance(name, str) and target.is_relative_to(shared) and target.exists()
    except (OSError, ValueError, RuntimeError):  # too long; a NUL in it; links in a circle
        there = False
    if not there:
        raise BuildError(f"{path}: {key} has {name!r}, which does not exist in {folder} or beside it; check the name")
    return target
