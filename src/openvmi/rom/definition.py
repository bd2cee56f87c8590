# SPDX-License-Identifier: MIT
"""What a ROM's `rom.toml` says."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from attrs import frozen

from openvmi.abi import model
from openvmi.abi.load import CLASSIC, CURRENT, interface
from openvmi.abi.names import STACK_LIMIT, VCPU_BLOCK_SIZE, VCPU_ROM_OFFSET
from openvmi.errors import BuildError
from openvmi.rom import licence, toml
from openvmi.rom.lint import declarations
from openvmi.rom.toml import Table

_SOURCES = (".S", ".c")


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
    carries_vectors: bool  #: its text saves and loads vector and floating-point registers, all of them at once
    claims: tuple[Claim, ...]
    lint: list[Any]  #: what the linter cannot prove, as `openvmi.rom.lint.declarations` reads it
    shim: Shim | None  #: None: the hypervisor needs none


def read(folder: Path) -> RomDefinition:
    """Reads and checks `rom.toml`. Raises :class:`BuildError` with the first thing that is wrong."""
    top = toml.read(folder)
    where = top.where
    rom = top.table("rom")
    groups = top.take("groups", dict)
    shim = top.table("shim") if "shim" in top else None
    lint = top.take("lint", list, [])
    top.done()
    if (version := rom.text("interface", CURRENT)) != CURRENT:
        raise BuildError(f"{rom.where}: interface = {version!r}, expected {CURRENT!r}, or {CLASSIC!r} for the classic "
                         "one")
    result = RomDefinition(
        folder=folder, name=rom.text("name"), version=rom.version(),
        hypervisor=rom.text("hypervisor"), description=rom.text("description"),
        licence=licence.parse(rom.take("licence", str, ""), rom.where),
        sources=rom.sources(folder, *_SOURCES), profile=_profile(rom),
        stack=rom.number("stack", 0, STACK_LIMIT),
        vcpu_size=rom.number("vcpu_size", 0, VCPU_BLOCK_SIZE - VCPU_ROM_OFFSET),
        carries_vectors=rom.take("carries_vectors", bool, False),
        claims=tuple(sorted((_claim(where, *item) for item in groups.items()), key=lambda claim: claim.group.id)),
        lint=lint, shim=Shim(shim.sources(folder, *_SOURCES), shim.script(folder)) if shim else None,
    )
    rom.done()
    if wrong := declarations.read(lint).wrong:
        raise BuildError(f"{where}: [[lint]], {wrong[0]}")
    if shim:
        shim.done()
    claimed = {claim.group.name for claim in result.claims}
    if missing := [group for group in interface().profile_groups(result.profile.name) if group not in claimed]:
        raise BuildError(f"{where}: profile {result.profile.name} needs the groups {', '.join(missing)} too; "
                         "implement them or name a smaller profile")
    return result


def _profile(rom: Table) -> model.Profile:
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
    table = Table(f"{where}: [groups] {name}", values)
    group = groups[name]
    claim = Claim(group, table.number("revision", group.revision, group.revision), table.take("may_be_native", bool))
    table.done()
    if claim.may_be_native and not group.may_be_native:
        raise BuildError(f"{table.where}: may_be_native = true, but the interface never leaves this group native")
    return claim
