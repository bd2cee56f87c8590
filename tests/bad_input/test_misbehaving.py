# SPDX-License-Identifier: MIT
"""Guests that do what no guest should, and users who lose patience with them. Deeds: kernels/hostile/hostile.c."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from openvmi.status import Status
from tests.bad_input.command import COMMAND, HOSTILE, PATIENCE, Done, clean, openvmi, together

AT_ONCE = 1.0  # seconds
LIMIT = 0.5  # seconds that a run may take
SPARE = 2.5  # seconds for starting and ending, on a slow machine


def do(deed: str, *arguments: str) -> Done:
    """Lets the guest misbehave, and asserts that only its console is on stdout."""
    return did(deed, openvmi(*HOSTILE, "--append", f"hostile.do={deed}", *arguments))


def did(deed: str, done: Done) -> Done:
    """Asserts that only the guest's console is on stdout."""
    clean(done)
    assert f"\nhostile: {deed.split()[0]}\n".encode() in done.out and b"openvmi: " not in done.out
    return done


@contextmanager
def doing(deed: str, verb: str = "run") -> Iterator[subprocess.Popen[bytes]]:
    """A guest that misbehaves at this moment."""
    process = subprocess.Popen([*COMMAND, verb, *HOSTILE[1:], "--append", f"hostile.do={deed}"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout
        while b"hostile:" not in process.stdout.readline():
            assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            assert stream
            stream.close()


def ends(process: subprocess.Popen[bytes], within: float, status: int) -> str:
    """Asserts when and how a process ends; returns what it told."""
    began = time.monotonic()
    process.wait(PATIENCE)
    took = time.monotonic() - began
    assert process.stderr
    told = process.stderr.read().decode()
    assert process.returncode == status, told
    assert took < within, f"took {took:.2f} s"
    assert "Traceback" not in told
    return told


@pytest.mark.parametrize("deed", ["spin", "spin-disabled", "sleep", "flood", "spin-disabled vmi=off", "flood vmi=off"])
def test_never_ends(deed: str) -> None:
    began = time.monotonic()
    done = do(deed, "--timeout", str(LIMIT))
    assert time.monotonic() - began < LIMIT + SPARE
    assert done.status == Status.TIMEOUT
    assert done.told == f"openvmi: timeout: the guest did not end within {LIMIT} s\n"
    assert len(done.out) < 64 << 20


def test_sleeps_for_ever_in_virtual_time() -> None:
    done = do("sleep", "--deterministic")
    assert done.status == Status.TIMEOUT and "waits for an event that cannot come" in done.told


#: Deed -> what the first line must say.
CRASHES = {
    "gate": "stack", "stack": "stack", "root": "", "tables": "", "write-rom": "ROM", "remap-rom": "ROM",
    "jump": "vector 14", "jump-rom": "", "load": "vector 14", "deep": "vector 14",
}
#: A native kernel has no way to hand over why; it says so on its console. All of them: tests/libvmi/test_hostile.py.
NATIVE = ["gate vmi=off", "stack vmi=off", "load vmi=off"]


@pytest.fixture(scope="module")
def crashed() -> dict[str, Done]:
    """What each of them came to."""
    return together({deed: [*HOSTILE, "--append", f"hostile.do={deed}"] for deed in (*CRASHES, *NATIVE)})


@pytest.mark.parametrize("deed", [*CRASHES, *NATIVE])
def test_crashes(deed: str, crashed: dict[str, Done]) -> None:
    done = did(deed, crashed[deed])
    assert done.status == Status.CRASH
    first, *rest = done.told.splitlines()
    assert first.startswith("openvmi: crash: ") and len(first) > len("openvmi: crash: ") + 10
    assert CRASHES.get(deed, "") in first and (deed in CRASHES or "stack" in first or b"\npanic: vector " in done.out)
    for part in ("rip ", "rsp ", "cr2 ", "back-trace:", "  #0  ", "taint: "):
        assert any(part in line for line in rest), part


@pytest.mark.parametrize("deed", ["unknown", "bad-calls"])
def test_calls_that_are_refused_politely(deed: str) -> None:
    done = do(deed)
    assert (done.status, done.told) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("deed", ["spin", "spin-disabled", "sleep"])
def test_signals(deed: str, number: signal.Signals) -> None:
    with doing(deed) as process:
        process.send_signal(number)
        assert ends(process, AT_ONCE, Status.INTERRUPTED) == "openvmi: interrupted: stopped by the user\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_signals_while_nobody_takes_the_output(number: signal.Signals) -> None:
    """As with a pager that shows the first page."""
    with doing("flood") as process:
        time.sleep(LIMIT)
        process.send_signal(number)
        assert ends(process, AT_ONCE, Status.INTERRUPTED) == "openvmi: interrupted: stopped by the user\n"


def test_a_reader_that_takes_nothing_does_not_stop_the_clock() -> None:
    process = subprocess.Popen([*COMMAND, *HOSTILE, "--append", "hostile.do=flood", "--timeout", str(LIMIT)],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        assert "openvmi: timeout: " in ends(process, LIMIT + SPARE, Status.TIMEOUT)


def test_a_reader_that_leaves_ends_the_run_quietly() -> None:
    """As in `openvmi run ... | head -1`."""
    with doing("flood") as process:
        assert process.stdout
        process.stdout.close()
        assert ends(process, AT_ONCE, Status.OUTPUT_CLOSED) == ""


def test_ctrl_c_stops_both_runs_of_compare() -> None:
    with doing("spin", "compare") as process:
        process.send_signal(signal.SIGINT)
        assert "native" not in ends(process, AT_ONCE, Status.INTERRUPTED)


def test_a_reader_that_leaves_compare() -> None:
    with doing("flood", "compare") as process:
        assert process.stdout
        process.stdout.close()
        assert "native" not in ends(process, AT_ONCE, Status.OUTPUT_CLOSED)
