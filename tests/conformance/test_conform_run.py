# SPDX-License-Identifier: MIT
"""What comes of each kind of test, good and bad: a kernel made for it, whose tests are named by it."""

from __future__ import annotations

from functools import cache

import pytest
from attrs import evolve

from openvmi import running
from openvmi.abi import names
from openvmi.conformance import expected, plan, run
from openvmi.conformance.expected import Expected
from openvmi.conformance.outcome import FAILED, NOTHING_RAN, Outcome, Place, Report, Result
from openvmi.conformance.protocol import Reader
from openvmi.conformance.run import Runner
from openvmi.conformance.tests import Subject, Test
from openvmi.errors import OpenVmiError, UsageError
from openvmi.hypervisors.base import Ending
from openvmi.hypervisors.base import Outcome as MachineOutcome

TIMEOUT = 1.5  # seconds; one test hangs


@pytest.fixture(scope="module")
def report(wrong: Subject) -> Report:
    """Everything, on emu."""
    return Runner(Place("emu"), timeout=TIMEOUT).run([wrong])


def test_each_comes_to_what_its_name_says(report: Report) -> None:
    for result in report.results:
        assert result.outcome.value.lower() == result.test.id.split("~")[1].split("-")[0], result


def test_each_has_one_result_in_its_turn(report: Report, wrong: Subject) -> None:
    assert [result.test for result in report.results] == list(wrong.tests)
    assert report.boots == 9  # one, and one after each of the eight that ended the machine before the last test


def test_it_can_be_over_with_the_first_failure_that_counts(report: Report, wrong: Subject) -> None:
    first, second, *_ = (result.test.id for result in report.results if result.outcome is Outcome.FAILURE)
    brief = Runner(Place("emu"), timeout=TIMEOUT, ends_with=lambda name: name != first).run([wrong])
    bad = [result.test.id for result in brief.results if result.outcome.bad]
    assert bad[:2] == [result.test.id for result in report.results if result.outcome.bad][:2]
    assert bad[-1] in bad[:2] and len(brief.results) < len(report.results)
    none = Runner(Place("emu"), timeout=TIMEOUT, ends_with=lambda name: name == second).run([wrong])
    assert none.results[-1].test.id == second


def reason(report: Report, variation: str) -> str:
    """Why a test came to what it came to."""
    result, = (result for result in report.results if result.test.id.endswith(f"~{variation}"))
    return result.reason


@pytest.mark.parametrize(("variation", "words"), [
    ("failure-of-a-check", "two is three: found 0x2, expected 0x3"),
    ("failure-for-checking-nothing", "nothing was checked"),
    ("failure-for-counting-and-not-telling", "wrong: 1 of 2, first 0x7"),
    ("failure-by-an-exception", "vector 14, error 2, address 60000000"),
    ("failure-for-lying-about-the-console", "the console carried 4 "),
    ("crash-by-a-shutdown", "the machine ended: crash"),
    ("crash-by-an-exit-in-the-middle", "the machine ended: exit 0"),
    ("crash-by-a-hang", "the machine ended: timeout"),
    ("crash-by-an-exit-where-it-may-crash", "the machine ended: exit 0"),
    ("crash-behind-a-failure-where-it-may-end", "the machine ended: crash"),
    ("skip-without-group-suspend", "no group suspend"),
    ("skip-for-a-reason-of-its-own", "one VCPU"),
    ("failure-that-a-skip-does-not-hide", "wrong: 1 of 1, first 0x5"),
    ("skip-where-the-machine-would-end", "no suspend"),
    ("failure-by-exit-8", "expected the ending exit 9; the machine ended: exit 8"),
    ("failure-by-going-on", "the machine goes on"),
    ("crash-in-place-of-a-restart", "expected the ending reboot; the machine ended: crash"),
])
def test_the_reason_is_told(report: Report, variation: str, words: str) -> None:
    assert words in reason(report, variation)


def test_the_summary(report: Report) -> None:
    assert report.summary().startswith(
        "conform: ran=21 success=7 skip=3 xfail=0 failure=8 crash=6 never_began=0 on=emu rom=emu seconds=")
    assert report.status == FAILED


def test_one_alone(wrong: Subject) -> None:
    alone = Runner(Place("emu"), selects=plan.selecting("base/probe~success-with")).run([wrong])
    assert [(result.test.id, result.outcome) for result in alone.results] == [
        ("conform/base/probe~success-with-everything-right-again", Outcome.SUCCESS)]
    assert alone.status == 0 and alone.boots == 1


def test_a_run_in_which_nothing_ran_fails(wrong: Subject) -> None:
    skipped = Runner(Place("emu"), selects=plan.selecting("base/probe~skip")).run([wrong])
    assert (skipped.ran, skipped.status) == (0, NOTHING_RAN)
    with pytest.raises(UsageError, match="no test's id begins with conform/nothing"):
        plan.chosen([wrong], "nothing")


