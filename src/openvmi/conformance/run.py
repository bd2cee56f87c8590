# SPDX-License-Identifier: MIT
"""Runs the kit's kernels in one place, boot after boot until each test has come to something."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import Protocol

from attrs import define, field

from openvmi import hypervisors, running
from openvmi.conformance.outcome import Outcome, Place, Report, Result
from openvmi.conformance.protocol import Reader, Said
from openvmi.conformance.tests import PREFIX, Selects, Subject, Test, every
from openvmi.errors import OpenVmiError, RefusedError
from openvmi.hypervisors.base import Ending, host_time_only
from openvmi.hypervisors.base import Outcome as MachineOutcome

INPUT_LINE = b"a line of input\n"  # INPUT_LINE in conform.h
#: Boots in a row with nothing but a crash, after which the rest of a subject is given up.
_VAIN = 3


class Watcher(Protocol):
    """Who wants to know how it goes."""

    def begins(self, place: Place, test: Test, done: int, count: int) -> None:
        """A test begins; so many of the place's are over."""

    def ended(self, result: Result) -> None:
        """What came of one, known exceptions not yet considered."""


class Quiet:
    """A watcher that says nothing."""

    def begins(self, place: Place, test: Test, done: int, count: int) -> None:
        """Nothing."""

    def ended(self, result: Result) -> None:
        """Nothing."""


