# SPDX-License-Identifier: MIT
"""What comes of a test, and of all of them in one place."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from pathlib import Path

from attrs import frozen

from openvmi.conformance.tests import Test
from openvmi.errors import OpenVmiError
from openvmi.running import NO_ROM
from openvmi.status import Status, status_of

#: Exit statuses of openvmi conform besides the tool's own: something failed or crashed; not one test ran.
FAILED, NOTHING_RAN = 1, 2
#: How the reason of a SKIP begins when a group is absent. It ends with the group's name.
NO_GROUP = "no group "
#: What Report.rom says where no ROM is used, as people say it.
_LEFT = {"none": "no ROM", "off": "native"}


class Outcome(Enum):
    """What came of one test."""

    SUCCESS = "SUCCESS"
    SKIP = "SKIP"  #: a group that it needs is absent, or something else that it is about; the reason names it
    XFAIL = "XFAIL"  #: it failed, as is known; the reason is of expected.toml
    FAILURE = "FAILURE"  #: a promise is not kept
    CRASH = "CRASH"  #: the machine ended during it, or did not answer any more

    @property
    def bad(self) -> bool:
        """Whether it makes the run fail."""
        return self in (Outcome.FAILURE, Outcome.CRASH)


@frozen
class Result:
    """One test's."""

    test: Test
    outcome: Outcome
    reason: str = ""  #: one line; of anything but SUCCESS
    details: tuple[str, ...] = ()  #: what the guest said of it, line by line
    began: bool = True  #: False: the guest never came to it, and that is the failure or crash

    @property
    def ran(self) -> bool:
        """Whether the test was done."""
        return self.began and self.outcome is not Outcome.SKIP


@frozen
class Place:
    """Where the tests run: `rom` as in :class:`openvmi.running.Request`."""

    on: str
    rom: str | None = None
    native: bool = False  #: vmi=off

    @property
    def name(self) -> str:
        """For people."""
        rom = "no ROM" if self.rom == NO_ROM else Path(self.rom).stem if self.rom else ""
        return " ".join(word for word in (self.on, rom, "native" if self.native else "") if word)


@frozen
class LeftOut:
    """A hypervisor that nothing was asked of, since it cannot be used here."""

    on: str
    reason: str  #: why, and what to do about it: one line


@frozen
class Report:
    """Every test's in one place; with `error`, of those that there are results of."""

    place: Place
    rom: str  #: name of the ROM that the guest was linked to; none; off for one that was left unused
    results: tuple[Result, ...]
    seconds: float = 0.0
    boots: int = 0
    error: OpenVmiError | None = None  #: why the guest could not be run, or not to the last test

    def count(self, outcome: Outcome) -> int:
        """How many tests came to that."""
        return sum(result.outcome is outcome for result in self.results)

    @property
    def where(self) -> str:
        """Hypervisor and ROM as they were, however they were asked for: what expected.toml means by a place."""
        return f"{self.place.on} {_LEFT.get(self.rom, self.rom)}"

    @property
    def ran(self) -> int:
        """How many tests ran."""
        return sum(result.ran for result in self.results)

    @property
    def never_began(self) -> int:
        """How many failures and crashes are of tests that the guest never came to."""
        return sum(not result.began for result in self.results)

    @property
    def status(self) -> int:
        """The exit status for it."""
        if any(result.outcome.bad for result in self.results):
            return FAILED
        if self.error:
            return status_of(self.error)
        return 0 if self.ran else NOTHING_RAN

    def summary(self) -> str:
        """The line for machines."""
        numbers = " ".join(f"{outcome.value.lower()}={self.count(outcome)}" for outcome in Outcome)
        error = f" error={status_of(self.error)}" if self.error else ""
        return (f"conform: ran={self.ran} {numbers} never_began={self.never_began} on={self.place.on} rom={self.rom} "
                f"seconds={self.seconds:.1f}{error}")


def status(reports: Iterable[Report]) -> int:
    """The exit status for all places: FAILED if a test failed anywhere, else the highest."""
    return max((report.status for report in reports), key=lambda one: (one == FAILED, one), default=Status.UNAVAILABLE)
