# SPDX-License-Identifier: MIT
"""openvmi fuzz as a process."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from attrs import evolve

from openvmi import hypervisors
from openvmi.cli.fuzz import app as fuzz_app
from openvmi.conformance import fuzz as campaign
from openvmi.conformance import fuzz_report as report
from openvmi.conformance import mutants
from openvmi.conformance.fuzz_places import Place
from openvmi.conformance.sequence import read_line
from openvmi.errors import UnavailableError

_FUZZ = [sys.executable, "-m", "openvmi.cli.main", "fuzz"]
_FLUSH_TWICE = Path(__file__).parent / "sequences" / "linux-flush-twice.json"


def fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*_FUZZ, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)


def test_a_short_campaign() -> None:
    done = fuzz("--on", "emu", "--count", "30")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("fuzz: sequences=30 operations=") and done.stdout.rstrip().endswith(" on=emu")
    assert "30 sequences, " in done.stderr
    again = fuzz("--on", "emu", "--count", "30")
    assert again.stdout.split(" per_minute")[0] == done.stdout.split(" per_minute")[0]


def test_the_result_for_machines(tmp_path: Path) -> None:
    done = fuzz("--on", "emu", "--count", "5", "--json", "-")
    found = json.loads(done.stdout)
    assert (found["on"], found["sequences"], found["divergences"]) == (["emu"], 5, [])
    done = fuzz("--on", "emu", "--count", "5", "--json", str(tmp_path / "a.json"))
    assert done.stdout.startswith("fuzz: sequences=5 ")
    assert json.loads((tmp_path / "a.json").read_text())["operations"] == found["operations"]


def test_a_replay() -> None:
    done = fuzz("--on", "emu", "--replay", str(_FLUSH_TWICE))
    assert done.returncode == 0 and "sequences=1 " in done.stdout and "divergences=0" in done.stdout


def test_what_is_no_sequence_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"format": "openvmi-sequence-1", "sequences": [["call halt"]]}')
    done = fuzz("--on", "emu", "--replay", str(file))
    assert done.returncode == 65 and "does not say what happens" in done.stderr
    file.write_text("nothing")
    assert fuzz("--on", "emu", "--replay", str(file)).returncode == 65


@pytest.mark.parametrize("arguments", [("--on", "nosuch"), ("--seed", "-1"), ("--count", "0"), ("--time", "0")])
def test_what_makes_no_sense(arguments: tuple[str, ...]) -> None:
    done = fuzz(*arguments)
    assert done.returncode == 64 and not done.stdout and "Traceback" not in done.stderr


# ---- where it runs ----


@pytest.fixture
def no_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without QEMU, which bare and xen need."""
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_tools")
def test_a_hypervisor_that_is_named_and_not_usable_is_an_error() -> None:
    done = fuzz("--on", "emu", "--on", "bare", "--count", "20")
    assert done.returncode == 69 and not done.stdout
    assert "bare is not usable here: qemu-system-x86_64" in done.stderr


@pytest.mark.usefixtures("no_tools")
def test_what_is_left_out_by_default_is_told() -> None:
    done = fuzz("--count", "20", "--json", "-")
    found = json.loads(done.stdout)
    assert done.returncode == 0 and "emu" in found["on"]
    assert {"bare", "xen"} <= {one["on"] for one in found["left_out"]}
    for one in found["left_out"]:
        assert one["reason"] and f"openvmi: {one['on']} is left out: {one['reason']}" in done.stderr


def test_one_that_cannot_do_without_a_rom_is_left_out_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    from openvmi.conformance.fuzz_places import chosen
    from openvmi.hypervisors import emu, xen
    from openvmi.hypervisors.base import Availability

    for one in hypervisors.ranked():
        usable = one.name in {"emu", "xen"}
        monkeypatch.setattr(type(one), "available", lambda _, usable=usable: Availability(usable, "It is not."))
    for given in ({"rom": "none"}, {"native": True}):
        places, left = chosen([], **given)
        assert [place.on for place in places] == [emu.HYPERVISOR.name]
        assert {one.on: one.reason for one in left}[xen.HYPERVISOR.name] == "It runs no guest that stays native."
    places, left = chosen(["all"])
    assert [(place.on, place.rom) for place in places][:2] == [("emu", None), ("emu", "none")]
    assert not {one.on for one in left} & {"emu", "xen"}


def test_a_place_is_there_once_and_has_its_rom(top: Path) -> None:
    done = fuzz("--on", "emu", "--on", "emu", "--count", "5")
    assert done.stdout.rstrip().endswith(" rom=emu on=emu")
    done = fuzz("--rom", str(top / "build" / "roms" / "emu.rom"), "--native", "--count", "5")
    assert done.returncode == 0 and done.stdout.rstrip().endswith(" rom=off on=emu")
    done = fuzz("--on", "emu", "--rom", "none", "--count", "5")
    assert done.returncode == 0 and done.stdout.rstrip().endswith(" rom=none on=emu")


