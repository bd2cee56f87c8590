# SPDX-License-Identifier: MIT
"""One guest on everything that can run it here: every hypervisor, with each ROM that is meant for it and without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from attrs import evolve, frozen

from openvmi import hypervisors, resources
from openvmi.errors import OpenVmiError
from openvmi.guest.image import GuestImage
from openvmi.hypervisors.base import Availability, Ending, Hypervisor, default_rom_path, host_time_only, needs_rom
from openvmi.rom.image import RomImage
from openvmi.rom.load import load
from openvmi.running import NO_ROM, Request, Run, open_guest, run
from openvmi.status import Status, status_of

#: Bytes of a guest's console that are kept, the last ones.
CONSOLE_KEPT = 4096


@frozen
class Place:
    """Where a guest can run: a hypervisor, and what that offers it."""

    hypervisor: str
    rom: str | None  #: name of the built ROM; None: no ROM is offered
    choice: str | None = NO_ROM  #: as in :class:`Request`

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.hypervisor}, {f'ROM {self.rom}' if self.rom else 'no ROM'}"


@frozen
class Row:
    """What came of one place: exactly one of `run`, `error` and `unusable` is there."""

    place: Place
    run: Run | None = None
    error: OpenVmiError | None = None  #: why a hypervisor that is usable did not run the guest
    unusable: Availability | None = None  #: why the hypervisor cannot be used here
    console: bytes = b""  #: the last CONSOLE_KEPT bytes
    console_size: int = 0  #: bytes written in all

    @property
    def status(self) -> int | None:
        """The exit status of the run, or for why there was none; None for a hypervisor that is not usable."""
        if self.run:
            return self.run.status
        return status_of(self.error) if self.error else None


@frozen
class Matrix:
    """One guest everywhere."""

    guest: GuestImage
    rows: tuple[Row, ...]

    @property
    def tried(self) -> bool:
        """Whether anything is usable here at all."""
        return any(not row.unusable for row in self.rows)

    @property
    def status(self) -> int:
        """0 when every run ended well, else the status of the first that did not; UNAVAILABLE when none was tried."""
        return next((row.status for row in self.rows if row.status), 0) if self.tried else Status.UNAVAILABLE


class Watcher(Protocol):
    """Who wants to know how it goes."""

    def begins(self, place: Place, number: int, count: int) -> None:
        """The guest is about to run there; the place has this number, from 1, of so many."""

    def ended(self, row: Row) -> None:
        """It ran, or could not. Not called for hypervisors that are not usable."""


def run_everywhere(request: Request, watcher: Watcher) -> Matrix:
    """Runs the guest in every place; `on` and `rom` of the request are not looked at, `timeout` is for each run.

    `deterministic` is for those that can; the others run in the host's time.

    Raises as :func:`open_guest` does, :class:`KeyboardInterrupt` when the user stops a run, and :class:`OpenVmiError`
    when the guest's file changes meanwhile: the rows must be about one binary.
    """
    guest = open_guest(request.guest)
    known = [(hypervisor, hypervisor.available()) for hypervisor in hypervisors.ranked()]
    found = [place for hypervisor, state in known if state.usable for place in places(hypervisor)]
    rows = []
    for number, place in enumerate(found, 1):
        watcher.begins(place, number, len(found))
        row = _run(request, place)
        watcher.ended(row)
        if row.run and row.run.outcome.ending is Ending.INTERRUPTED:
            raise KeyboardInterrupt
        if row.run and row.run.guest.sha256 != guest.sha256:
            raise OpenVmiError(f"{guest.path}: it changed between two runs, from SHA-256 {guest.sha256} to "
                               f"{row.run.guest.sha256}; let nothing build it meanwhile, and start again")
        rows.append(row)
    unusable = [Row(Place(hypervisor.name, None), unusable=state) for hypervisor, state in known if not state.usable]
    return Matrix(guest, (*rows, *unusable))


def places(hypervisor: Hypervisor, unreadable: dict[Path, OpenVmiError] | None = None) -> Iterator[Place]:
    """The default first, then the other built ROMs that name this hypervisor, then no ROM.

    Takes note of ROMs that cannot be read; without `unreadable` raises as :func:`load` does.
    """
    default = default_rom_path(hypervisor)
    none = Place(hypervisor.name, None)
    if default:
        yield Place(hypervisor.name, default.stem, None)
    elif not needs_rom(hypervisor):
        yield none
    for path in sorted(resources.built("roms").glob("*.rom")):
        if path == default:
            continue
        try:
            rom = load(path, checked=False)
        except OpenVmiError as error:
            if unreadable is None:
                raise
            unreadable[path] = error
            continue
        if isinstance(rom, RomImage) and rom.hypervisor == hypervisor.name:
            yield Place(hypervisor.name, path.stem, str(path))
    if default and not needs_rom(hypervisor):
        yield none


def _run(request: Request, place: Place) -> Row:
    kept, size = bytearray(), 0

    def keep(data: bytes) -> bool:
        nonlocal size
        size += len(data)
        kept.extend(data)
        del kept[:-CONSOLE_KEPT]
        return True

    deterministic = request.deterministic and not host_time_only(hypervisors.get(place.hypervisor))
    try:
        result = run(evolve(request, on=place.hypervisor, rom=place.choice, deterministic=deterministic), keep)
    except OpenVmiError as error:
        return Row(place, error=error, console=bytes(kept), console_size=size)
    return Row(place, result, console=bytes(kept), console_size=size)
