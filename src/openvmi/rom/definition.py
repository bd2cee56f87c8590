# SPDX-License-Identifier: MIT
"""What a ROM's `rom.toml` says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path, PurePosixPath
from typing import Any

from attrs import frozen

from openvmi import resources
from openvmi.abi import model
from openvmi.abi.load import interface
from openvmi.abi.names import STACK_LIMIT, VCPU_BLOCK_SIZE, VCPU_ROM_OFFSET
from openvmi.errors import BuildError, UsageError
from openvmi.files import read_bounded
from openvmi.rom import licence
from openvmi.rom.about import printable

FILE = "rom.toml"
_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})")


@frozen
class Claim:
    """A group that the ROM says it implements. `may_be_native`: the hypervisor also runs guests that do not use it."""

    group: model.Group
    revision: int
    may_be_native: bool


@frozen
class Shim:
    """A kernel that the hypervisor starts by its own protocol, and that enters the guest. Paths as in the ROM's."""

    sources: tuple[PurePosixPath, ...]
    script: PurePosixPath


@frozen
class RomDefinition:
    """A checked `rom.toml`. `sources` are relative to `folder`; `stack` and `vcpu_size` in bytes."""

    folder: Path
    name: str
    version: tuple[int, int]
    hypervisor: str
    description: str
    licence: licence.Licence
    sources: tuple[PurePosixPath, ...]
    profile: model.Profile
    stack: int
    vcpu_size: int
    claims: tuple[Claim, ...]
    shim: Shim | None  #: None: the hypervisor needs none


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


class _Table:
    """One table of the file, read key by key; what nobody asked for is an error."""

    def __init__(self, where: str, values: dict[str, Any]) -> None:
        self.where, self._values = where, dict(values)

    def take(self, key: str, kind: type, default: Any = None) -> Any:
        value = self._values.pop(key, default)
        if value is None:
            raise BuildError(f"{self.where}: {key} is missing; add it ({kind.__name__})")
        if type(value) is not kind:
            raise BuildError(f"{self.where}: {key} = {value!r}, expected {kind.__name__}")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        value = self.take(key, str, default)
        if not printable(value):
            raise BuildError(f"{self.where}: {key} = {value!r}, expected a short text of printable ASCII characters")
        return value

    def number(self, key: str, low: int, high: int, default: int | None = None) -> int:
        value = self.take(key, int, default)
        if not low <= value <= high:
            raise BuildError(f"{self.where}: {key} = {value}, expected {low} to {high}")
        return value

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def done(self) -> None:
        if self._values:
            raise BuildError(f"{self.where}: unknown {', '.join(sorted(self._values))}; "
                             "remove it, or check its spelling against another ROM's file")


def read(folder: Path) -> RomDefinition:
    """Reads and checks `rom.toml`. Raises :class:`BuildError` with the first thing that is wrong."""
    path = folder / FILE
    where = str(path)
    try:
        top = _Table(where, tomllib.loads(read_bounded(path, 64 << 10, "ROM definition").decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BuildError(f"{where}: not TOML: {error}") from error
    rom = _Table(f"{where}: [rom]", top.take("rom", dict))
    groups = top.take("groups", dict)
    shim = _Table(f"{where}: [shim]", top.take("shim", dict)) if "shim" in top else None
    top.done()
    name = rom.text("name")
    version = _VERSION.fullmatch(rom.text("version"))
    if not version or max(map(int, version.groups())) > 255:
        raise BuildError(f"{rom.where}: version, expected MAJOR.MINOR with numbers up to 255, as \"1.0\"")
    result = RomDefinition(
        folder=folder, name=name, version=(int(version[1]), int(version[2])),
        hypervisor=rom.text("hypervisor"), description=rom.text("description"),
        licence=licence.parse(rom.take("licence", str, ""), rom.where),
        sources=_sources(rom, folder), profile=_profile(rom),
        stack=rom.number("stack", 0, STACK_LIMIT),
        vcpu_size=rom.number("vcpu_size", 0, VCPU_BLOCK_SIZE - VCPU_ROM_OFFSET),
        claims=tuple(sorted((_claim(where, *item) for item in groups.items()), key=lambda claim: claim.group.id)),
        shim=_shim(shim, folder) if shim else None,
    )
    rom.done()
    if shim:
        shim.done()
    claimed = {claim.group.name for claim in result.claims}
    if missing := [group for group in interface().profile_groups(result.profile.name) if group not in claimed]:
        raise BuildError(f"{where}: profile {result.profile.name} needs the groups {', '.join(missing)} too; "
                         "implement them or name a smaller profile")
    return result


def _shim(table: _Table, folder: Path) -> Shim:
    return Shim(_sources(table, folder), _inside(table.where, "script", table.text("script"), folder, ".lds"))


def _sources(table: _Table, folder: Path) -> tuple[PurePosixPath, ...]:
    names = table.take("sources", list)
    if not names:
        raise BuildError(f"{table.where}: sources is empty; name at least one .S or .c file")
    sources = tuple(_inside(table.where, "source", name, folder, ".S", ".c") for name in names)
    if len(set(sources)) < len(sources):
        raise BuildError(f"{table.where}: a source is named twice; name each once")
    return sources


def _inside(where: str, what: str, name: object, folder: Path, *kinds: str) -> PurePosixPath:
    path = PurePosixPath(name) if isinstance(name, str) else PurePosixPath("")
    if path.suffix not in kinds or path.is_absolute() or ".." in path.parts:
        raise BuildError(f"{where}: {what} {name!r}, expected a {' or '.join(kinds)} file inside the ROM's folder")
    if not (folder / path).is_file():
        raise BuildError(f"{where}: {what} {name} does not exist in {folder}; add it or remove the entry")
    return path


def _profile(rom: _Table) -> model.Profile:
    name = rom.text("profile")
    profiles = {profile.name: profile for profile in interface().profiles}
    if name not in profiles:
        raise BuildError(f"{rom.where}: profile {name!r}, expected one of {', '.join(profiles)}")
    return profiles[name]


def _claim(where: str, name: str, values: Any) -> Claim:
    groups = {group.name: group for group in interface().groups}
    if name not in groups:
        raise BuildError(f"{where}: [groups] {name}, expected one of {', '.join(groups)}")
    if not isinstance(values, dict):
        raise BuildError(f"{where}: [groups] {name}, expected {{ revision = 1, may_be_native = true }}")
    table = _Table(f"{where}: [groups] {name}", values)
    group = groups[name]
    claim = Claim(group, table.number("revision", 1, group.revision), table.take("may_be_native", bool))
    table.done()
    if claim.may_be_native and not group.may_be_native:
        raise BuildError(f"{table.where}: may_be_native = true, but the interface never leaves this group native")
    return claim