@pytest.mark.parametrize("wanted", [
    ["success-that-leaves-everything-wrong"],
    ["failure-of-a-check", "crash-by-a-shutdown", "skip-for-a-reason-of-its-own"],  # between them is one that hangs
    ["success-that-leaves-everything-wrong", "success-by-exit-9", "crash-in-place-of-a-restart"],
])
def test_only_what_is_selected_has_a_result(wrong: Subject, wanted: list[str]) -> None:
    watched: list[str] = []

    class Watcher(run.Quiet):
        def begins(self, place: Place, test: Test, done: int, count: int) -> None:
            assert count == len(wanted)
            watched.append(test.id.split("~")[1])

    runner = Runner(Place("emu"), Watcher(), selects=lambda test: test.id.split("~")[1] in wanted, timeout=TIMEOUT)
    results = runner.run([wrong]).results
    assert [result.test.id.split("~")[1] for result in results] == wanted
    assert [result.outcome.value.lower() for result in results] == [name.split("-")[0] for name in wanted]
    assert set(watched) <= set(wanted)


def test_the_guest_is_stopped_behind_the_last_that_is_selected(wrong: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    real, ran = running.run, []
    monkeypatch.setattr(running, "run", lambda *arguments: ran.append(real(*arguments)) or ran[-1])
    wanted = {"failure-of-a-check", "success-with-everything-right-again"}
    report = Runner(Place("emu"), selects=lambda test: test.id.split("~")[1] in wanted).run([wrong])
    assert [result.outcome for result in report.results] == [Outcome.FAILURE, Outcome.SUCCESS]
    assert [done.reader_left for done in ran] == [True]


# ---- known failures ----

def judged(report: Report, *known: Expected) -> dict[str, Result]:
    return {result.test.id.split("~")[1]: result for result in expected.judge(report, known).results}


def test_a_known_failure_is_an_xfail(report: Report) -> None:
    results = judged(report, Expected("emu emu", "conform/base/probe~failure-*", "because"))
    assert results["failure-of-a-check"].outcome is Outcome.XFAIL and results["failure-of-a-check"].reason == "because"
    assert results["crash-by-a-hang"].outcome is Outcome.CRASH
    assert judged(report, Expected("xen*", "*", "because"))["failure-of-a-check"].outcome is Outcome.FAILURE


@pytest.mark.parametrize(("place", "rom", "where"), [
    (Place("xen"), "xen", "xen xen"), (Place("xen", "xen"), "xen", "xen xen"),
    (Place("xen", "some/where/mine.rom"), "xen", "xen xen"), (Place("xen", "xen"), "mine", "xen mine"),
    (Place("emu", "none"), "none", "emu no ROM"), (Place("bare"), "none", "bare no ROM"),
    (Place("emu", "emu", native=True), "off", "emu native"), (Place("emu", native=True), "off", "emu native"),
])
def test_a_known_failure_is_of_the_rom_however_that_was_asked_for(
        report: Report, place: Place, rom: str, where: str) -> None:
    there = evolve(report, place=place, rom=rom)
    assert there.where == where
    own = Expected(where, "*~failure-of-a-check", "because")
    assert judged(there, own)["failure-of-a-check"].outcome is Outcome.XFAIL
    other = Expected(f"{where}s", "*~failure-of-a-check", "because")
    assert judged(there, other)["failure-of-a-check"].outcome is Outcome.FAILURE


@pytest.mark.parametrize("rom", [None, "emu"])
def test_the_rom_of_a_run_is_the_one_that_was_linked(wrong: Subject, rom: str | None) -> None:
    one = plan.selecting("base/probe~success-with")
    assert Runner(Place("emu", rom), selects=one).run([wrong]).where == "emu emu"


def test_what_a_machine_has_not_is_no_broken_claim(report: Report) -> None:
    own = expected.judge(report, (), frozenset(names.Group(group).name.lower() for group in names.Group))
    reasons = {result.test.id.split("~")[1]: result.outcome for result in own.results}
    assert reasons["skip-for-a-reason-of-its-own"] is Outcome.SKIP
    assert reasons["skip-without-group-suspend"] is Outcome.FAILURE


def test_a_known_failure_that_passes_is_a_failure(report: Report) -> None:
    results = judged(report, Expected("emu*", "*~success", "because"), Expected("emu*", "*~skip-*", "because"))
    assert results["success"].outcome is Outcome.FAILURE and "take it out" in results["success"].reason
    assert results["skip-without-group-suspend"].outcome is Outcome.SKIP


@pytest.mark.parametrize(("text", "words"), [
    ("[[expected]]\nplace = 'emu'\ntest = 'x'\n", "entry 1 has place, test"),
    ("[[expected]]\nplace = 'emu'\ntest = 'x'\nreason = ''\n", "expected texts for place, test and reason"),
    ("[[expected", "cannot read the known failures"),
])
def test_a_bad_list_of_known_failures(tmp_path, text: str, words: str) -> None:
    (tmp_path / "expected.toml").write_text(text)
    with pytest.raises(OpenVmiError, match=words):
        expected.load(tmp_path / "expected.toml")


def test_every_known_failure_is_of_a_test_that_there_is() -> None:
    ids = [test.id for subject in plan.subjects() for test in subject.tests]
    for entry in expected.load():
        assert any(entry.fits("", name) for name in ids) or any(
            evolve(entry, place="*").fits("", name) for name in ids), entry


# ---- what is against the protocol ----

@cache
def dummy(*numbers: int) -> tuple[Test, ...]:
    """Tests that no kernel has."""
    from openvmi.abi.names import Call
    from openvmi.conformance.tests import Kind

    return tuple(Test(f"conform/base/probe~{number}", "none", number, Call.PROBE, Kind.POSITIVE, ("base",))
                 for number in numbers)


def boot(monkeypatch: pytest.MonkeyPatch, *consoles: tuple[str, Ending], count: int = 2) -> list[tuple[Outcome, str]]:
    """What a runner makes of what one boot after the other says."""
    said = iter(consoles)

    def fake(self: Runner, subject: Subject, tests: list[Test]) -> tuple[Reader, MachineOutcome]:
        text, ending = next(said)
        reader = Reader()
        reader.feed(text.encode())
        return reader, MachineOutcome(ending)

    monkeypatch.setattr(run.Runner, "_boot", fake)
    subject = Subject("none", None, dummy(*range(count)))  # type: ignore[arg-type]
    report = Runner(Place("emu")).run([subject])
    assert report.ran == len(report.results) - report.never_began - report.count(Outcome.SKIP)
    BEGAN[:] = [result.began for result in report.results]
    return [(result.outcome, result.reason) for result in report.results]


BEGAN: list[bool] = []  # of the last boot's results
GOOD = "@ base/probe~0\n= SUCCESS\n@ base/probe~1\n= SUCCESS\nconform: 2 run\n"


def test_a_good_run(monkeypatch: pytest.MonkeyPatch) -> None:
    assert boot(monkeypatch, (GOOD, Ending.EXIT)) == [(Outcome.SUCCESS, "")] * 2


def test_a_test_that_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found = boot(monkeypatch, ("@ base/probe~0\n= SUCCESS\nconform: 1 run\n", Ending.EXIT))
    assert found == [(Outcome.SUCCESS, ""), (Outcome.FAILURE, "the guest came to its end without running it")]
    assert BEGAN == [True, False]


def test_a_test_out_of_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    found = boot(monkeypatch, ("@ base/probe~1\n= SUCCESS\n@ base/probe~0\n= SUCCESS\nconform: 2 run\n", Ending.EXIT),
                 ("@ base/probe~1\n= SUCCESS\nconform: 1 run\n", Ending.EXIT))
    assert found[0][0] is Outcome.FAILURE and "out of turn" in found[0][1]
    assert found[1] == (Outcome.SUCCESS, "")


def test_a_test_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    found = boot(monkeypatch, (GOOD.replace("conform:", "@ base/probe~2\n= SUCCESS\nconform:"), Ending.EXIT))
    assert found[-1][0] is Outcome.FAILURE and "out of turn" in found[-1][1]


def test_an_end_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    found = boot(monkeypatch, ("", Ending.CRASH), ("", Ending.CRASH), ("", Ending.CRASH), count=5)
    assert [outcome for outcome, _ in found] == [Outcome.CRASH] * 5
    assert found[0][1].startswith("before it began") and found[4][1].startswith("given up")
    assert BEGAN == [False] * 5


def test_what_is_given_up_did_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = [(f"@ base/probe~{number}\n", Ending.TIMEOUT) for number in range(3)]
    assert [outcome for outcome, _ in boot(monkeypatch, *hangs, count=5)] == [Outcome.CRASH] * 5
    assert BEGAN == [True, True, True, False, False]


def test_an_end_between_two_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    found = boot(monkeypatch, ("@ base/probe~0\n= SUCCESS\nrubbish", Ending.EXIT), count=2)
    assert found[0] == (Outcome.SUCCESS, "") and found[1][0] is Outcome.CRASH


def test_a_bad_end_after_the_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    found = boot(monkeypatch, (GOOD, Ending.CRASH))
    assert found[0] == (Outcome.SUCCESS, "") and found[1][0] is Outcome.CRASH
