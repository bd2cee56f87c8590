# SPDX-License-Identifier: MIT
"""openvmi conform."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from openvmi import resources
from openvmi.cli import main
from openvmi.conformance import places, plan
from openvmi.conformance.run import Runner
from openvmi.errors import RefusedError
from openvmi.status import Status


def test_a_good_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    junit, record = tmp_path / "out.xml", tmp_path / "out.json"
    files = ["--junit", str(junit), "--json", str(record)]
    assert main.run(["conform", "--on", "emu", "--only", "base/probe", *files]) == 0
    lines = capsys.readouterr().out.splitlines()
    count = len(json.loads(record.read_text())["places"][0]["tests"])
    said, seconds = lines[-1].rsplit(" seconds=", 1)
    assert said == f"conform: ran={count} success={count} skip=0 xfail=0 failure=0 crash=0 never_began=0 on=emu rom=emu"
    assert 0 <= float(seconds) < 60
    assert count >= 3 and junit.read_bytes().count(b"<testcase") == count


def test_json_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["conform", "--on", "emu", "--only", "conform/base/probe", "--json", "-"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["places"][0]["hypervisor"] == "emu"
    assert captured.err.splitlines()[-1].startswith("conform: ran=")


def test_nothing_ran(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["conform", "--on", "emu", "--only", "suspend/"]) == 2
    assert "ran=0" in capsys.readouterr().out.splitlines()[-1]


def test_a_claim_that_does_not_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["conform", "--on", "emu", "--only", "smp/vcpu-id", "--profile", "smp"]) == 1
    assert "no group smp, which the profile has" not in capsys.readouterr().out


def test_list_and_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["conform", "--list", "--only", "base/probe"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines and all(line.startswith("conform/base/probe~") for line in lines)
    assert {line.split()[1] for line in lines} == {"POSITIVE", "BOUNDARY", "HOSTILE"}
    assert main.run(["conform", "--check"]) == 0


def test_check_is_of_the_calls_that_are_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
                                              ) -> None:
    assert main.run(["conform", "--check", "--only", "conform/base/probe"]) == 0
    assert capsys.readouterr().err == ""
    there = [subject for subject in plan.subjects() if subject.name != "conform-irq"]
    monkeypatch.setattr(plan, "subjects", lambda: there)
    assert main.run(["conform", "--check", "--only", "irq/halt"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"openvmi: irq/halt has no {kind} test" for kind in ("POSITIVE", "BOUNDARY", "HOSTILE")]


def test_list_as_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main.run(["conform", "--list", "--only", "smp/", "--json", "-"]) == 0
    listed = json.loads(capsys.readouterr().out)["tests"]
    assert listed and all(test["id"].startswith("conform/smp/") and "smp" in test["needs"] for test in listed)
    assert main.run(["conform", "--list", "--profile", "base", "--json", str(tmp_path / "list.json")]) == 0
    assert capsys.readouterr().out == ""
    listed = json.loads((tmp_path / "list.json").read_text())["tests"]
    assert {test["id"].split("/")[1] for test in listed} == {"base", "irq", "trap", "time", "event", "sys"}


def test_a_profile_without_that_test_boots_nothing(capsys: pytest.CaptureFixture[str],
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Runner, "run", lambda *arguments: pytest.fail("a guest was run"))
    assert main.run(["conform", "--on", "emu", "--profile", "base", "--only", "mmu/pte-set"]) == Status.USAGE
    assert "needs a group that the profile has not" in capsys.readouterr().err


def test_junit_on_stdout(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main.run(["conform", "--on", "emu", "--only", "base/probe", "--junit", "-"]) == 0
    captured = capsys.readouterr()
    assert ElementTree.fromstring(captured.out).find("testsuite/testcase") is not None
    assert captured.err.splitlines()[-1].startswith("conform: ran=") and not list(tmp_path.iterdir())


# ---- everywhere ----

@pytest.fixture
def some(tmp_path: Path, top: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of ROMs in place of build/roms; emu is usable, linux is not, there is no other."""
    from openvmi import hypervisors
    from openvmi.hypervisors.base import Availability

    real = resources.built
    folder = tmp_path / "roms"
    folder.mkdir()
    shutil.copy(top / "build/roms/emu.rom", folder)
    monkeypatch.setattr(resources, "built", lambda kind: folder if kind == "roms" else real(kind))
    monkeypatch.setattr(hypervisors, "ranked", lambda: [hypervisors.get("emu"), hypervisors.get("linux")])
    monkeypatch.setattr(type(hypervisors.get("linux")), "available",
                        lambda self: Availability(False, "no processes here.", "Get some."))
    return folder


