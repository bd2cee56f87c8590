# SPDX-License-Identifier: MIT
"""Judges what came of the tests: failures that are known, and groups that must be there."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from attrs import evolve, frozen

from openvmi.conformance.outcome import NO_GROUP, Outcome, Report, Result
from openvmi.errors import BadFileError

FILE = Path(__file__).with_name("expected.toml")


@frozen
class Expected:
    """A failure that is known. `place` (of :attr:`Report.where`) and `test` are patterns as of file names."""

    place: str
    test: str
    reason: str

    def fits(self, place: str, test: str) -> bool:
        """Whether it is about this test there."""
        return fnmatchcase(place, self.place) and fnmatchcase(test, self.test)


def load(path: Path = FILE) -> tuple[Expected, ...]:
    """The known failures. :class:`BadFileError` names the entry that is wrong."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("expected", [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise ValueError("expected is no list of tables")
    except (OSError, ValueError, RecursionError) as error:  # also a number of too many digits; too deep
        raise BadFileError(f"{path}: cannot read the known failures: {error}; correct the file") from error
    for number, entry in enumerate(entries, 1):
        if set(entry) != {"place", "test", "reason"} or not all(
                isinstance(value, str) and value for value in entry.values()):
            raise BadFileError(f"{path}: entry {number} has {', '.join(entry)}; expected texts for place, test "
                               "and reason")
    return tuple(Expected(**entry) for entry in entries)


def judge(report: Report, known: Iterable[Expected], groups: frozenset[str] | None = None) -> Report:
    """The report with known failures as XFAIL, and a known failure that passes as a FAILURE.

    With `groups`, those of a profile that is claimed, a test that was skipped for one that is absent has failed.
    """
    known = tuple(known)
    return evolve(report, results=tuple(_judge(result, report.where, known, groups) for result in report.results))


def _judge(result: Result, place: str, known: tuple[Expected, ...], groups: frozenset[str] | None) -> Result:
    if groups is not None and result.outcome is Outcome.SKIP and result.reason.startswith(NO_GROUP):
        return evolve(result, outcome=Outcome.FAILURE, reason=f"{result.reason}, which the profile has")
    entry = next((one for one in known if one.fits(place, result.test.id)), None)
    if entry and result.outcome.bad:
        return evolve(result, outcome=Outcome.XFAIL, reason=entry.reason)
    if entry and result.outcome is Outcome.SUCCESS:
        return evolve(result, outcome=Outcome.FAILURE,
                      reason=f"passes, and {FILE.name} says that it fails ({entry.reason}): take it out there")
    return result
