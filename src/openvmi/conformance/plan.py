# SPDX-License-Identifier: MIT
"""What there is to run and where: the kit's kernels, whether they leave a call without a test, and the places."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from openvmi import hypervisors, matrix, resources, running
from openvmi.abi import load, names
from openvmi.conformance.outcome import Place
from openvmi.conformance.tests import PREFIX, Kind, Subject, Test, read
from openvmi.errors import UnavailableError, UsageError
from openvmi.hypervisors.base import Hypervisor
from openvmi.rom.load import load_current

EVERYWHERE = "all"
_FILES = "conform-*.elf"


def subjects(folder: Path | None = None) -> tuple[Subject, ...]:
    """The kernels with tests among those built, by name. :class:`UnavailableError` when there are none."""
    folder = folder or resources.built("guests")
    found = tuple(subject for path in sorted(folder.glob(_FILES)) if (subject := read(path)))
    if not found:
        raise UnavailableError(f"no kernels of the conformance kit in {folder}; run: make build")
    return found


def chosen(all_subjects: Iterable[Subject], only: str) -> list[Subject]:
    """The subjects with a test whose id begins so, with or without conform/. :class:`UsageError` when none has."""
    start = only.removeprefix(PREFIX)
    found = [subject for subject in all_subjects if any(selects(start, test) for test in subject.tests)]
    if not found:
        raise UsageError(f"no test's id begins with {PREFIX}{start}; openvmi conform --list shows them")
    return found


def selects(only: str, test: Test) -> bool:
    """Whether a test is one of those whose id begins so, without conform/."""
    return test.id.startswith(PREFIX + only)


def uncovered(tests: Iterable[Test]) -> list[str]:
    """Calls of the interface without a test of some kind, a sentence each."""
    there = {(test.call, test.kind) for test in tests}
    return [f"{names.Group(call >> 8).name.lower()}/{call.name.lower().replace('_', '-')} has no {kind.name} test"
            for call in names.Call for kind in Kind if (call, kind) not in there]


def places(on: str | None, rom: str | None, native: bool = False) -> list[Place]:
    """Where to run what the user asked for; EVERYWHERE is every usable hypervisor with each of its ROMs and without.

    A ROM that is named says which hypervisor it is for. Raises as :func:`openvmi.running.choose` does.
    """
    if on == EVERYWHERE:
        if rom is not None or native:
            raise UsageError(f"--on {EVERYWHERE} takes each hypervisor's ROMs and none; leave --rom and --native away")
        found = [Place(hypervisor.name, _named(hypervisor, place.choice))
                 for hypervisor in hypervisors.ranked() if hypervisor.available().usable
                 for place in matrix.places(hypervisor)]
        if not found:
            raise UnavailableError("no hypervisor is usable here; openvmi doctor says why not, and how to get each")
        return found
    if on is None and rom is not None and (path := running.chosen_rom(rom)):
        on = load_current(path).hypervisor
    return [Place(running.choose(on).name, rom, native)]


def _named(hypervisor: Hypervisor, choice: str | None) -> str | None:
    """A built ROM by its name; None for the hypervisor's default, which may be none."""
    if choice == running.NO_ROM:
        return choice if hypervisor.default_rom else None
    return Path(choice).stem if choice else None


def groups_of(profile: str) -> frozenset[str]:
    """The groups that exist together in a profile: its own and those of every one before it."""
    known = load.interface().profiles
    if profile not in (one.name for one in known):
        raise UsageError(f"there is no profile {profile!r}; known are {', '.join(one.name for one in known)}")
    own = next(one.value for one in known if one.name == profile)
    return frozenset(group for one in known if one.value <= own for group in one.groups)
