# SPDX-License-Identifier: MIT
"""openvmi run: what goes to the machine, what comes out where, and every exit status."""

from __future__ import annotations

import json
import os
import signal
import struct
import threading
import time
from pathlib import Path

import pytest
from fakes import FakeHypervisor, FakeMachine

from openvmi import running
from openvmi.cli import main
from openvmi.errors import RefusedError
from openvmi.guest import image
from openvmi.hypervisors.base import Availability, Crash, Ending, Mark, Outcome, Registers
from openvmi.status import MEANING

RECORD = {"guest", "guest_sha256", "hypervisor", "rom", "rom_sha256", "rom_text_bytes", "rom_licence", "taint", "link",
          "exits", "guest_instructions", "marks", "wall_ms", "exit_reason", "exit_code", "message"}


def registers(rip: int) -> Registers:
    """A state with something in it."""
    return Registers({"rax": 1, "rbx": 2}, rip, 0x246, 0x8, 0x10, 0xDEAD000, 0x1000, False)


@pytest.mark.parametrize(("outcome", "status"), [
    (Outcome(Ending.EXIT, 0), 0), (Outcome(Ending.EXIT, 7), 7), (Outcome(Ending.EXIT, 63), 63),
    (Outcome(Ending.EXIT, 64), 63), (Outcome(Ending.EXIT, 0xFFFFFFFF), 63),
    (Outcome(Ending.CRASH, message="page fault"), 120), (Outcome(Ending.REFUSED, message="licence"), 121),
    (Outcome(Ending.REBOOT), 122), (Outcome(Ending.TIMEOUT), 124), (Outcome(Ending.INTERRUPTED), 130),
])
def test_status(outcome: Outcome, status: int, fake: FakeHypervisor, tiny_file: Path,
                capfd: pytest.CaptureFixture[str]) -> None:
    fake.outcome = lambda machine: outcome
    assert main.run(["run", str(tiny_file)]) == status
    out, told = capfd.readouterr()
    assert out == ""
    if outcome.ending is Ending.EXIT:
        assert bool(told) == (outcome.code > 63)
    else:
        assert told == f"openvmi: {outcome.ending.value}: {outcome.message or MEANING[status]}\n"
    assert fake.machines[0].left


def test_help_lists_every_status(capsys: pytest.CaptureFixture[str]) -> None:
    main.run(["run", "--help"])
    text = capsys.readouterr().out
    assert "0-63" in text
    assert all(f"{number.value}  " in text and meaning in text for number, meaning in MEANING.items())


def test_everything_reaches_the_machine(fake: FakeHypervisor, tiny_file: Path, tmp_path: Path) -> None:
    for name, data in (("one", b"1"), ("two", b"22"), ("typed", b"hello\n")):
        (tmp_path / name).write_bytes(data)
    assert main.run(["run", str(tiny_file), "--on", "fake", "--rom", "none", "--append", "vmi=off x", "--memory", "32M",
                     "--module", str(tmp_path / "one"), "--module", str(tmp_path / "two"), "--timeout", "2.5",
                     "--deterministic", "--input", str(tmp_path / "typed")]) == 0
    machine, = fake.machines
    config = machine.config
    assert (config.guest.name, config.rom, config.command_line, config.memory) == ("tiny", None, "vmi=off x", 32 << 20)
    assert config.modules == (("one", b"1"), ("two", b"22"))
    assert (config.timeout, config.deterministic, machine.typed) == (2.5, True, [b"hello\n"])


def test_console_is_raw_on_stdout(fake: FakeHypervisor, tiny_file: Path, capfdbinary) -> None:
    def talk(machine: FakeMachine) -> Outcome:
        machine.config.console(b"\x00\xff\r\n")
        machine.config.console(b"end")
        return Outcome(Ending.CRASH, message="told elsewhere")

    fake.outcome = talk
    main.run(["run", str(tiny_file)])
    out, told = capfdbinary.readouterr()
    assert out == b"\x00\xff\r\nend" and b"told elsewhere" in told