@pytest.mark.parametrize(("arguments", "status"), [
    (("--rom", "nosuch"), 64), (("--on", "linux", "--rom", "emu"), 121), (("--on", "all", "--native"), 64),
    (("--on", "all", "--on", "emu"), 64), (("--on", "emu", "--rom", __file__), 65),
    (("--on", "emu", "--save", f"{__file__}/folder"), 64), (("--on", "emu", "--replay", "nosuch"), 64),
])  # fmt: skip
def test_what_does_not_fit_is_refused(arguments: tuple[str, ...], status: int) -> None:
    done = fuzz(*arguments, "--count", "5")
    assert done.returncode == status and not done.stdout and done.stderr.startswith("openvmi: "), done.stderr


# ---- what comes of it ----


def test_nothing_compared_is_a_failure(tmp_path: Path) -> None:
    done = fuzz("--on", "emu", "--count", "1")
    assert done.returncode == 2 and " operations=0 " in done.stdout
    assert "not one operation was compared" in done.stderr and "--count" in done.stderr
    file = tmp_path / "a.json"
    file.write_text('{"format": "openvmi-sequence-1", "sequences": [[]]}')
    done = fuzz("--on", "emu", "--replay", str(file))
    assert done.returncode == 2 and "replay other files" in done.stderr


def test_nothing_is_left_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert fuzz("--on", "emu", "--count", "30").returncode == 0
    assert not list(tmp_path.iterdir())


def test_a_folder_of_sequences_is_replayed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_bytes(_FLUSH_TWICE.read_bytes())
    done = fuzz("--on", "emu", "--replay", str(tmp_path), "--replay", str(tmp_path / "two.json"))
    assert done.returncode == 0 and "sequences=2 " in done.stdout
    (tmp_path / "empty").mkdir()
    done = fuzz("--on", "emu", "--replay", str(tmp_path / "empty"))
    assert done.returncode == 64 and "no sequences" in done.stderr


@pytest.fixture(scope="module")
def bad(top: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A ROM whose PteSetBatch loses RBX."""
    output = tmp_path_factory.mktemp("bad") / "bad.rom"
    old = "\tcmpl $VMI_BATCH_LIMIT, %esi\n"
    mutant = mutants.Mutant("emu", "mmu", "clobbered register", "RBX", "calls.S", old, f"\tincq %rbx\n{old}", "mmu/")
    output.write_bytes(mutants.made(mutant).read_bytes())
    return str(output)


_SAYS = "PteSetBatch: register rbx is 0x2020202020202022; permitted: 0x2020202020202021, as it was"


def test_a_divergence_is_stored_and_replayed(bad: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "_SHRINKS", 10)
    monkeypatch.setenv("OPENVMI_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    command = typer.main.get_command(fuzz_app)
    assert command.main(["--rom", bad, "--seed", "1", "--count", "150", "--json", "-"], standalone_mode=False) == 1
    told = capsys.readouterr()
    (divergence,) = json.loads(told.out)["divergences"]
    (file,) = (tmp_path / "state" / "fuzz").iterdir()
    assert divergence["differs"] == [_SAYS] and divergence["file"] == str(file)
    assert divergence["replay"] == shlex.join(["openvmi", "fuzz", "--on", "emu", "--rom", bad, "--replay", str(file)])
    assert any(line.startswith("the call's return: result 0x") for line in divergence["permitted"])
    for part in (_SAYS, str(file), divergence["replay"], "tests/conformance/sequences", file.read_text().rstrip()):
        assert part in told.err
    assert "a condition" not in told.err and [one.name for one in tmp_path.iterdir()] == ["state"]
    done = fuzz(*shlex.split(divergence["replay"])[2:], "--json", str(tmp_path / "again.json"))
    assert done.returncode == 1 and _SAYS in done.stderr and f"{file}, sequence 0:" in done.stderr
    (again,) = json.loads((tmp_path / "again.json").read_text())["divergences"]
    assert again == divergence
    assert campaign.check(Place("emu"), list(report.read(file))) == [None]  # a test, which good ROMs pass


def test_a_replay_finds_it_among_others(bad: str, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    both = [["call irq_save"], ["call pte_set_batch scratch:0x0"], ["call irq_save"]]
    file.write_text(json.dumps({"format": "openvmi-sequence-2", "sequences": both}))
    done = fuzz("--rom", bad, "--replay", str(file), "--json", "-")
    (found,) = json.loads(done.stdout)["divergences"]
    assert done.returncode == 1 and f"{file}, sequence 1:" in done.stderr
    assert found["differs"] == [_SAYS] and found["sequences"] == both[1:2] and found["step"] == 0
    assert list(tmp_path.iterdir()) == [file]


def test_no_file_is_written_over(tmp_path: Path) -> None:
    one = campaign.Finding(Place("emu"), ((read_line("int 1"),),), None, "crash: a")
    other = evolve(one, ended="crash: b")
    paths = [report.store(tmp_path, finding) for finding in (one, other, one)]
    assert paths[0] == paths[2] != paths[1] and {path.read_text() for path in paths} == {one.file, other.file}
    paths[0].write_text("mine")
    third = report.store(tmp_path, one)
    assert third not in paths and third.read_text() == one.file and paths[0].read_text() == "mine"


def test_without_hypothesis_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from openvmi.conformance.fuzz import generate

    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(UnavailableError, match=r"openvmi\[fuzz\]"):
        generate(0, 1)