def everywhere(tmp_path: Path) -> tuple[int, dict[str, object], ElementTree.Element]:
    """Exit status, and what the reports have."""
    junit, record = tmp_path / "all.xml", tmp_path / "all.json"
    status = main.run(["conform", "--on", "all", "--only", "base/probe", "--junit", str(junit), "--json", str(record)])
    return status, json.loads(record.read_text()), ElementTree.parse(junit).getroot()


def test_what_is_left_out_is_told_with_a_reason(capsys: pytest.CaptureFixture[str], some: Path, tmp_path: Path,
                                                ) -> None:
    status, record, junit = everywhere(tmp_path)
    assert status == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "left out" in line]
    assert told == ["openvmi: linux is left out: not usable here: no processes here. Get some."]
    assert record["left_out"] == [
        {"hypervisor": "linux", "reason": "not usable here: no processes here. Get some."}]
    assert [suite.attrib["name"] for suite in junit] == ["emu", "emu no ROM", "linux"]


@pytest.mark.parametrize(("rom", "place"), [("emu", "emu"), ("other", "unknown other")])
def test_a_place_that_cannot_start_is_an_error_of_that_place_only(
        capsys: pytest.CaptureFixture[str], some: Path, tmp_path: Path, rom: str, place: str) -> None:
    (some / f"{rom}.rom").write_bytes((some / "emu.rom").read_bytes()[:700])
    status, record, junit = everywhere(tmp_path)
    assert status == Status.BAD_FILE
    captured = capsys.readouterr()
    bad, = (line for line in captured.err.splitlines() if "damaged" in line)
    assert bad.startswith(f"openvmi: {place}: ")
    failed, = (one for one in record["places"] if one["error"])
    assert (failed["name"], failed["ran"], failed["rom"], failed["error"]["status"]) == (place, 0, rom, 65)
    assert sum(one["ran"] > 0 for one in record["places"]) == len(record["places"]) - 1 > 0
    assert junit.find(f"testsuite[@name='{place}']/testcase/error") is not None
    assert len([line for line in captured.out.splitlines() if line.startswith("conform: ran=")]) == len(
        record["places"])


