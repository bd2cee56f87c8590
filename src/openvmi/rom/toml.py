# SPDX-License-Identifier: MIT
"""Reading a ROM's `rom.toml`: what the definitions of both generations of the interface have in common."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from openvmi import resources
from openvmi.errors import BuildError, UsageError
from openvmi.files import read_bounded
from openvmi.rom.about import printable

FILE = "rom.toml"
_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})")


def find(name_or_folder: str) -> Path:
    """The folder of a ROM: `roms/NAME` of the checkout, or one that is given. :class:`UsageError` for neither."""
    top = resources.checkout()
    places = [Path(name_or_folder), *([top / "roms" / name_or_folder] if top else [])]
    for place in reversed(places) if "/" not in name_or_folder else places:
        if (place / FILE).is_file():
            return place
    known = sorted(path.parent.name for path in (top / "roms").glob(f"*/{FILE}")) if top else []
    raise UsageError(f"{name_or_folder}: no ROM of this name and no folder with a {FILE}; "
                     f"known are {', '.join(known) or 'none: this is not a checkout'}")


class Table:
    """One table of the file, read key by key; what nobody asked for is an error."""

    def __init__(self, where: str, values: dict[str, Any]) -> None:
        self.where, self._values = where, dict(values)

    def take(self, key: str, kind: type, default: Any = None) -> Any:
        """A value of this type. :class:`BuildError` for any other, and for none without a default."""
        value = self._values.pop(key, default)
        if value is None:
            raise BuildError(f"{self.where}: {key} is missing; add it ({kind.__name__})")
        if type(value) is not kind:
            raise BuildError(f"{self.where}: {key} = {value!r}, expected {kind.__name__}")
        return value

    def table(self, key: str, name: str | None = None) -> Table:
        """A table in this one; `name` as messages shall have it."""
        where = self.where.partition(": [")[0]
        return Table(f"{where}: [{name or key}]", self.take(key, dict))

    def text(self, key: str, default: str | None = None) -> str:
        """A text that a terminal shows as it is."""
        value = self.take(key, str, default)
        if not printable(value):
            raise BuildError(f"{self.where}: {key} = {value!r}, expected a short text of printable ASCII characters")
        return value

    def number(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A number from `low` to `high`."""
        value = self.take(key, int, default)
        if not low <= value <= high:
            raise BuildError(f"{self.where}: {key} = {value}, expected {low} to {high}")
        return value

    def version(self, key: str = "version") -> tuple[int, int]:
        """A version of the ROM, (major, minor)."""
        found = _VERSION.fullmatch(self.text(key))
        if not found or max(map(int, found.groups())) > 255:
            raise BuildError(f"{self.where}: {key}, expected MAJOR.MINOR with numbers up to 255, as \"1.0\"")
        return int(found[1]), int(found[2])

    def sources(self, folder: Path, *kinds: str, there: bool = True) -> tuple[PurePosixPath, ...]:
        """The files named under `sources`, relative to the folder that they are in, or would be unless `there`."""
        names = self.take("sources", list)
        if not names:
            raise BuildError(f"{self.where}: sources is empty; name at least one {' or '.join(kinds)} file")
        sources = tuple(self._inside("source", name, folder, *kinds, there=there) for name in names)
        if len(set(sources)) < len(sources):
            raise BuildError(f"{self.where}: a source is named twice; name each once")
        return sources

    def script(self, folder: Path) -> PurePosixPath:
        """The linker script, relative to the folder that it is in."""
        return self._inside("script", self.text("script"), folder, ".lds")

    def _inside(self, what: str, name: object, folder: Path, *kinds: str, there: bool = True) -> PurePosixPath:
        path = PurePosixPath(name) if isinstance(name, str) else PurePosixPath("")
        if path.suffix not in kinds or path.is_absolute() or ".." in path.parts:
            raise BuildError(f"{self.where}: {what} {name!r}, expected a {' or '.join(kinds)} file inside the ROM's "
                             "folder")
        if there and not (folder / path).is_file():
            raise BuildError(f"{self.where}: {what} {name} does not exist in {folder}; add it or remove the entry")
        return path

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._values))

    def done(self) -> None:
        """Raises :class:`BuildError` for what is left."""
        if self._values:
            raise BuildError(f"{self.where}: unknown {', '.join(sorted(self._values))}; "
                             "remove it, or check its spelling against another ROM's file")


def interface(folder: Path) -> str:
    """The version of the interface that a ROM's definition names; empty without one, for the current version."""
    return str(read(folder).table("rom").take("interface", str, ""))


def read(folder: Path) -> Table:
    """The whole file of a ROM's folder. Raises :class:`BuildError` when it is not TOML."""
    path = folder / FILE
    try:
        return Table(str(path), tomllib.loads(read_bounded(path, 64 << 10, "ROM definition").decode()))
    except (ValueError, RecursionError) as error:  # also a number of too many digits; too deep
        raise BuildError(f"{path}: not TOML: {error}") from error
