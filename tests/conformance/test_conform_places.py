# SPDX-License-Identifier: MIT
"""Every promise of the interface, everywhere: one kernel of the kit, the same file, in each place."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from openvmi.abi import load, names
from openvmi.conformance import expected, plan
from openvmi.conformance.outcome import Outcome, Place, Report
from openvmi.conformance.run import Runner
from openvmi.errors import UsageError
from openvmi.running import Request, run

SUBJECTS = {subject.name: subject for subject in plan.subjects()}
PLACES = {place.name: place for place in (
    Place("emu"), Place("emu", native=True), Place("bare"), Place("bare", "template"), Place("xen"), Place("linux"),
    Place("linux", native=True),
)}  # fmt: skip
NEEDS = {"emu": (), "bare": ("qemu-system-x86_64",), "xen": ("qemu-system-x86_64", "/boot/xen*.gz"), "linux": ()}
WITH_MARKS = [pytest.param(name, marks=pytest.mark.needs(*NEEDS[place.on])) for name, place in PLACES.items()]
#: Groups beyond profile paged that are not there, which is no promise broken.
_RDRAND = " rdrand " in Path("/proc/cpuinfo").read_text()
ABSENT = {
    "emu": {"smp", "suspend"}, "emu native": {"smp", "suspend", "random"}, "bare": {"smp", "suspend"},
    "bare template": {"smp", "suspend", "debug"}, "xen": {"suspend", "debug"}, "linux": {"smp", "suspend"},
    "linux native": {"smp", "suspend"} | (set() if _RDRAND else {"random"}),
}  # fmt: skip


#: What else is not there; and of what is there, the tests of its absence.
NOT_THERE = {place: {"no MemoryBalloon"} | ({"one VCPU"} if "smp" not in absent else set())
             for place, absent in ABSENT.items()}


@cache
def report(place: str, subject: str) -> Report:
    """What came of one subject, once for all tests."""
    return expected.judge(Runner(PLACES[place]).run([SUBJECTS[subject]]), expected.load())


def of(place: str, outcome: Outcome) -> list[str]:
    """The tests that came to that, and why."""
    return [f"{result.test.id}: {result.reason}" for subject in SUBJECTS
            for result in report(place, subject).results if result.outcome is outcome]


@pytest.mark.parametrize("place", WITH_MARKS)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_promise_is_kept(place: str, subject: str) -> None:
    assert not [result for result in report(place, subject).results if result.outcome.bad]


@pytest.mark.parametrize("place", WITH_MARKS)
def test_nothing_is_skipped_but_what_is_absent(place: str) -> None:
    skipped = of(place, Outcome.SKIP)
    assert {line.split(": ", 1)[1] for line in skipped} == {
        f"no group {group}" for group in ABSENT[place]} | NOT_THERE[place]
    known = {group.name for group in load.interface().groups}
    assert {result.test.group for subject in SUBJECTS for result in report(place, subject).results} == known


def test_every_call_has_tests_of_every_kind() -> None:
    assert not plan.uncovered(test for subject in SUBJECTS.values() for test in subject.tests)


def test_a_profile_selects_what_needs_nothing_else() -> None:
    groups = plan.groups_of("base")
    selects, subjects = plan.selecting("", groups), plan.chosen(SUBJECTS.values(), "", groups)
    selected = [test for subject in subjects for test in subject.tests if selects(test)]
    assert {group for test in selected for group in test.needs} == set(groups)
    assert not {"conform-mmu", "conform-smp", "conform-debug"} & {subject.name for subject in subjects}


def test_no_two_tests_have_the_same_id() -> None:
    ids = [test.id for subject in SUBJECTS.values() for test in subject.tests]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("place", WITH_MARKS)
def test_a_selection_ends_with_its_last_test(place: str) -> None:
    every = SUBJECTS["conform-base"].tests
    wanted = {every[1].id, every[3].id}
    chosen = Runner(PLACES[place], selects=lambda test: test.id in wanted).run([SUBJECTS["conform-base"]])
    assert [(result.test.index, result.outcome) for result in chosen.results] == [
        (1, Outcome.SUCCESS), (3, Outcome.SUCCESS)]
    assert chosen.boots == 1 and chosen.status == 0


def test_marks_reach_the_host() -> None:
    result = run(Request("conform-debug", on="emu", options="conform.only=debug/trace-mark~a-mark"), lambda data: True)
    assert [(mark.mark, mark.value) for mark in result.outcome.marks] == [(1, 0x1122334455667788), (2, 2)]


def test_a_group_that_a_profile_has_must_be_there() -> None:
    raw = Runner(PLACES["emu"]).run([SUBJECTS["conform-smp"]])
    smp = expected.judge(raw, (), plan.groups_of("smp"))
    assert smp.count(Outcome.FAILURE) == len(smp.results) > 0
    with pytest.raises(UsageError, match="each test whose id begins with conform/smp/ needs a group that the profile"):
        plan.chosen(SUBJECTS.values(), "smp/", plan.groups_of("paged"))
    assert raw.status == 2 and smp.status == 1


def test_the_groups_of_profiles() -> None:
    assert plan.groups_of("base") == {"base", "irq", "trap", "time", "event", "sys"}
    assert plan.groups_of("full") == {group.name.lower() for group in names.Group} - {"random"}  # in no profile
