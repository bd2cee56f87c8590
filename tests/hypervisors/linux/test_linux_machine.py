# SPDX-License-Identifier: MIT
"""Runs with a fake runner: how they end, what is read of them, and who is killed when."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from openvmi.abi.layouts import CrashReport
from openvmi.errors import OpenVmiError
from openvmi.hypervisors.base import Ending
from openvmi.hypervisors.linux import process, session
from openvmi.hypervisors.linux.machine import LinuxMachine
from openvmi.units import Gpa, Gva
from tests.hypervisors.linux.conftest import ENOUGH, Ran, alive, held, until
from tests.machine.fakes import FakeGuest, FakeRom

Make = Callable[..., LinuxMachine]
Run = Callable[..., Ran]


# ---- endings ----


@pytest.mark.parametrize(
    ("line", "ending", "code", "message"),
    [
        ("exit", Ending.EXIT, 0, ""),
        ("exit=7", Ending.EXIT, 7, ""),
        ("reboot", Ending.REBOOT, 0, "the guest asked to be started again"),
        ("crash=0:out_of_luck", Ending.CRASH, 0, "out of luck"),
        ("refused", Ending.REFUSED, 0, "the guest refused to run here; its console says why"),
        ("timeout", Ending.TIMEOUT, 0, "the guest did not end within 10 s"),
        ("interrupted", Ending.INTERRUPTED, 0, "stopped by the user"),
    ],
)
def test_endings(run: Run, line: str, ending: Ending, code: int, message: str) -> None:
    ran = run(f"say=hello {line}")
    outcome = ran.outcome
    assert (outcome.ending, outcome.code, outcome.message) == (ending, code, message)
    assert ran.said == b"hello\n" and 0 < outcome.boot_ms <= outcome.run_ms < ENOUGH * 1e3
    assert (outcome.crash is not None) == (ending is Ending.CRASH) and outcome.instructions is None


def test_counts_and_marks(run: Run) -> None:
    outcome = run("mark=1,2,3 mark=4,5,6 counts").outcome
    assert outcome.exits == {"Halt": 3, "page fault": 1 << 40}
    assert [(m.mark, m.value, m.instructions, m.time) for m in outcome.marks] == [(1, 2, None, 3), (4, 5, None, 6)]


def test_crash_with_registers(run: Run) -> None:
    ran = run("registers")
    crash = ran.outcome.crash
    assert crash and crash.registers and crash.reason == ran.outcome.message == "it died"
    registers = crash.registers
    assert registers.general["rax"] == 100 and registers.general["r15"] == 115 and registers.rip == FakeGuest().entry
    assert (registers.cr2, registers.user) == (0xDEAD, True) and crash.backtrace == (0x1234,)


def test_crash_that_the_guest_reported(run: Run, fake: Make) -> None:
    place = 0x20_0000
    machine = fake(f"report={place} crash")
    text = b"something broke"
    report = CrashReport(
        vector=14, error=2, fault_address=0x99, frame=(0x1111, 0x33, 0x202, 0x2222, 0x2B), page_root=0x3000,
        registers=(0,) * 15, message=machine.config.guest.direct_map + place + CrashReport.SIZE, message_size=len(text),
    )
    machine._memory.write(Gpa(place), report.pack() + text)
    outcome = machine.run()
    assert outcome.ending is Ending.CRASH and outcome.crash and outcome.crash.registers
    assert outcome.message == outcome.crash.reason == "something broke (vector 14, error code 0x2)"
    assert outcome.crash.registers.rip == 0x1111
    unmapped = run("report=17592186044416 crash=0:own_words").outcome
    assert unmapped.crash and unmapped.crash.reason == "own words"


def test_runner_that_cannot_go_on(fake: Make) -> None:
    with pytest.raises(OpenVmiError, match=r"runner \(process \d+\) could not go on: no memory for a stub$"):
        fake("failed=0:no_memory_for_a_stub").run()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("die=SIGKILL", r"killed by SIGKILL\): it said nothing; something outside ended it"),
        ("die=SIGSEGV", "killed by SIGSEGV"),
        ("die=SIGBUS", "SIGBUS.*no memory left for the guest's.*--memory"),
        ("die=SIGXCPU", "SIGXCPU.*ulimit -t"),
        ("die=SIGSYS", "SIGSYS.*broken out"),
        ("status=3", r"status 3\): a complaint$"),
        ("status=0", r"status 0\): a complaint$"),
        ("raw=00", "1 bytes that make no sense"),
        ("raw=0100000000000000", "8 bytes that make no sense"),
        ("close=control deaf", "killed by SIGKILL"),
    ],
)
def test_runner_that_ends_by_something_else(fake: Make, monkeypatch: pytest.MonkeyPatch, line: str,
                                            words: str) -> None:
    monkeypatch.setattr(process, "_END_SECONDS", 0.1)
    machine = fake(f"say=hello {line}")
    with pytest.raises(OpenVmiError, match=words) as caught:
        machine.run()
    assert "\n" not in str(caught.value) and not alive(machine.runner.pid)


def test_out_of_memory_is_named(fake: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    count = iter(range(10))
    monkeypatch.setattr(process, "_out_of_memory_kills", lambda: next(count))
    with pytest.raises(OpenVmiError, match=r"SIGKILL.*ran out of memory.*less --memory"):
        fake("die=SIGKILL").run()


def test_the_system_counts_such_ends() -> None:
    text = Path("/proc/vmstat").read_text()
    assert f"\noom_kill {process._out_of_memory_kills()}\n" in text


def test_killed_before_it_runs(fake: Make) -> None:
    machine = fake("exit")
    os.kill(machine.runner.pid, signal.SIGKILL)
    with pytest.raises(OpenVmiError, match="killed by SIGKILL"):
        machine.run()


# ---- memory ----


def test_memory_before_and_after(fake: Make) -> None:
    machine = fake("stuff exit")
    guest = machine.config.guest
    assert machine.read_memory(Gva(guest.direct_map + 0x10_0000), 4) == b"\x90" * 4
    rom = FakeRom()
    assert machine.read_memory(guest.window, len(rom.text)) == rom.text
    assert machine.read_memory(Gva(guest.window + 0x2000), len(rom.data_page)) == rom.data_page
    machine.run()
    assert machine.read_memory(Gva(guest.direct_map + 0x10_0000), 5) == b"stuff"
    assert machine.read_memory(guest.image_start, 5) == b"stuff", "the image is there"
    end = guest.direct_map + machine.config.memory
    assert machine.read_memory(Gva(end - 1), 1) == b"\0"
    for address, size in [(end - 1, 2), (end, 1), (guest.window + 0x3000, 1), (0, 1), (2**64 - 1, 1)]:
        assert machine.read_memory(Gva(address), size) is None


@pytest.mark.parametrize("limit", [resource.RLIMIT_FSIZE, resource.RLIMIT_AS])
def test_no_room_for_memory(fake: Make, limit: int) -> None:
    before, limits = held(), resource.getrlimit(limit)
    used = 0 if limit == resource.RLIMIT_FSIZE else _address_space()
    resource.setrlimit(limit, (used + (96 << 20), limits[1]))
    try:
        with pytest.raises(OpenVmiError, match=r"no 512 MiB of memory for the guest: .*; give it less with --memory"):
            fake("exit", memory=512 << 20)
    finally:
        resource.setrlimit(limit, limits)
    assert held() == before


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * 4096


# ---- console ----


@pytest.mark.parametrize("size", [1, 300_000])
@pytest.mark.parametrize("late", [False, True])
def test_console_input(fake: Make, size: int, late: bool) -> None:
    text = bytes(at % 256 for at in range(size))
    said = bytearray()
    machine = fake(f"say=ready echo={size} exit", console=said.extend)
    if late:
        sender = threading.Thread(target=lambda: (until(lambda: b"ready" in said), machine.send_console(text)))
        sender.start()
    else:
        machine.send_console(text)
    assert machine.run().ending is Ending.EXIT and bytes(said) == b"ready\n" + text
    if late:
        sender.join()


def test_slow_reader_gets_everything(fake: Make) -> None:
    said = bytearray()

    def slowly(data: bytes) -> None:
        time.sleep(0.005)
        said.extend(data)

    machine = fake("echo=1000000 exit", console=slowly)
    machine.send_console(bytes(1_000_000))
    assert machine.run().ending is Ending.EXIT and len(said) == 1_000_000


# ---- stop, pause, limits ----


def test_stop_from_another_thread(fake: Make) -> None:
    machine = fake("say=hello obey", console=lambda data: threading.Thread(target=machine.stop).start())
    outcome = machine.run()
    assert (outcome.ending, outcome.message) == (Ending.INTERRUPTED, "stopped by the user")
    machine.stop()


def test_stop_from_the_console_before_the_run_and_in_a_flood(fake: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_ANSWER_SECONDS", 0.2)
    machine = fake("say=hello obey", console=lambda data: machine.stop())
    assert machine.run().ending is Ending.INTERRUPTED
    machine = fake("flood")
    machine.stop()
    assert machine.run().ending is Ending.INTERRUPTED
    machine = fake("flood", console=lambda data: machine.stop())
    assert machine.run().ending is Ending.INTERRUPTED and not alive(machine.runner.pid)


def test_runner_that_does_not_listen_is_killed(fake: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_ANSWER_SECONDS", 0.2)
    machine = fake("say=hello deaf", console=lambda data: machine.stop())
    assert machine.run().ending is Ending.INTERRUPTED and not alive(machine.runner.pid)
    assert machine.read_memory(machine.config.guest.image_start, 1) == b"\x90"


@pytest.mark.parametrize("line", ["obey", "deaf"])
def test_time_limit_that_the_runner_does_not_keep(fake: Make, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setattr(session, "_ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(session, "_LATE_SECONDS", 0.1)
    outcome = fake(line, timeout=0.2).run()
    assert (outcome.ending, outcome.message) == (Ending.TIMEOUT, "the guest did not end within 0.2 s")
    assert 300 <= outcome.run_ms < 5000


def test_an_end_by_itself_counts_when_it_is_stopped_too(fake: Make) -> None:
    """The guest was done before the order came."""
    machine = fake("say=hello exit=5", console=lambda data: (time.sleep(0.1), machine.stop()))
    assert (outcome := machine.run()).ending is Ending.EXIT and outcome.code == 5


def test_pause_and_resume(fake: Make) -> None:
    hello = threading.Event()
    machine = fake("say=hello obey", console=lambda data: hello.set())
    machine.pause()  # before it runs
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(machine.run()))
    thread.start()
    assert not hello.wait(0.1)
    machine.resume()
    assert hello.wait(ENOUGH)
    for _ in range(20):
        machine.pause()
        machine.resume()
    machine.pause()
    machine.stop()
    thread.join(ENOUGH)
    assert outcomes and outcomes[0].ending is Ending.INTERRUPTED
    machine.pause()  # after the end: returns at once


def test_pause_from_the_console(fake: Make) -> None:
    def on_output(data: bytes) -> None:
        machine.pause()
        threading.Timer(0.05, machine.resume).start()
        threading.Timer(0.1, machine.stop).start()

    machine = fake("say=hello obey", console=on_output)
    assert machine.run().ending is Ending.INTERRUPTED


def test_paused_time_does_not_count(fake: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_LATE_SECONDS", 0.0)
    hello = threading.Event()
    machine = fake("say=hello obey", timeout=0.5, console=lambda data: hello.set())

    def pause() -> None:
        hello.wait(ENOUGH)
        machine.pause()
        time.sleep(0.6)
        machine.resume()

    thread = threading.Thread(target=pause)
    thread.start()
    outcome = machine.run()
    thread.join()
    assert outcome.ending is Ending.TIMEOUT and outcome.run_ms >= 1050


def test_pause_without_an_answer(fake: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_ANSWER_SECONDS", 0.2)
    machine = fake("say=hello deaf", console=lambda data: machine.pause())
    with pytest.raises(OpenVmiError, match=r"runner \(process \d+\) did not pause the guest within 0.2 s"):
        machine.run()
    assert not alive(machine.runner.pid)
