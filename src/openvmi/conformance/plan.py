# SPDX-License-Identifier: MIT
"""What there is to run: the kit's kernels, and whether they leave a call without a test."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from openvmi import resources
from openvmi.abi import names
from openvmi.conformance.tests import PREFIX, Kind, Subject, Test, read
from openvmi.errors import UnavailableError, UsageError

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
