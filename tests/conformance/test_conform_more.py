# SPDX-License-Identifier: MIT
"""The kit's tests of what no hypervisor here has, on one made for them: they pass there, and find what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from openvmi.abi.names import Source
from openvmi.conformance import plan
from openvmi.conformance.outcome import Outcome, Place, Report
from openvmi.conformance.run import Runner
from openvmi.conformance.tests import PREFIX
from openvmi.hypervisors.emu import events, machine
from tests.conformance import more

SUBJECTS = plan.subjects()
#: How the ids of the tests begin, how many there are, and of which the subject is that there is no such thing.
TESTS = {
    "suspend/": (7, set()),
    "smp/": (21, {"vcpu-start~where-there-is-one-vcpu-no-other-starts"}),
    "sys/memory-balloon": (7, {"~what-is-not-supported-is-so-both-ways-and-takes-nothing"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def rom(top: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return more.rom(top / "roms" / "emu", tmp_path_factory.mktemp("more"), top / "build" / "cache")


@pytest.fixture
def conform(rom: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Report]:
    """Runs the tests whose ids begin so on that hypervisor, with a mistake in it."""
    monkeypatch.setattr(machine, "EmuMachine", more.MoreMachine)
    monkeypatch.setattr(events, "_EXISTING", events._EXISTING | {Source.IPI})

    def run(only: str, mistake: str = "") -> Report:
        monkeypatch.setattr(more.MoreMachine, "mistake", mistake)
        return Runner(Place("emu", str(rom)), selects=plan.selecting(only), timeout=20).run(plan.chosen(SUBJECTS, only))

    return run


@pytest.mark.parametrize("only", TESTS)
def test_they_pass(conform: Callable[..., Report], only: str) -> None:
    count, absences = TESTS[only]
    found = conform(only)
    assert len(found.results) == count
    assert {result.test.id.removeprefix(PREFIX + only) for result in found.results
            if result.outcome is not Outcome.SUCCESS} == absences, found.results
    assert found.count(Outcome.SKIP) == len(absences)


@pytest.mark.parametrize("mistake", more.MISTAKES)
def test_they_find_what_is_wrong(conform: Callable[..., Report], mistake: str) -> None:
    found = conform(more.MISTAKES[mistake], mistake)
    assert [result.outcome.bad for result in found.results] == [True], found.results
