# SPDX-License-Identifier: MIT
"""The real runner with a guest of the tests: console, command line, modules, memory, and pausing."""

from __future__ import annotations

import platform
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from openvmi.guest.build import build
from openvmi.guest.image import GuestImage, load
from openvmi.hypervisors.base import Ending
from openvmi.hypervisors.linux.machine import LinuxMachine
from openvmi.units import Gva
from tests.hypervisors.linux.conftest import ENOUGH, until

pytestmark = pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64",
                                reason="the runner is for Linux x86-64")
Make = Callable[..., LinuxMachine]


@pytest.fixture(params=["linked", "native"])
def make(request: pytest.FixtureRequest, make: Make) -> Make:
    """As elsewhere, and with no ROM at all."""
    return make if request.param == "linked" else partial(make, rom=None)


@pytest.fixture(scope="module")
def case(top: Path, tmp_path_factory: pytest.TempPathFactory) -> GuestImage:
    """The guest of the tests of bare hardware, the same file."""
    output = tmp_path_factory.mktemp("case") / "case.elf"
    build(top / "tests" / "hypervisors" / "bare" / "guest", output, top / "build" / "cache")
    return load(output)


def own(said: bytes) -> bytes:
    """What the guest's own code said, after libvmi's line."""
    banner, _, rest = said.partition(b"\n")
    assert banner.startswith(b"vmi: "), said
    return rest


def run(make: Make, guest: GuestImage, line: str, **values: object) -> bytes:
    """A run to a plain end, and what the guest said."""
    said = bytearray()
    outcome = make(guest, line, console=said.extend, **values).run()
    assert (outcome.ending, outcome.code) == (Ending.EXIT, 0), outcome.message
    return own(bytes(said))


def test_pause_and_resume(make: Make, case: GuestImage) -> None:
    counting = threading.Event()
    machine = make(case, "case.do=count", console=lambda data: counting.set() if b"counting" in data else None)
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
    assert not counting.wait(0.1)
    machine.resume()
    assert counting.wait(ENOUGH)
    for _ in range(10):
        machine.pause()
        before = counter()
        time.sleep(0.01)
        assert counter() == before
        machine.resume()
        assert until(lambda: counter() > before)  # noqa: B023
    machine.pause()
    machine.stop()
    thread.join(ENOUGH)
    assert outcomes and outcomes[0].ending is Ending.INTERRUPTED and counter() > 0


def test_paused_time_does_not_count(make: Make, case: GuestImage) -> None:
    begun = threading.Event()
    machine = make(case, "case.do=count", timeout=0.5, console=lambda data: begun.set())

    def pause() -> None:
        assert begun.wait(ENOUGH)
        machine.pause()
        time.sleep(0.6)
        machine.resume()

    thread = threading.Thread(target=pause)
    thread.start()
    outcome = machine.run()
    thread.join()
    assert outcome.ending is Ending.TIMEOUT and outcome.run_ms >= 1050


@pytest.mark.parametrize("after", [0.0, 0.1])
@pytest.mark.parametrize("size", [1, 40, 20_000])
def test_console_input(make: Make, case: GuestImage, size: int, after: float) -> None:
    text = bytes(97 + at % 26 for at in range(size)) + b"."
    said = bytearray()
    machine = make(case, "case.do=echo", console=said.extend)
    threading.Timer(after, machine.send_console, [text]).start() if after else machine.send_console(text)
    assert machine.run().ending is Ending.EXIT and own(bytes(said)) == text


@pytest.mark.parametrize("line", ["a,b,,c 'd\" \\ %s $HOME = ; | , ,, e=", "x" * 4082])
def test_command_line_arrives_as_it_is(make: Make, case: GuestImage, line: str) -> None:
    line = f"case.do=line {line}"
    assert run(make, case, line).decode() == f"{len(line)}:{line}\0"


def test_modules(make: Make, case: GuestImage) -> None:
    parts = (b"x", b"", bytes(range(256)) * 5000)
    expected = b""
    for data in parts:
        total = 0
        for byte in data:
            total = (total * 31 + byte) & 0xFFFF_FFFF
        expected += b"module %d %x\n" % (len(data), total)
    assert run(make, case, "case.do=modules", modules=tuple(("name", data) for data in parts)) == expected


@pytest.mark.parametrize("mebibytes", [8, 34, 1024])
def test_memory_sizes(make: Make, case: GuestImage, mebibytes: int) -> None:
    said = bytearray()
    machine = make(case, "case.do=memory", memory=mebibytes << 20, console=said.extend)
    assert machine.run().ending is Ending.EXIT and own(bytes(said)) == b"memory %d\n" % (mebibytes << 20)
    end = case.direct_map + (mebibytes << 20)
    assert machine.read_memory(Gva(end - 8), 8) == bytes.fromhex("efcdab8967452301")


def test_restart(make: Make, case: GuestImage) -> None:
    assert make(case, "case.do=restart").run().ending is Ending.REBOOT


@pytest.mark.parametrize("make", ["linked"], indirect=True)
def test_port_that_is_not_there(make: Make, case: GuestImage) -> None:
    """The guest has no handler: its end tells where it was."""
    outcome = make(case, "case.do=reset").run()
    assert outcome.ending is Ending.CRASH and outcome.crash and outcome.crash.registers
    address = case.symbols().address("reset")
    assert address and any(address <= at < address + 64 for at in (outcome.crash.registers.rip,
                                                                   *outcome.crash.backtrace))
