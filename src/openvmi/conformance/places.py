# SPDX-License-Identifier: MIT
"""Where to run: what was asked for, or every place there is, each with a report whatever comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from openvmi import hypervisors, matrix, running
from openvmi.conformance.outcome import LeftOut, Place, Report
from openvmi.conformance.run import Runner
from openvmi.conformance.tests import Subject
from openvmi.errors import BadFileError, OpenVmiError, RefusedError, UnavailableError, UsageError
from openvmi.hypervisors.base import Hypervisor, default_rom_path
from openvmi.rom.load import load_current
from openvmi.trust.verdict import admit

EVERYWHERE = "all"
NOWHERE = "unknown"  #: in place of a hypervisor, where a ROM cannot be asked for its own


def named(on: str | None, rom: str | None, native: bool = False) -> Place:
    """The place that the user asked for, anything but EVERYWHERE. A ROM that is named says which hypervisor it is for.

    Raises as :func:`openvmi.running.choose` does.
    """
    if on is None and rom is not None and (path := running.chosen_rom(rom)):
        on = load_current(path).hypervisor
    if on == EVERYWHERE:
        raise UsageError(f"one hypervisor at a time here, and not {EVERYWHERE}; known are "
                         f"{', '.join(hypervisors.names())}")
    return Place(running.choose(on).name, rom, native)


def asked(on: str | None, rom: str | None, native: bool = False) -> tuple[list[Place], list[Report], list[LeftOut]]:
    """The places that the user asked for, reports of those that can be no place, and who is left out.

    :class:`UsageError` for what does not exist.
    """
    if on == EVERYWHERE:
        if rom is not None or native:
            raise UsageError(f"--on {EVERYWHERE} takes each hypervisor's ROMs and none; leave --rom and --native away")
        return everywhere()
    try:
        return [named(on, rom, native)], [], []
    except (BadFileError, RefusedError, UnavailableError) as error:
        place = Place(on or NOWHERE, rom, native)
        return [], [Report(place, Path(rom).stem if rom else running.NO_ROM, (), error=error)], []


def everywhere() -> tuple[list[Place], list[Report], list[LeftOut]]:
    """Every usable hypervisor with each of its ROMs and without; what cannot be one of these places; who is left out.

    A built ROM that cannot be read is a report of its own, since it does not say where it belongs.
    """
    found, left_out = [], []
    unreadable: dict[Path, OpenVmiError] = {}
    for hypervisor in hypervisors.ranked():
        state = hypervisor.available()
        if state.usable:
            found += [Place(hypervisor.name, _named(hypervisor, place.choice))
                      for place in matrix.places(hypervisor, unreadable)]
        else:
            left_out.append(LeftOut(hypervisor.name, f"not usable here: {state.reason} {state.remedy}".strip()))
    defaults = [default_rom_path(hypervisor) for hypervisor in hypervisors.ranked()]  # those are places already
    lost = [Report(Place(NOWHERE, path.stem), path.stem, (), error=error) for path, error in unreadable.items()
            if path not in defaults]
    return found, lost if found else [], left_out


def check(place: Place, subject: Subject) -> None:
    """Whether guests are likely to run there, which nothing is started for. Raises as :func:`openvmi.running.run`."""
    hypervisor = running.choose(place.on)
    rom = running.find_rom(hypervisor, place.rom)
    if rom and rom.hypervisor != hypervisor.name:
        raise RefusedError(f"the ROM {rom.name} is for the hypervisor {rom.hypervisor}, and not for {hypervisor.name}; "
                           "name another of the two")
    admit(rom, running.open_guest(str(subject.path)), "", False, default_rom_path(hypervisor))


def _named(hypervisor: Hypervisor, choice: str | None) -> str | None:
    """A built ROM by its name; None for the hypervisor's default, which may be none."""
    if choice == running.NO_ROM:
        return choice if hypervisor.default_rom else None
    return Path(choice).stem if choice else None


def run(place: Place, subjects: Iterable[Subject], make: Callable[[Place], Runner]) -> Report:
    """The report of a place, with the error where it cannot be brought to its end."""
    runner = make(place)
    try:
        return runner.run(subjects)
    except OpenVmiError as error:
        return runner.report(error)
