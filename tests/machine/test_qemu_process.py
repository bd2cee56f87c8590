# SPDX-License-Identifier: MIT
"""A QEMU process belongs to this one: it starts, says why not, and never outlives it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from attrs import evolve

from openvmi.errors import OpenVmiError, UnavailableError
from openvmi.machine.qemu import installation
from openvmi.machine.qemu.control import GoneError
from openvmi.machine.qemu.process import QemuProcess
from openvmi.machine.qemu.session import Ended, Session
from openvmi.units import Gpa

pytestmark = pytest.mark.needs("qemu-system-x86_64")
MIB = 1 << 20
ENOUGH = 20.0  # seconds after which something counts as hanging


def _process(memory: int = 16 * MIB) -> QemuProcess:
    return QemuProcess(installation.find(), memory)


def _alive(pid: int) -> bool:
    """Whether it runs; one that has ended and that nobody has asked for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def _gone(pid: int) -> bool:
    deadline = time.monotonic() + ENOUGH
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not _alive(pid)


def _children() -> set[int]:
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(after_name[1]) == os.getpid():
            found.add(int(path.parent.name))
    return found


def _held() -> tuple[int, int, set[int]]:
    return len(os.listdir("/proc/self/fd")), threading.active_count(), _children()


def test_starts_stopped_and_shares_memory() -> None:
    with _process() as qemu:
        qemu.start([])
        assert qemu.control.execute("query-status")["running"] is False
        assert qemu.read(Gpa(0), 16 * MIB) == bytes(16 * MIB)
        assert qemu.read(Gpa(16 * MIB - 1), 2) is None and qemu.read(Gpa(-1), 1) is None


def test_memory_after_the_end() -> None:
    with _process() as qemu:
        data = qemu.add_file("data", b"something")
        qemu.start(["-device", f"loader,file={data},addr=0x200000,force-raw=on"])
        assert Session(qemu, lambda _: None, 0.3).run().ended is Ended.TIMEOUT
        assert _gone(qemu.pid) and qemu.read(Gpa(0x20_0000), 9) == b"something"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-kernel", "/nowhere"], "status 1.*could not open kernel file '/nowhere'"),
        (["-no-such-option"], "no-such-option"),
        (["-device", "no-such-device"], "no-such-device"),
    ],
)
def test_cannot_start(arguments: list[str], words: str) -> None:
    held = _held()
    with pytest.raises(UnavailableError, match=words) as caught, _process() as qemu:
        qemu.start(arguments)
    assert "\n" not in str(caught.value)
    assert _held() == held


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 0", r"status 0\): it said nothing"),
        ("echo one line >&2; echo another >&2; exit 5", r"status 5\): one line$"),
        ("echo qemu-system-x86_64: warning: harmless >&2; echo the reason; exit 1", r"status 1\): the reason$"),
        ("yes 'a line' | head -c 1000000 >&2; exit 1", r"status 1\): a line$"),
        ("kill -9 $$", "killed by SIGKILL"),
    ],
)
def test_another_program(tmp_path: Path, script: str, words: str) -> None:
    program = tmp_path / "qemu"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    held = _held()
    with pytest.raises(UnavailableError, match=words), \
            QemuProcess(evolve(installation.find(), program=str(program)), 16 * MIB) as qemu:  # fmt: skip
        qemu.start([])
    assert _held() == held


def test_program_that_is_not_there() -> None:
    held = _held()
    with pytest.raises(UnavailableError, match=r"status 127.*not found"), \
            QemuProcess(evolve(installation.find(), program="/nowhere/qemu"), 16 * MIB) as qemu:  # fmt: skip
        qemu.start([])
    assert _held() == held


def test_descriptors_run_out() -> None:
    held = _held()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    failed = 0
    for number in range(24):
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free + number, limits[1]))
        try:
            with _process() as qemu:
                qemu.add_file("kernel", b"x")
                qemu.start([])
                Session(qemu, lambda _: None, 1.0).close()
        except OpenVmiError:
            failed += 1
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert _held() == held
    assert 5 < failed < 24


def test_twenty_starts_leave_nothing() -> None:
    held = _held()
    pids = []
    for number in range(20):
        with _process() as qemu:
            qemu.add_file("module", b"x")
            qemu.start([])
            pids.append(qemu.pid)
            if number % 2:
                session = Session(qemu, lambda _: None, 0.02)
                assert session.run().ended is Ended.TIMEOUT
                session.close()
    assert not any(_alive(pid) for pid in pids)
    assert _held() == held


def test_leaving_by_an_error_ends_it() -> None:
    with pytest.raises(KeyError), _process() as qemu:
        qemu.start([])
        raise KeyError
    assert not _alive(qemu.pid)


def test_a_command_after_the_end() -> None:
    with _process() as qemu:
        qemu.start([])
        os.kill(qemu.pid, signal.SIGKILL)
        with pytest.raises(GoneError):
            for _ in range(3):
                qemu.control.execute("query-status")


def test_survives_the_thread_that_started_it() -> None:
    with _process() as qemu:
        thread = threading.Thread(target=qemu.start, args=([],))
        thread.start()
        thread.join()
        time.sleep(0.05)
        assert _alive(qemu.pid) and qemu.control.execute("query-status")["status"] == "prelaunch"


PARENT = """
import sys, time
from openvmi.machine.qemu import installation
from openvmi.machine.qemu.process import QemuProcess
from openvmi.machine.qemu.session import Session
with QemuProcess(installation.find(), 16 << 20) as qemu:
    qemu.start([])
    print(qemu.pid, flush=True)
    if sys.argv[1] == "run":
        Session(qemu, lambda data: None, 100.0).run()
    time.sleep(100)
"""


@pytest.mark.parametrize("state", ["run", "wait"])
@pytest.mark.parametrize("frozen", [False, True])
def test_killed_parent_leaves_no_qemu(state: str, frozen: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, state], stdout=subprocess.PIPE) as parent:
        try:
            assert parent.stdout
            pid = int(parent.stdout.readline())
            assert installation.PROGRAM.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
            if frozen:
                os.kill(pid, signal.SIGSTOP)
        finally:
            parent.kill()
    assert _gone(pid)
