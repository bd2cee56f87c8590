# SPDX-License-Identifier: MIT
"""The program of the fake runner, its processes and descriptors: what is no program, and that nothing stays behind."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from openvmi.errors import BadFileError, OpenVmiError
from openvmi.hypervisors.linux import process
from openvmi.hypervisors.linux.machine import LinuxMachine
from tests.hypervisors.linux.conftest import ENOUGH, alive, held, until

Make = Callable[..., LinuxMachine]


# ---- the program ----


def test_program_that_is_not_marked_as_one(fake: Make, monkeypatch: pytest.MonkeyPatch, fake_program: Path,
                                           tmp_path: Path) -> None:
    copy = tmp_path / "runner"
    shutil.copyfile(fake_program, copy)
    copy.chmod(0o644)
    make_machine = fake
    monkeypatch.setattr(process, "runner_path", lambda: copy)
    before = held()
    with make_machine("exit=4") as machine:
        assert machine.run().code == 4
    assert held() == before and not os.access(copy, os.X_OK)


@pytest.mark.parametrize("mode", [0o755, 0o644])
def test_program_that_is_none(fake: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: int) -> None:
    broken = tmp_path / "runner"
    broken.write_bytes(b"\x7fELF" + bytes(60))
    broken.chmod(mode)
    monkeypatch.setattr(process, "runner_path", lambda: broken)
    with pytest.raises(OpenVmiError, match=r"ended in the middle of the run \(status 12\d\): .*"):
        fake("exit").run()


def test_program_that_is_too_large(fake: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    large = tmp_path / "runner"
    with large.open("wb") as file:
        file.truncate(5 << 20)
    monkeypatch.setattr(process, "runner_path", lambda: large)
    before = held()
    with pytest.raises(BadFileError, match="larger than"):
        fake("exit")
    assert held() == before


# ---- nothing stays behind ----


def test_fifty_starts_leave_nothing(fake: Make) -> None:
    before = held()
    pids = []
    for number in range(50):
        with fake(("exit", "obey", "children=2 crash", "die=SIGKILL", "reboot")[number % 5]) as machine:
            pids.append(machine.runner.pid)
            if number % 5 == 1:
                machine.stop()
            if number % 10 == 9:
                continue  # never run
            if number % 5 == 3:
                with pytest.raises(OpenVmiError):
                    machine.run()
            else:
                machine.run()
    assert not any(map(alive, pids)) and len(set(pids)) == 50
    assert held() == before


@pytest.mark.parametrize("line", ["exit", "crash", "obey", "die=SIGKILL"])
def test_the_guests_processes_end_with_the_runner(fake: Make, line: str) -> None:
    said = bytearray()

    def on_output(data: bytes) -> None:
        said.extend(data)
        if line == "obey":
            machine.stop()

    machine = fake(f"children=3 {line}", console=on_output)
    if line.startswith("die"):
        with pytest.raises(OpenVmiError, match="SIGKILL"):
            machine.run()
    else:
        machine.run()
    pids = [int(word) for word in said.split()]
    assert len(pids) == 3 and until(lambda: not any(map(alive, pids)))


def test_leaving_by_an_error_ends_it(fake: Make) -> None:
    with pytest.raises(KeyError), fake("obey") as machine:
        raise KeyError
    assert not alive(machine.runner.pid)


def test_an_error_of_the_reader_ends_it(fake: Make) -> None:
    def broken(data: bytes) -> None:
        raise KeyError

    machine = fake("say=hello obey", console=broken)
    with pytest.raises(KeyError):
        machine.run()
    assert not alive(machine.runner.pid)


def test_descriptors_run_out(fake: Make) -> None:
    before = held()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    failed = 0
    for number in range(32):
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free + number, limits[1]))
        try:
            with fake("exit") as machine:
                assert machine is not None
        except OpenVmiError:
            failed += 1
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert held() == before
    assert 5 < failed < 32


PARENT = """
import sys
from pathlib import Path
from openvmi.hypervisors.linux import process
from openvmi.hypervisors.linux.machine import LinuxMachine
from tests.machine.fakes import FakeRom, config
process.runner_path = lambda: Path(sys.argv[1])
say = lambda data: print(machine.runner.pid, data.decode(), flush=True)
line = "children=2 " + sys.argv[2]
with LinuxMachine(config(command_line=line, rom=FakeRom(hypervisor="linux"), console=say)) as machine:
    machine.run()
"""


@pytest.mark.parametrize("line", ["obey", "deaf", "flood"])
@pytest.mark.parametrize("frozen", [False, True])
def test_killed_parent_leaves_no_process(top: Path, fake_program: Path, line: str, frozen: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, str(fake_program), line], stdout=subprocess.PIPE,
                          cwd=top) as parent:  # fmt: skip
        try:
            assert parent.stdout
            pids = [int(word) for word in parent.stdout.readline().split()[:3]]
            assert len(pids) == 3 and all(map(alive, pids))
            if frozen:
                os.killpg(pids[0], signal.SIGSTOP)
        finally:
            parent.kill()
    assert until(lambda: not any(map(alive, pids)))


def test_no_descriptor_but_its_own(fake: Make) -> None:
    """What this process has open is not inherited."""
    with open(os.devnull) as other:
        os.set_inheritable(other.fileno(), True)
        seen = threading.Event()
        machine = fake("say=hello obey", console=lambda data: seen.set())
        thread = threading.Thread(target=machine.run)
        thread.start()
        assert seen.wait(ENOUGH)
        folder = Path(f"/proc/{machine.runner.pid}/fd")
        names = [os.readlink(path) for path in folder.iterdir()]
        machine.stop()
        thread.join()
    # Standard input, output and error; the lifeline; console and control; memory, twice by Python's mmap.
    assert sorted(name.partition(":")[0] for name in names) == [
        "/dev/null", "/memfd", "/memfd", "pipe", "pipe", "pipe", "socket", "socket"], names  # fmt: skip