def test_a_bad_default_rom_is_told_where_it_is_the_default(some: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from openvmi import hypervisors
    from openvmi.hypervisors.base import Availability

    monkeypatch.setattr(type(hypervisors.get("linux")), "available", lambda self: Availability(True))
    (some / "emu.rom").write_bytes(b"")  # linux looks at it, too: is it one of its own?
    found, lost, left_out = places.everywhere()
    assert [place.name for place in found] == ["emu", "emu no ROM", "linux", "linux no ROM"]
    assert not lost and not left_out


def test_what_a_place_has_done_before_its_error_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    real, booted = Runner._boot, []

    def once(self: Runner, subject, tests):
        booted.append(subject.name)
        if len(booted) > 1:
            raise RefusedError("no more")
        return real(self, subject, tests)

    monkeypatch.setattr(Runner, "_boot", once)
    subjects = plan.chosen(plan.subjects(), "base/")[:1] + plan.chosen(plan.subjects(), "random/")
    place = places.named("emu", None)
    report = places.run(place, subjects, lambda place: Runner(place, selects=plan.selecting("")))
    assert report.status == Status.REFUSED and report.ran == len(subjects[0].tests) > 0 and report.rom == "emu"


def test_nothing_is_usable(capsys: pytest.CaptureFixture[str], some: Path, tmp_path: Path,
                           monkeypatch: pytest.MonkeyPatch) -> None:
    from openvmi import hypervisors

    monkeypatch.setattr(hypervisors, "ranked", lambda: [hypervisors.get("linux")])
    status, record, junit = everywhere(tmp_path)
    assert status == Status.UNAVAILABLE and not record["places"] and record["left_out"]
    assert "no hypervisor is usable here" in capsys.readouterr().err
    assert len(junit) == 1


def test_reports_are_written_where_a_named_place_cannot_start(capsys: pytest.CaptureFixture[str], top: Path,
                                                              tmp_path: Path) -> None:
    cut, record = tmp_path / "cut.rom", tmp_path / "out.json"
    cut.write_bytes((top / "build/roms/emu.rom").read_bytes()[:700])
    for place in ([], ["--on", "emu"]):
        record.unlink(missing_ok=True)
        assert main.run(["conform", "--rom", str(cut), "--json", str(record), *place]) == Status.BAD_FILE
        failed, = json.loads(record.read_text())["places"]
        assert failed["rom"] == "cut" and "damaged" in failed["error"]["message"]
        assert capsys.readouterr().out.endswith(" error=65\n")


@pytest.mark.parametrize(("arguments", "status", "words"), [
    (["--only", "nothing"], Status.USAGE, "no test's id begins with conform/nothing"),
    (["--on", "nowhere"], Status.USAGE, "nowhere"),
    (["--on", "all", "--rom", "emu"], Status.USAGE, "leave --rom and --native away"),
    (["--profile", "best"], Status.USAGE, "no profile 'best'"),
    (["--rom", "no-such"], Status.USAGE, "no ROM 'no-such'"),
    (["--check", "--rom", "no-such"], Status.USAGE, "--check runs nothing; leave --rom away"),
    (["--check", "--only", "nothing"], Status.USAGE, "no call's tests are conform/nothing"),
    (["--list", "--on", "emu", "--junit", "x"], Status.USAGE, "--list runs nothing; leave --on and --junit away"),
    (["--junit", "-", "--json", "-"], Status.USAGE, "name a file for one of them"),
    (["--rom", "classic-full"], Status.REFUSED, "classic"),
])
def test_wrong_usage(capsys: pytest.CaptureFixture[str], arguments: list[str], status: Status, words: str) -> None:
    assert main.run(["conform", *arguments]) == status
    assert words in capsys.readouterr().err


def test_a_rom_says_where_it_runs(capsys: pytest.CaptureFixture[str], top: Path) -> None:
    assert main.run(["conform", "--rom", str(top / "build/roms/linux.rom"), "--only", "base/probe"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].partition(" seconds=")[0].endswith("on=linux rom=linux")


MUTANT = """
[[mutant]]
group = "base"
kind = "wrong error"
wrong = "{0}"
file = "calls.S"
old = "	jae 1f\\n"
new = "{1}"
tests = "base/probe"
"""


def test_mutants(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    table = tmp_path / "table.toml"
    table.write_text('rom = "emu"\n' + MUTANT.format("Probe takes any number", ""))
    assert main.run(["conform", "--mutants", str(table)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "CAUGHT   emu base, wrong error: Probe takes any number"
    assert lines[1].lstrip().startswith(("FAILURE conform/base/probe~", "CRASH conform/base/probe~"))
    assert lines[2:] == ["mutants: rom=emu made=1 caught=1 refused=0 survived=0 rate=100%"]
    table.write_text('rom = "emu"\n' + MUTANT.format("nothing", "	jnc 1f\\n"))
    assert main.run(["conform", "--mutants", str(table)]) == 1
    assert capsys.readouterr().out.splitlines()[0].startswith("SURVIVED")
    assert main.run(["conform", "--mutants", str(table), "--on", "emu"]) == Status.USAGE
    assert "leave --on away" in capsys.readouterr().err


def test_a_mutant_that_no_test_has_judged_is_a_failure(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    table = tmp_path / "table.toml"
    table.write_text('rom = "emu"\n' + MUTANT.format("no instruction", "	this is no instruction\\n"))
    assert main.run(["conform", "--mutants", str(table)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("REFUSED")
    assert lines[-1] == "mutants: rom=emu made=1 caught=0 refused=1 survived=0 rate=0%"


def test_a_table_of_mutants_that_is_no_toml(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "table.toml").write_text("rom = ")
    assert main.run(["conform", "--mutants", str(tmp_path / "table.toml")]) == Status.BAD_FILE
    assert "not TOML" in capsys.readouterr().err
