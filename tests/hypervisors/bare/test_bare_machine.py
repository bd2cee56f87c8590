# SPDX-License-Identifier: MIT
"""Memory, console, command line, modules, and stopping and pausing from elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from openvmi.guest.image import GuestImage
from openvmi.hypervisors.bare.machine import BareMachine
from openvmi.hypervisors.base import Ending
from openvmi.units import Gva
from tests.hypervisors.bare.conftest import Ran, after_banner

Run = Callable[..., Ran]
Make = Callable[..., BareMachine]
ENOUGH = 20.0  # seconds after which something counts as hanging


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + ENOUGH
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_stop_from_another_thread(make: Make, hostile: GuestImage) -> None:
    def on_output(data: bytes) -> None:
        threading.Thread(target=machine.stop).start()

    machine = make(hostile, "hostile.do=spin-disabled", console=on_output)
    outcome = machine.run()
    assert outcome.ending is Ending.INTERRUPTED and outcome.run_ms < ENOUGH * 1e3
    machine.stop()


def test_stop_from_the_console_and_before_the_run(make: Make, hostile: GuestImage) -> None:
    machine = make(hostile, "hostile.do=flood", console=lambda data: machine.stop())
    assert machine.run().ending is Ending.INTERRUPTED
    machine = make(hostile, "hostile.do=flood")
    machine.stop()
    assert machine.run().ending is Ending.INTERRUPTED


def test_time_limit(run: Run, hostile: GuestImage) -> None:
    ran = run(hostile, "hostile.do=spin", timeout=0.5)
    assert ran.outcome.ending is Ending.TIMEOUT and "0.5 s" in ran.outcome.message
    assert 500 <= ran.outcome.run_ms < 5000 and b"hostile: spin" in ran.said


def test_pause_and_resume(make: Make, case: GuestImage) -> None:
    counting = threading.Event()
    said = bytearray()

    def on_output(data: bytes) -> None:
        said.extend(data)
        if b"counting" in said:
            counting.set()

    machine = make(case, "case.do=count", console=on_output)
    address = case.symbols().address("counter")
    assert address

    def counter() -> int:
        data = machine.read_memory(address, 8)
        assert data
        return int.from_bytes(data, "little")

    machine.pause()  # before it runs
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(machine.run()))
    thread.start()
    assert not counting.wait(0.2)
    machine.resume()
    assert counting.wait(ENOUGH)
    for _ in range(5):
        machine.pause()
        before = counter()
        time.sleep(0.03)
        assert counter() == before
        machine.resume()
        _until(lambda: counter() > before)  # noqa: B023
    machine.pause()
    machine.stop()
    thread.join(ENOUGH)
    assert outcomes and outcomes[0].ending is Ending.INTERRUPTED
    assert counter() > 0
    machine.pause()  # after the end: returns at once


def test_pause_from_the_console(make: Make, case: GuestImage) -> None:
    def on_output(data: bytes) -> None:
        machine.pause()
        threading.Timer(0.1, machine.resume).start()

    machine = make(case, "case.do=line", console=on_output)
    assert machine.run().ending is Ending.EXIT


def test_paused_time_does_not_count(make: Make, case: GuestImage) -> None:
    machine = make(case, "case.do=line", timeout=2.0)
    machine.pause()
    threading.Timer(2.2, machine.resume).start()
    assert machine.run().ending is Ending.EXIT


@pytest.mark.parametrize("after", [0.0, 0.2])
@pytest.mark.parametrize("size", [1, 40, 20_000])
def test_console_input(make: Make, case: GuestImage, size: int, after: float) -> None:
    """Whenever the input comes, before the serial port is set up or after, all of it arrives."""
    text = bytes(97 + at % 26 for at in range(size)) + b"."
    said = bytearray()
    machine = make(case, "case.do=echo", console=said.extend)
    threading.Timer(after, machine.send_console, [text]).start() if after else machine.send_console(text)
    assert machine.run().ending is Ending.EXIT
    assert after_banner(said) == text


def test_console_is_binary_safe(make: Make, case: GuestImage) -> None:
    text = bytes(value for value in range(256) if value != ord(".")) + b"."
    said = bytearray()
    machine = make(case, "case.do=echo", console=said.extend)
    machine.send_console(text)
    machine.run()
    assert after_banner(said) == text


def test_slow_reader_gets_everything(run: Run, make: Make, hello: GuestImage) -> None:
    said = bytearray()

    def slowly(data: bytes) -> None:
        time.sleep(0.01)
        said.extend(data)

    make(hello, deterministic=True, console=slowly).run()
    assert bytes(said) == run(hello, deterministic=True).said


@pytest.mark.parametrize("line", ["a,b,,c 'd\" \\ %s $HOME = ; | , ,, e=", "-S -kernel x", "x" * 4082])
def test_command_line_arrives_as_it_is(run: Run, case: GuestImage, line: str) -> None:
    line = f"case.do=line {line}"
    assert len(line) <= 4095 and run(case, line).own.decode() == f"{len(line)}:{line}\0"


@pytest.mark.parametrize("data", [b"x", bytes(range(256)) * 5000])
def test_module(run: Run, case: GuestImage, data: bytes) -> None:
    total = 0
    for byte in data:
        total = (total * 31 + byte) & 0xFFFF_FFFF
    assert run(case, "case.do=modules", modules=(("a,b", data),)).own == b"module %d %x\n" % (len(data), total)


@pytest.mark.parametrize("mebibytes", [16, 33, 3072])
def test_memory_sizes(run: Run, case: GuestImage, mebibytes: int) -> None:
    ran = run(case, "case.do=memory", memory=mebibytes << 20)
    end = int(ran.own.split()[1])
    assert (mebibytes - 1 << 20) < end <= mebibytes << 20
    assert ran.machine.read_memory(Gva(case.direct_map + end - 8), 8) == bytes.fromhex("efcdab8967452301")


def test_memory_after_the_end(run: Run, case: GuestImage) -> None:
    machine = run(case, "case.do=line").machine
    text = next(s for s in case.segments if s.executable)
    assert machine.read_memory(text.virtual, len(text.data)) == text.data
    assert machine.read_memory(Gva(case.direct_map + text.physical), 64) == text.data[:64]
    for address, size in [(0, 1), (case.image_end, 1), (case.image_end - 1, 2), (case.direct_map - 1, 1),
                          (case.direct_map + (64 << 20) - 1, 2), (2**64 - 1, 1)]:  # fmt: skip
        assert machine.read_memory(Gva(address), size) is None
