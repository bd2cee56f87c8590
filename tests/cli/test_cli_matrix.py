# SPDX-License-Identifier: MIT
"""openvmi matrix on fake hypervisors: which rows there are, and what comes of each way in which one can end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import FakeHypervisor, FakeMachine

from openvmi import resources
from openvmi.cli import main
from openvmi.errors import RefusedError
from openvmi.hypervisors.base import Availability, Ending, Outcome
from openvmi.matrix import CONSOLE_KEPT

Known = dict[str, FakeHypervisor]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def known(known: Known, tmp_path: Path, top: Path, monkeypatch: pytest.MonkeyPatch) -> Known:
    """Two that are usable: emu, with a default ROM and another, and plain, without any."""
    roms = tmp_path / "roms"
    roms.mkdir()
    for name in ("emu", "other"):
        shutil.copy(top / "build" / "roms" / "emu.rom", roms / f"{name}.rom")
    monkeypatch.setattr(resources, "built", lambda kind: tmp_path / kind)
    known |= {"emu": FakeHypervisor("emu", default_rom="emu"), "plain": FakeHypervisor("plain")}
    return known


def ends(outcome: Outcome, said: bytes = b"") -> Callable[[FakeMachine], Outcome]:
    """A guest that says something and ends like this."""
    def run(machine: FakeMachine) -> Outcome:
        machine.config.console(said)
        return outcome

    return run


def matrix(guest: Path, *arguments: str) -> int:
    """One command."""
    return main.run(["matrix", str(guest), *arguments])


def test_rows(known: Known, tiny_file: Path, tmp_path: Path, capfd: Capture) -> None:
    outcome = Outcome(Ending.EXIT, exits={"out": 1234}, instructions=5678, boot_ms=1, run_ms=2)
    known["emu"].outcome = ends(outcome, b"not shown\n")
    known["far"] = FakeHypervisor("far", state=Availability(False, "No engine.", "Get one."))
    assert matrix(tiny_file, "--json", str(tmp_path / "records")) == 0
    out, told = capfd.readouterr()
    assert [line.split() for line in out.splitlines() if line.split()[:1] and line.split()[0] in known] == [
        ["emu", "emu", *"?????", "exit", "0", "1,234", "5,678", "1.0", "2.0"],
        ["emu", "other", *"?????", "exit", "0", "1,234", "5,678", "1.0", "2.0"],
        ["emu", "none", *"?????", "exit", "0", "1,234", "5,678", "1.0", "2.0"],
        ["plain", "none", *"?????", "exit", "0", "0.0", "0.0"],
        ["far", "not", "usable"], ["far", "is", "not", "usable", "here:", "No", "engine.", "Get", "one."]]
    records = json.loads((tmp_path / "records").read_text())
    sha256, = {record["guest_sha256"] for record in records}
    assert out.count(sha256) == 1 and out.startswith(f"tiny, SHA-256 {sha256}")
    assert told.splitlines() == [
        "[1/4] emu, ROM emu: exit 0", "[2/4] emu, ROM other: exit 0", "[3/4] emu, no ROM: exit 0",
        "[4/4] plain, no ROM: exit 0"]
    assert max(map(len, out.splitlines())) <= 110
    assert [(r["hypervisor"], r["rom"] is None, r["status"]) for r in records] == [
        ("emu", False, 0), ("emu", False, 0), ("emu", True, 0), ("plain", True, 0)]


def test_everything_reaches_the_machines(known: Known, tiny_file: Path) -> None:
    assert matrix(tiny_file, "--append", "a=1", "--memory", "32M", "--timeout", "2.5") == 0
    assert matrix(tiny_file, "--no-deterministic") == 0
    machines = known["emu"].machines
    assert [m.config.rom and Path(m.config.rom.path).stem for m in machines] == ["emu", "other", None] * 2
    config = machines[0].config
    assert (config.command_line, config.memory, config.timeout, config.deterministic) == ("a=1", 32 << 20, 2.5, True)
    assert not machines[3].config.deterministic and all(m.left for m in machines)


def test_one_in_host_time_only_runs_in_it(known: Known, tiny_file: Path) -> None:
    known["emu"].host_time_only = True
    assert matrix(tiny_file) == 0
    assert [m.config.deterministic for m in known["emu"].machines] == [False] * 3
    assert known["plain"].machines[0].config.deterministic


def test_one_that_needs_a_rom_is_not_run_without(known: Known, tiny_file: Path, capfd: Capture) -> None:
    known["emu"].needs_rom = True
    assert matrix(tiny_file) == 0
    assert "emu, no ROM" not in capfd.readouterr().err


@pytest.mark.parametrize(("outcome", "status", "word"), [
    (Outcome(Ending.EXIT, 5), 5, "exit 5"), (Outcome(Ending.CRASH, message="died"), 120, "crash"),
    (Outcome(Ending.TIMEOUT, message="too long"), 124, "timeout"), (Outcome(Ending.REBOOT), 122, "reboot"),
])
def test_one_row_fails(outcome: Outcome, status: int, word: str, known: Known, tiny_file: Path, capfd: Capture) -> None:
    known["emu"].outcome = ends(Outcome(Ending.EXIT), b"all is well\n")
    known["ill"] = FakeHypervisor("ill", outcome=ends(outcome, b"\x1b[2J\r\nill at ease\n"))
    known["plain"].outcome = ends(Outcome(Ending.EXIT, 7))
    assert matrix(tiny_file) == status  # of the first that fails
    out, told = capfd.readouterr()
    assert f"ill none ? ? ? ? ? {word} " in " ".join(out.split())
    assert len(known["plain"].machines) == 1
    lines = told.splitlines()
    shown = lines[lines.index(f"[4/5] ill, no ROM: {word}") + 1:-1]
    assert outcome.message in shown[0] and shown[-4:] == [
        "--- console of ill, no ROM ---", "\\x1b[2J", "ill at ease", "--- end of ill, no ROM ---"]
    assert "all is well" not in out + told and lines[-1] == "[5/5] plain, no ROM: exit 7"


def test_a_long_console_is_cut(known: Known, tiny_file: Path, capfd: Capture) -> None:
    known["plain"].outcome = ends(Outcome(Ending.EXIT, 1), b"begin" + b"\xff" * CONSOLE_KEPT)
    assert matrix(tiny_file) == 1
    told = capfd.readouterr().err
    assert "without its first 5 bytes" in told and told.count("\\xff") == CONSOLE_KEPT and "begin" not in told


def test_a_row_that_cannot_run(known: Known, tiny_file: Path, capfd: Capture) -> None:
    known["emu"].refusal = RefusedError("too little [memory]; give more")
    assert matrix(tiny_file, "--json", "-") == 121
    out, told = capfd.readouterr()
    refused, *_, fine = json.loads(out)
    assert set(refused) == set(fine)
    assert (refused["rom"], refused["status"], refused["exit_reason"]) == ("emu", 121, None)
    assert refused["message"] == "too little [memory]; give more" and fine["status"] == 0
    assert "[1/4] emu, ROM emu: failed, 121\nopenvmi: too little [memory]; give more\n" in told
    assert "tiny, SHA-256" in told  # the table made room for the JSON


def test_the_default_rom_is_not_built(known: Known, tiny_file: Path, capfd: Capture) -> None:
    known["plain"].default_rom = "nowhere"
    assert matrix(tiny_file) == 69
    assert "run: openvmi rom build nowhere" in capfd.readouterr().err


def test_nothing_is_usable(known: Known, tiny_file: Path, capfd: Capture) -> None:
    for hypervisor in known.values():
        hypervisor.state = Availability(False, f"No {hypervisor.name}.", "Get one.")
    assert matrix(tiny_file, "--json", "-") == 69
    out, told = capfd.readouterr()
    assert json.loads(out) == [] and "No emu. Get one." in told and "openvmi doctor" in told.splitlines()[-1]


def test_unknown_guest(known: Known, capfd: Capture) -> None:
    assert matrix(Path("no-such")) == 64
    assert capfd.readouterr().err.startswith("openvmi: no guest 'no-such'") and not known["emu"].machines


def test_damaged_rom(known: Known, tiny_file: Path, tmp_path: Path, capfd: Capture) -> None:
    (tmp_path / "roms" / "other.rom").write_bytes(b"?")
    assert matrix(tiny_file) == 65
    assert "other.rom" in capfd.readouterr().err


def test_record_that_cannot_be_written(known: Known, tiny_file: Path, capfd: Capture) -> None:
    assert matrix(tiny_file, "--json", "/does/not/exist") == 64
    out, told = capfd.readouterr()
    assert "tiny, SHA-256" in out and "cannot write the record" in told


def test_the_guest_changes_meanwhile(known: Known, tiny_file: Path, tmp_path: Path, capfd: Capture) -> None:
    guest = tmp_path / "tiny.elf"
    shutil.copy(tiny_file, guest)

    def build(machine: FakeMachine) -> Outcome:
        guest.write_bytes(guest.read_bytes() + b"\0")
        return Outcome(Ending.EXIT)

    known["emu"].outcome = build
    assert matrix(guest) == 125
    assert "it changed between two runs" in capfd.readouterr().err and not known["plain"].machines


def test_ctrl_c_stops_all_of_it(known: Known, tiny_file: Path, capfd: Capture) -> None:
    def hold(machine: FakeMachine) -> Outcome:
        if machine.config.rom:
            return Outcome(Ending.EXIT)
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        assert machine.stopped.wait(10)
        return Outcome(Ending.INTERRUPTED)

    known["emu"].outcome = hold
    assert matrix(tiny_file) == 130
    out, told = capfd.readouterr()
    assert out == "" and "[3/4] emu, no ROM: interrupted\n" in told
    assert not known["plain"].machines and all(m.left for m in known["emu"].machines)