def test_record(fake: FakeHypervisor, tiny_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guest = image.load(tiny_file)
    monkeypatch.setattr(running, "_LINK_SYMBOL", "start")
    fake.memory = {guest.entry: struct.pack("<10IQ", 0x4B4E4C56, 6, 10, 1, 2, 3, 4, 0, 0, 0, 0)}
    fake.outcome = lambda machine: Outcome(
        Ending.EXIT, 3, exits={"out": 2, "hlt": 1}, instructions=1000, marks=[Mark(1, 2, 500, 70)], boot_ms=1.5,
        run_ms=2.25)
    path = tmp_path / "record.json"
    assert main.run(["run", str(tiny_file), "--json", str(path)]) == 3
    record = json.loads(path.read_text())
    assert set(record) >= RECORD
    assert record["guest"] == "tiny" and record["guest_sha256"] == guest.sha256 and record["rom"] is None
    assert record["taint"] == "SU"
    assert record["link"] == {"sites": 10, "native": 1, "inline": 3, "call": 4, "nop": 2, "jump": 0}
    assert record["exits"] == {"hlt": 1, "out": 2} and record["guest_instructions"] == 1000
    assert record["marks"] == [{"mark": 1, "value": 2, "guest_instructions": 500, "time_ns": 70}]
    assert set(record["wall_ms"]) == {"start", "boot", "run"} and record["wall_ms"]["run"] == 2.25
    assert (record["exit_reason"], record["exit_code"], record["status"]) == ("exit", 3, 3)


@pytest.mark.parametrize("memory", [b"", b"\0" * 48, struct.pack("<10IQ", 0x4B4E4C56, *range(10))[:47]])
def test_record_without_link_state(memory: bytes, fake: FakeHypervisor, tiny_file: Path, tmp_path: Path,
                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_LINK_SYMBOL", "start")
    fake.memory = {image.load(tiny_file).entry: memory}
    main.run(["run", str(tiny_file), "--json", str(tmp_path / "r")])
    record = json.loads((tmp_path / "r").read_text())
    assert record["link"] is None and record["taint"] is None


def test_crash_report(fake: FakeHypervisor, tiny_file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    guest = image.load(tiny_file)
    fake.outcome = lambda machine: Outcome(Ending.CRASH, message="the guest crashed", crash=Crash(
        "page fault at 0xdead000", registers(guest.entry + 1), (guest.entry + 4, guest.window + 8, 0x10)))
    assert main.run(["run", str(tiny_file)]) == 120
    told = capfd.readouterr().err
    for part in ("crash: the guest crashed", "fault: page fault at 0xdead000", f"rip {guest.entry + 1:016x} start+0x1",
                 "rax 0000000000000001", "cr2 000000000dead000", f"#0  {guest.entry + 1:016x} start+0x1",
                 f"#1  {guest.entry + 4:016x} start+0x4", f"#2  {guest.window + 8:016x}\n", "taint: unknown"):
        assert part in told, told


def test_names_in_the_rom(fake: FakeHypervisor, tiny_file: Path, top: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rom = top / "build" / "roms" / "emu.rom"
    guest = image.load(tiny_file)
    fake.outcome = lambda machine: Outcome(Ending.CRASH, crash=Crash("#GP", registers(guest.window), ()))
    assert main.run(["run", str(tiny_file), "--rom", str(rom)]) == 120
    assert f"rip {guest.window:016x} rom:" in capfd.readouterr().err


@pytest.mark.parametrize(("arguments", "status", "said"), [
    (["nothing"], 64, "no guest 'nothing': expected a file, or one of"),
    (["{guest}", "--on", "vax"], 64, "there is no hypervisor 'vax'"),
    (["{guest}", "--rom", "nothing"], 64, "no ROM 'nothing': expected a file, none, or one of"),
    (["{guest}", "--rom", "{guest}"], 65, "tiny.elf"),
    (["{guest}", "--memory", "much"], 64, "size 'much'"),
    (["{guest}", "--module", "/does/not/exist"], 64, "cannot read this module"),
    (["{guest}", "--input", "/does/not/exist"], 64, "cannot read this input"),
    (["{guest}", "--json", "/does/not/exist"], 64, "cannot write the record"),
])
def test_refused_arguments(arguments: list[str], status: int, said: str, fake: FakeHypervisor, tiny_file: Path,
                           capfd: pytest.CaptureFixture[str]) -> None:
    assert main.run(["run", *[a.format(guest=tiny_file) for a in arguments]]) == status
    out, told = capfd.readouterr()
    assert out == "" and said in told and told.count("\n") == 1


def test_bad_guest(fake: FakeHypervisor, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.elf").write_bytes(b"\x7fELF")
    assert main.run(["run", str(tmp_path / "bad.elf")]) == 65
    assert "is it truncated?" in capfd.readouterr().err


def test_refused_by_the_hypervisor(fake: FakeHypervisor, tiny_file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fake.refusal = RefusedError("guest larger than memory")
    assert main.run(["run", str(tiny_file)]) == 121
    assert capfd.readouterr().err == "openvmi: guest larger than memory\n"


def test_other_major_version(fake: FakeHypervisor, tiny_file: Path, tmp_path: Path,
                             capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(tiny_file.read_bytes())
    at = data.index(b"OpenVMI\0") + 8
    data[at] = 5
    (tmp_path / "five.elf").write_bytes(data)
    assert main.run(["run", str(tmp_path / "five.elf")]) == 121
    assert "built for VMI 5.1, this openvmi has 4.1" in capfd.readouterr().err


def test_unusable_hypervisor(fake: FakeHypervisor, tiny_file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fake.state = Availability(False, "No engine.", "Run: pip install engine")
    assert main.run(["run", str(tiny_file), "--on", "fake"]) == 69
    assert "fake is not usable here: No engine. Run: pip install engine" in capfd.readouterr().err
    assert main.run(["run", str(tiny_file)]) == 69
    assert "openvmi doctor" in capfd.readouterr().err


def test_rom_not_built(fake: FakeHypervisor, tiny_file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fake.default_rom = "nowhere"
    assert main.run(["run", str(tiny_file)]) == 69
    assert "run: openvmi rom build nowhere, or use --rom none" in capfd.readouterr().err


def test_interrupt_stops_the_machine_from_another_thread(fake: FakeHypervisor, tiny_file: Path) -> None:
    """The main thread waits and gets no chance to run a Python signal handler that would stop the machine."""
    def hold(machine: FakeMachine) -> Outcome:
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        began = time.monotonic()
        assert machine.stopped.wait(10)
        assert time.monotonic() - began < 5
        return Outcome(Ending.INTERRUPTED)

    fake.outcome = hold
    before = signal.getsignal(signal.SIGINT)
    assert main.run(["run", str(tiny_file)]) == 130
    assert signal.getsignal(signal.SIGINT) is before


def test_reader_that_left_stops_the_machine(fake: FakeHypervisor, tiny_file: Path, monkeypatch: pytest.MonkeyPatch,
                                            capfd: pytest.CaptureFixture[str]) -> None:
    def talk(machine: FakeMachine) -> Outcome:
        machine.config.console(b"more")
        return Outcome(Ending.INTERRUPTED if machine.stopped.is_set() else Ending.EXIT)

    fake.outcome = talk
    monkeypatch.setattr("openvmi.cli.terminal.console", lambda seconds: lambda data: False)
    assert main.run(["run", str(tiny_file)]) == 141
    assert capfd.readouterr() == ("", "")


def test_preference_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {name: FakeHypervisor(name) for name in ("abacus", "best", "broken")}
    monkeypatch.setattr("openvmi.hypervisors.names", lambda: sorted(known))
    monkeypatch.setattr("openvmi.hypervisors.get", known.__getitem__)
    assert running.choose(None).name == "abacus"

    class Preferred(FakeHypervisor):
        preference = 1

    known["best"] = Preferred("best")
    known["broken"] = Preferred("broken", state=Availability(False, "no"))
    assert running.choose(None).name == "best"