@define
class Runner:
    """Runs subjects in one place."""

    place: Place
    watcher: Watcher = field(factory=Quiet)
    selects: Selects = every  #: which of their tests are wanted
    timeout: float = 60.0  #: seconds for each boot
    deterministic: bool = True  #: where the hypervisor can
    ends_with: Callable[[str], bool] | None = None  #: ids of the tests with whose failure or crash the run is over
    rom_name: str = "none"
    boots: int = 0
    _began: float = field(default=0.0, init=False)
    _only: str = field(default="", init=False)
    _count: int = field(default=0, init=False)
    _done: int = field(default=0, init=False)
    _vain: int = field(default=0, init=False)
    _results: list[Result] = field(factory=list, init=False)

    def run(self, subjects: Iterable[Subject]) -> Report:
        """Every selected test's result. Raises as :func:`openvmi.running.run` does when no guest can be run."""
        self._began = time.monotonic()
        subjects = tuple(subjects)
        self._count = sum(self.selects(test) for subject in subjects for test in subject.tests)
        for subject in subjects:
            if not self._over:
                self._run_subject(subject)
        return self.report()

    def report(self, error: OpenVmiError | None = None) -> Report:
        """What there is so far; with the error that :meth:`run` has raised, if it has."""
        seconds = time.monotonic() - self._began
        if error and not self._results:  # no guest has said which it was
            asked = self.place.rom or hypervisors.get(self.place.on).default_rom
            self.rom_name = Path(asked).stem if asked else running.NO_ROM
        return Report(self.place, self.rom_name, tuple(self._results), seconds, self.boots, error)

    @property
    def _over(self) -> bool:
        return any(result.outcome.bad and self._is_end(result.test.id) for result in self._results)

    def _is_end(self, name: str) -> bool:
        return self.ends_with is not None and self.ends_with(name)

    def _run_subject(self, subject: Subject) -> None:
        """Boots until each wanted test has a result; what else the guest does on the way is not looked at."""
        self._vain = 0
        self._only = _common([test for test in subject.tests if self.selects(test)], subject)
        tests = [test for test in subject.tests if test.id.startswith(PREFIX + self._only)]
        while tests := list(dropwhile(lambda test: not self.selects(test), tests)):
            if self._vain == _VAIN:
                for test in tests:
                    self._ended(Result(test, Outcome.CRASH, f"given up: {_VAIN} boots in a row only crashed",
                                       began=False))
                return
            before = len(self._results)
            tests = self._settle(*self._boot(subject, tests), tests)
            crashed = all(result.outcome is Outcome.CRASH for result in self._results[before:])
            self._vain = self._vain + 1 if crashed else 0

    def _boot(self, subject: Subject, tests: list[Test]) -> tuple[Reader, MachineOutcome]:
        known = {test.id: test for test in tests}
        behind = {test.id for test in _behind(tests, self.selects)}
        reader = Reader(lambda name: self._begun(known, name))

        def keep(data: bytes) -> bool:
            reader.feed(data)
            if reader.said and reader.said[-1].id in behind:
                return False
            return not any(said.outcome is Outcome.FAILURE and self._is_end(said.id) for said in reader.said)

        deterministic = self.deterministic and not host_time_only(hypervisors.get(self.place.on))
        words = ["vmi=off"] * self.place.native + [f"conform.from={tests[0].index}"]
        words += [f"conform.only={self._only}"] * bool(self._only)
        request = running.Request(
            str(subject.path), on=self.place.on, rom=self.place.rom, options=" ".join(words), timeout=self.timeout,
            deterministic=deterministic, input=INPUT_LINE * sum(test.input for test in tests))
        self.boots += 1
        done = running.run(request, keep)
        self.rom_name = "none" if not done.rom else "off" if self.place.native else done.rom.name
        if done.outcome.ending is Ending.INTERRUPTED and not done.reader_left:
            raise KeyboardInterrupt
        if done.outcome.ending is Ending.REFUSED and not reader.said:
            raise RefusedError(f"{subject.path}: {done.outcome.message or 'the guest refused to run'}; "
                               f"it said: {' / '.join(reader.last[-2:])}")
        return reader, done.outcome

    def _begun(self, known: dict[str, Test], name: str) -> None:
        if (test := known.get(name)) and self.selects(test):
            self.watcher.begins(self.place, test, self._done, self._count)

    def _settle(self, reader: Reader, ending: MachineOutcome, tests: list[Test]) -> list[Test]:
        """Takes the results of one boot; the tests that are left for the next."""
        for said in reader.said:
            if not tests or said.id != tests[0].id:
                self._ended(Result(tests[0] if tests else self._results[-1].test, Outcome.FAILURE,
                                   f"the console protocol is broken: {said.id} out of turn", began=False))
                return tests[1:]
            self._ended(self._result(tests[0], said, ending))
            tests = tests[1:]
        if self._over:
            return []
        finished = reader.count is not None and (ending.ending, ending.code) == (Ending.EXIT, 0)
        if reader.open:
            return tests
        if finished:
            for test in tests:
                self._ended(Result(test, Outcome.FAILURE, "the guest came to its end without running it", began=False))
            return []
        if not any(map(self.selects, tests)):
            last = self._results[-1]
            if reader.said[-1].id == last.test.id:  # nothing but the end of the run is left to blame it on
                self._results[-1] = Result(last.test, Outcome.CRASH, f"after it: {_told(ending)}", tuple(reader.last))
            return []
        self._ended(Result(tests[0], Outcome.CRASH, f"before it began: {_told(ending)}", tuple(reader.last),
                           began=False))
        return tests[1:]

    def _result(self, test: Test, said: Said, ending: MachineOutcome) -> Result:
        details = tuple(said.details)
        if said.outcome is Outcome.SKIP:
            return Result(test, Outcome.SKIP, said.reason)
        if said.outcome is Outcome.FAILURE:
            return Result(test, Outcome.FAILURE, details[0] if details else "it failed without a word", details)
        if said.outcome:
            return Result(test, Outcome.SUCCESS)
        if test.may_end and ending.ending is Ending.CRASH and not details:
            return Result(test, Outcome.SUCCESS)
        if test.ends is None:
            return Result(test, Outcome.CRASH, _told(ending), details)
        if (ending.ending, ending.code) == (test.ends, test.code):
            return Result(test, Outcome.SUCCESS)
        expected = f"{test.ends.value} {test.code}" if test.ends is Ending.EXIT else test.ends.value
        outcome = Outcome.CRASH if ending.ending in (Ending.CRASH, Ending.TIMEOUT) else Outcome.FAILURE
        return Result(test, outcome, f"expected the ending {expected}; {_told(ending)}", details)

    def _ended(self, result: Result) -> None:
        if not self.selects(result.test):
            return
        self._results.append(result)
        self._done += 1
        self.watcher.ended(result)


def _common(wanted: list[Test], subject: Subject) -> str:
    """How the ids of all these begin, without conform/; nothing when they are all of the subject's."""
    if len(wanted) == len(subject.tests):
        return ""
    ids = [test.id.removeprefix(PREFIX) for test in wanted]
    same = takewhile(lambda pair: pair[0] == pair[1], zip(min(ids), max(ids), strict=False))
    return "".join(one for one, _ in same)


def _behind(tests: list[Test], selects: Selects) -> list[Test]:
    """What comes behind the last that is wanted."""
    last = max(place for place, test in enumerate(tests) if selects(test))
    return tests[last + 1:]


def _told(ending: MachineOutcome) -> str:
    what = f"{ending.ending.value} {ending.code}" if ending.ending is Ending.EXIT else ending.ending.value
    return f"the machine ended: {what}" + (f": {ending.message}" if ending.message else "")
