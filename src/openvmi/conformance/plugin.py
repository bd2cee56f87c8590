# SPDX-License-Identifier: MIT
"""The kit for pytest: in any repository, `pytest --openvmi-rom=my.rom` checks that ROM, one item for each test.

Nothing else of the package is imported, and nothing is collected, without that option. The tests are
`openvmi::conform/GROUP/CALL~VARIATION`; on the command line `openvmi` is all of them, `openvmi::conform/mmu` those
whose id begins so.
"""

from __future__ import annotations

import argparse
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from openvmi.conformance.outcome import Result
    from openvmi.conformance.tests import Subject, Test
    from openvmi.errors import OpenVmiError

NAME = "openvmi"
_TESTS = "conform"
_OPTIONS = ("--openvmi-on", "--openvmi-profile", "--openvmi-timeout")
_TIMEOUT = 60.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options."""
    group = parser.getgroup("openvmi", "OpenVMI conformance kit")
    group.addoption("--openvmi-rom", metavar="ROM",
                    help="check this ROM: a file, the name of a built one, or none for the bare machine")
    group.addoption("--openvmi-on", metavar="NAME", help="on this hypervisor  [default: the one that the ROM is for]")
    group.addoption("--openvmi-profile", metavar="NAME", help="only this profile's groups, all of which must be there")
    group.addoption("--openvmi-timeout", metavar="SECONDS", type=_seconds,
                    help=f"seconds that each boot may take  [default: {_TIMEOUT:g}]")


def _seconds(text: str) -> float:
    try:
        if 0.001 <= (value := float(text)) < 1e6:
            return value
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r}, expected seconds, at least 0.001")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Takes the kit's tests out of what the command line names, which pytest would look for as files."""
    if config.getoption("--openvmi-rom") is None:
        if given := [option for option in _OPTIONS if config.getoption(option) is not None]:
            raise pytest.UsageError(f"{' and '.join(given)}: say with --openvmi-rom what to check")
        return
    own = [arg for arg in config.args if _names_tests(config, arg)]
    others = [arg for arg in config.args if arg not in own]
    if own or config.args_source is not pytest.Config.ArgsSource.ARGS or any(_is_top(config, arg) for arg in others):
        config.args[:] = others
        wanted = [arg if arg.startswith(_TESTS) else arg.partition("::")[2] for arg in own]
        config.pluginmanager.register(Kit(config, wanted or [""]), "openvmi-kit")


def _names_tests(config: pytest.Config, arg: str) -> bool:
    path, colons, _ = arg.partition("::")
    if (config.invocation_params.dir / path).exists():
        return False
    # Below the top of the repository pytest tells ids as ../openvmi::...
    return Path(path).name == NAME if colons else path == NAME or path.partition("/")[0] == _TESTS


