# SPDX-License-Identifier: MIT
"""Machines with a fake runner, and with the real one."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from openvmi import resources
from openvmi.guest.build import build
from openvmi.guest.image import GuestImage, load
from openvmi.hypervisors.base import Ending, MachineConfig, Outcome
from openvmi.hypervisors.linux import process
from openvmi.hypervisors.linux.machine import LinuxMachine
from openvmi.rom.image import RomImage
from tests.hypervisors.linux.attacks import RAM
from tests.machine.fakes import FakeRom, config

FAKE = Path(__file__).parent / "fake_runner.py"
ENOUGH = 20.0  #: seconds after which something counts as hanging


@define
class Ran:
    """A run that is over; the memory of its machine can still be read."""

    machine: LinuxMachine
    outcome: Outcome
    said: bytes


def until(condition: Callable[[], bool]) -> bool:
    """Waits for it."""
    deadline = time.monotonic() + ENOUGH
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def alive(pid: int) -> bool:
    """Whether it runs; one that has ended and that nobody has asked for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def group(leader: int) -> set[int]:
    """Who runs of the processes that a runner has started, itself included: they are one process group."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            state, _, own, *_ = path.read_text().rpartition(")")[2].split()
            if int(own) == leader and state not in ("Z", "X"):
                found.add(int(path.parent.name))
    return found


def held() -> tuple[int, int, set[int]]:
    """Descriptors and threads of this process, and its children."""
    children = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == os.getpid():
            children.add(int(path.parent.name))
    return len(os.listdir("/proc/self/fd")), threading.active_count(), children


def built(name: str) -> GuestImage:
    """A guest that `make` builds."""
    return load(resources.built("guests") / f"{name}.elf")


@pytest.fixture
def make() -> Iterator[Callable[..., LinuxMachine]]:
    """Makes machines with the real runner, which end with the test."""
    with ExitStack() as stack:

        def create(guest: GuestImage, line: str = "", **values: Any) -> LinuxMachine:
            values = {"timeout": 30.0, "rom": RomImage.load(resources.built("roms") / "linux.rom"), **values}
            return stack.enter_context(LinuxMachine(MachineConfig(guest=guest, command_line=line, **values)))

        yield create


@pytest.fixture(scope="session")
def escape(top: Path, tmp_path_factory: pytest.TempPathFactory) -> GuestImage:
    """The hostile guest of the tests."""
    output = tmp_path_factory.mktemp("escape") / "escape.elf"
    build(Path(__file__).parent / "escape", output, top / "build" / "cache")
    return load(output)


@pytest.fixture
def attack(make: Callable[..., LinuxMachine], escape: GuestImage,
           capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[Ending, str, str]]:
    """Does a deed: how the run ended, its message, and the lines of the guest. `at` may name what the image says."""

    def run(mode: str, deed: str, at: int | str, timeout: float = 30.0, options: str = "") -> tuple[Ending, str, str]:
        before, said = held(), bytearray()
        value = at if isinstance(at, int) else int(getattr(escape, at))
        line = f"escape.do={deed} escape.at={value:x}" + (" escape.user=1" if mode == "user" else "") + " " + options
        machine = make(escape, line, memory=RAM, timeout=timeout, console=said.extend)
        pid = machine.runner.pid
        try:
            outcome = machine.run()
        finally:
            machine.__exit__(None, None, None)
        assert until(lambda: not group(pid)) and held() == before
        assert b"broken out" not in said and "".join(capfd.readouterr()) == ""
        assert outcome.code == 0
        return outcome.ending, outcome.message, said.decode().partition("\n")[2]

    return run


@pytest.fixture(scope="session")
def fake_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fake runner as a program."""
    path = tmp_path_factory.mktemp("fake") / "runner"
    path.write_text(f"#!{sys.executable} -IS\n{FAKE.read_text()}")
    path.chmod(0o755)
    return path


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, fake_program: Path) -> Iterator[Callable[..., LinuxMachine]]:
    """Makes machines, whose runner does what the command line says; they end with the test."""
    monkeypatch.setattr(process, "runner_path", lambda: fake_program)
    with ExitStack() as stack:

        def make(line: str = "exit", **values: Any) -> LinuxMachine:
            values = {"rom": FakeRom(hypervisor="linux"), **values}
            return stack.enter_context(LinuxMachine(config(command_line=line, **values)))

        yield make


@pytest.fixture
def run(fake: Callable[..., LinuxMachine]) -> Callable[..., Ran]:
    """Runs one to its end."""

    def start(line: str = "exit", **values: Any) -> Ran:
        said = bytearray()
        machine = fake(line, console=said.extend, **values)
        return Ran(machine, machine.run(), bytes(said))

    return start
