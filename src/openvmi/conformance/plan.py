# SPDX-License-Identifier: MIT
"""What there is to run: the kit's kernels, which tests of them, and whether they leave a call without a test."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from openvmi import resources
from openvmi.abi import load, names
from openvmi.conformance.tests import PREFIX, Kind, Selects, Subject, Test, read
from openvmi.errors import UnavailableError, UsageError

_FILES = "conform-*.elf"


def subjects(folder: Path | None = None) -> tuple[Subject, ...]:
    """The kernels with tests among those built, by name. :class:`UnavailableError` when there are none."""
    folder = folder or resources.built("guests")
    found = tuple(subject for path in sorted(folder.glob(_FILES)) if (subject := read(path)))
    if not found:
        raise UnavailableError(f"no kernels of the conformance kit in {folder}; run: make build")
    return found


def selecting(only: str, groups: frozenset[str] | None = None) -> Selects:
    """Selects tests whose id begins so, with or without conform/, and that need nothing but these groups."""
    start = PREFIX + only.removeprefix(PREFIX)
    return lambda test: test.id.startswith(start) and (groups is None or groups.issuperset(test.needs))


def chosen(all_subjects: Iterable[Subject], only: str, groups: frozenset[str] | None = None) -> list[Subject]:
    """The subjects with a test that :func:`selecting` selects. :class:`UsageError` when none has."""
    all_subjects = tuple(all_subjects)
    selects = selecting(only, groups)
    if found := [subject for subject in all_subjects if any(map(selects, subject.tests))]:
        return found
    if groups is not None:
        chosen(all_subjects, only)
        raise UsageError(f"each test whose id begins with {PREFIX}{only.removeprefix(PREFIX)} needs a group that the "
                         "profile has not; name another profile, or leave it away")
    raise UsageError(f"no test's id begins with {PREFIX}{only.removeprefix(PREFIX)}; openvmi conform --list shows them")


def uncovered(tests: Iterable[Test], only: str = "") -> list[str]:
    """Calls whose tests' ids begin so, without a test of some kind, a sentence each. :class:`UsageError`: no call."""
    start = only.removeprefix(PREFIX)
    calls = {call: f"{names.Group(call >> 8).name.lower()}/{call.name.lower().replace('_', '-')}"
             for call in names.Call}
    asked = {call: name for call, name in calls.items() if f"{name}~".startswith(start)}
    if not asked:
        raise UsageError(f"no call's tests are {PREFIX}{start}; --check is about calls, such as mmu/pte-set")
    there = {(test.call, test.kind) for test in tests}
    return [f"{name} has no {kind.name} test" for call, name in asked.items() for kind in Kind
            if (call, kind) not in there]


def groups_of(profile: str) -> frozenset[str]:
    """The groups that exist together in a profile: its own and those of every one before it."""
    known = load.interface().profiles
    if profile not in (one.name for one in known):
        raise UsageError(f"there is no profile {profile!r}; known are {', '.join(one.name for one in known)}")
    own = next(one.value for one in known if one.name == profile)
    return frozenset(group for one in known if one.value <= own for group in one.groups)