def _is_top(config: pytest.Config, arg: str) -> bool:
    """Whether it is the folder that pytest looks at when none is named, or one above."""
    path = (config.invocation_params.dir / arg).resolve()
    return path in (config.invocation_params.dir, config.rootpath, *config.invocation_params.dir.parents)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Where the kit runs; or that it does not, which somebody who gave a ROM may not expect."""
    rom = config.getoption("--openvmi-rom")
    if rom is None:
        return None
    kit = config.pluginmanager.get_plugin("openvmi-kit")
    return (f"openvmi: ROM {rom} on {kit.on}" if kit else
            f"openvmi: ROM {rom} is not checked, since other tests are named; name {NAME}, too")


class Kit:
    """The tests of a session: a kernel runs once, when the first of its tests is asked for."""

    def __init__(self, config: pytest.Config, named: Sequence[str]) -> None:
        self._config, self._named = config, named
        self.on = ""  #: hypervisor
        self.tests: list[tuple[Subject, Test]] = []
        self._selected: set[str] = set()  #: ids of what was not deselected
        self._results: dict[str, Result] = {}
        self._errors: dict[str, OpenVmiError] = {}  #: by subject: why it could not be run
        self._ran = self._skipped = 0

    # ---- collection ----

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Finds place, ROM and tests. What is wrong with them is told once, before anything runs."""
        from openvmi.errors import OpenVmiError

        try:
            self._find()
        except OpenVmiError as error:
            raise pytest.UsageError(f"openvmi: {error}") from error

    def _find(self) -> None:
        from openvmi.conformance import places, plan
        from openvmi.errors import UsageError

        profile = self._config.getoption("--openvmi-profile")
        self._groups = plan.groups_of(profile) if profile else None
        self._place = places.named(self._config.getoption("--openvmi-on"), self._config.getoption("--openvmi-rom"))
        self.on = self._place.on
        subjects = plan.chosen(plan.subjects(), "", self._groups)
        places.check(self._place, subjects[0])
        selects = plan.selecting("", self._groups)
        there = [(subject, test) for subject in subjects for test in subject.tests if selects(test)]
        ids = {test.id for _, test in there}
        asked: set[str] = set()
        for name in self._named:
            found = {name} & ids or {one for one in ids if one.startswith(name)}
            if not found:
                raise UsageError(f"no test{' of that profile' if profile else ''} begins with {name}; "
                                 f"pytest --collect-only {NAME} shows them")
            asked |= found
        self.tests = [(subject, test) for subject, test in there if test.id in asked]

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
            self, collector: pytest.Collector) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """The session collects the kit behind everything else."""
        report = yield
        if isinstance(collector, pytest.Session) and report.passed:
            report.result.append(KitCollector.from_parent(collector, name=NAME, nodeid=NAME, kit=self))
        return report

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Notes what is left to run."""
        self._selected = {item.test.id for item in session.items if isinstance(item, KitItem)}

    # ---- results ----

    def result(self, subject: Subject, test: Test) -> Result:
        """What came of a test. Raises as :func:`openvmi.running.run`, for the other tests of its kernel as a skip."""
        from openvmi.errors import OpenVmiError

        if subject.name in self._errors:
            pytest.skip(f"{subject.name} could not be run, as another of its tests says")
        if test.id not in self._results:
            try:
                self._run(subject)
            except OpenVmiError as error:
                self._errors[subject.name] = error
                raise
        return self._results[test.id]

    def _run(self, subject: Subject) -> None:
        from openvmi.conformance import expected
        from openvmi.conformance.run import Runner

        timeout = self._config.getoption("--openvmi-timeout") or _TIMEOUT
        runner = Runner(self._place, selects=lambda test: test.id in self._selected, timeout=timeout)
        for result in expected.judge(runner.run([subject]), expected.load(), self._groups).results:
            self._results[result.test.id] = result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Counts."""
        if report.nodeid.startswith(f"{NAME}::"):
            if report.skipped and not hasattr(report, "wasxfail"):
                self._skipped += 1
            elif report.when == "call":
                self._ran += 1

    @property
    def _nothing_ran(self) -> bool:
        return bool(self._skipped and not self._ran)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """A run in which nothing ran is a failure."""
        if self._nothing_ran and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Says why."""
        if self._nothing_ran:
            terminalreporter.write_line(f"openvmi: not one of {self._skipped} tests ran, which is a failure", red=True)


class KitCollector(pytest.Collector):
    """All of the kit."""

    def __init__(self, *, kit: Kit, **more: object) -> None:
        super().__init__(**more)  # type: ignore[arg-type]
        self.kit = kit

    def collect(self) -> Iterator[pytest.Item]:
        """An item for each test that the command line names."""
        for subject, test in self.kit.tests:
            yield KitItem.from_parent(self, name=test.id, kit=self.kit, subject=subject, test=test)


class BrokenPromise(Exception):
    """A test of the kit that failed; its text is for people."""


class KitItem(pytest.Item):
    """One test of the kit."""

    def __init__(self, *, kit: Kit, subject: Subject, test: Test, **more: object) -> None:
        super().__init__(**more)  # type: ignore[arg-type]
        self.kit, self.subject, self.test = kit, subject, test

    def runtest(self) -> None:
        """Runs the test's kernel, if that was not done, and tells what came of this test."""
        from openvmi.conformance.outcome import Outcome

        result = self.kit.result(self.subject, self.test)
        if result.outcome is Outcome.SKIP:
            pytest.skip(result.reason)
        if result.outcome is Outcome.XFAIL:
            pytest.xfail(result.reason)
        if result.outcome.bad:
            raise BrokenPromise("\n".join(
                [f"{result.outcome.value} {self.test.id}: {result.reason}", *(f"  {line}" for line in result.details)]))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException],
                     style: object = None) -> str:
        """What the guest said, and no traceback."""
        from openvmi.errors import OpenVmiError

        if isinstance(excinfo.value, BrokenPromise | OpenVmiError):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Shown where a file would be."""
        return self.config.rootpath / NAME, None, self.test.id
