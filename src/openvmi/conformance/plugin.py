# SPDX-License-Identifier: MIT
"""The kit for pytest: in any repository, `pytest --openvmi-rom=my.rom` checks that ROM, one item for each test.

Nothing else of the package is imported, and nothing is collected, without that option.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from openvmi.conformance.outcome import Place, Result
    from openvmi.conformance.tests import Subject, Test


class BrokenPromise(Exception):
    """A test of the kit that failed; its text is for people."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options."""
    group = parser.getgroup("openvmi", "OpenVMI conformance kit")
    group.addoption("--openvmi-rom", metavar="ROM",
                    help="check this ROM: a file, the name of a built one, or none for the bare machine")
    group.addoption("--openvmi-on", metavar="NAME", help="on this hypervisor  [default: the one that the ROM is for]")


class Kit:
    """The tests of a session: a kernel runs once, when the first of its tests is asked for."""

    def __init__(self, config: pytest.Config) -> None:
        from openvmi.conformance import plan

        self.subjects = plan.subjects()
        self._config = config
        self._place: Place | None = None
        self._results: dict[str, Result] = {}
        self.wanted: dict[str, list[Test]] = {}  #: by subject, what was not deselected

    def result(self, subject: Subject, test: Test) -> Result:
        """What came of a test."""
        if test.id not in self._results:
            wanted = self.wanted.get(subject.name, [])
            self._run(subject, test.id if len(wanted) == 1 else "")
        return self._results[test.id]

    def _run(self, subject: Subject, only: str) -> None:
        from openvmi.conformance import expected, plan
        from openvmi.conformance.run import Runner
        from openvmi.conformance.tests import PREFIX

        if self._place is None:
            rom, on = self._config.getoption("--openvmi-rom"), self._config.getoption("--openvmi-on")
            self._place, = plan.places(on, rom)
        report = Runner(self._place, only=only.removeprefix(PREFIX)).run([subject])
        for result in expected.judge(report, expected.load()).results:
            self._results[result.test.id] = result


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

    def reportinfo(self) -> tuple[str, int | None, str]:
        """Shown where a file would be."""
        return "openvmi", None, self.test.id


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Adds the kit's tests before -k and the like choose."""
    if config.getoption("--openvmi-rom") is None:
        return
    from openvmi.errors import OpenVmiError

    try:
        kit = Kit(config)
    except OpenVmiError as error:
        raise pytest.UsageError(str(error)) from error
    items.extend(_items(session, kit))


def _items(session: pytest.Session, kit: Kit) -> Iterator[pytest.Item]:
    for subject in kit.subjects:
        for test in subject.tests:
            yield KitItem.from_parent(session, name=test.id, nodeid=test.id, kit=kit, subject=subject, test=test)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Notes what is left to run."""
    for item in session.items:
        if isinstance(item, KitItem):
            item.kit.wanted.setdefault(item.subject.name, []).append(item.test)
