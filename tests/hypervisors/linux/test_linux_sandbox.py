# SPDX-License-Identifier: MIT
"""The bounds of the runner itself and of the guest's processes: what they may ask of the host, and how much of it."""

from __future__ import annotations

import errno
import os
import platform
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from openvmi.guest.image import GuestImage
from openvmi.hypervisors.base import Ending, Outcome
from openvmi.hypervisors.linux.machine import LinuxMachine
from tests.hypervisors.linux.attacks import RAM
from tests.hypervisors.linux.conftest import ENOUGH, group, held, until
from tests.hypervisors.linux.trace import Traced, landlock

pytestmark = pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64",
                                reason="the runner is for Linux x86-64")
Make = Callable[..., LinuxMachine]
RUNNER_TEXT = 0x400000
MOST = 65  #: processes: the runner, the guest's kernel, 63 address spaces


@contextmanager
def running(make: Make, guest: GuestImage, line: str, sign: bytes) -> Iterator[tuple[LinuxMachine, list[Outcome]]]:
    """A machine in a thread, once the guest has said `sign`; stopped at the end."""
    said, seen, outcomes = bytearray(), threading.Event(), list[Outcome]()

    def take(data: bytes) -> None:
        said.extend(data)
        if sign in said:
            seen.set()

    with make(guest, line, memory=RAM, console=take, timeout=60.0) as machine:
        thread = threading.Thread(target=lambda: outcomes.append(machine.run()))
        thread.start()
        try:
            assert seen.wait(ENOUGH), said
            yield machine, outcomes
        finally:
            machine.stop()
            thread.join(ENOUGH)


def status(pid: int, thread: int | None = None) -> dict[str, str]:
    """What Linux says of a process or thread."""
    path = Path(f"/proc/{pid}/task/{thread}/status" if thread else f"/proc/{pid}/status")
    return dict(re.findall(r"^(\w+):\s*(.*)$", path.read_text(), re.MULTILINE))


def limits(pid: int) -> dict[str, tuple[str, str]]:
    """The same of its limits: name, soft and hard."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]
    return {line[:26].strip(): (line[26:47].strip(), line[47:68].strip()) for line in lines}


def test_every_thread_and_process_has_its_filter(make: Make, escape: GuestImage) -> None:
    with running(make, escape, "escape.do=spaces escape.at=2", b"2 spaces") as (machine, _):
        runner = machine.runner.pid
        threads = [int(name) for name in os.listdir(f"/proc/{runner}/task")]
        assert len(threads) == 2
        for thread in threads:
            own = status(runner, thread)
            assert (own["Seccomp"], own["NoNewPrivs"]) == ("2", "1"), own
        others = sorted(group(runner) - {runner})
        filters = [status(pid)["Seccomp_filters"] for pid in others if "Seccomp_filters" in status(pid)]
        assert len(others) == 3 and filters in ([], ["1", "2", "2"])
        for pid in others:
            own = status(pid)
            assert (own["Seccomp"], own["NoNewPrivs"], own["Threads"]) == ("2", "1", "1")
            assert os.listdir(f"/proc/{pid}/fd") == ["3"], "its memory file"
            assert os.readlink(f"/proc/{pid}/fd/3").startswith("/memfd:openvmi-guest")


def test_limits(make: Make, escape: GuestImage) -> None:
    with running(make, escape, "escape.do=spaces escape.at=1", b"1 spaces") as (machine, _):
        for pid in group(machine.runner.pid):
            found = limits(pid)
            room = str(8 * RAM + (256 << 20))
            assert found["Max address space"] == (room, room)
            assert found["Max file size"] == ("0", "0") and found["Max open files"] == ("128", "128")
            assert found["Max cpu time"] == ("119", "120")
            assert found["Max core file size"][0] in ("0", "1"), "1: not even to a program that takes them"
            assert len(os.sched_getaffinity(pid)) == 1


def test_two_hundred_address_spaces(make: Make, escape: GuestImage) -> None:
    """As many processes as there may be, and the guest notices nothing."""
    before = held()
    most = 0
    done = threading.Event()

    def count() -> None:
        nonlocal most
        while not done.wait(0.002):
            most = max(most, len(group(machine.runner.pid)))

    said, seen = bytearray(), threading.Event()

    def take(data: bytes) -> None:
        said.extend(data)
        if b"200 spaces" in said:
            seen.set()

    with make(escape, "escape.do=spaces escape.at=c8", memory=RAM, console=take, timeout=60.0) as machine:
        outcomes = []
        counter = threading.Thread(target=count)
        thread = threading.Thread(target=lambda: outcomes.append(machine.run()))
        counter.start()
        thread.start()
        assert seen.wait(ENOUGH), said
        at_end = len(group(machine.runner.pid))
        machine.stop()
        thread.join(ENOUGH)
        done.set()
        counter.join()
        pid = machine.runner.pid
    assert at_end == MOST and most <= MOST
    assert outcomes[0].ending is Ending.INTERRUPTED and outcomes[0].exits["address space"] == 200
    assert until(lambda: not group(pid)) and held() == before


_AT, _CREATE, _WRITE, _READ_WRITE = -100, 0x41, 1, 2
#: System calls that the runner has no use for once the guest runs. What one would do, it would do to the runner.
REFUSED = {
    "execve": (59,), "execveat": (322,), "fork": (57,), "vfork": (58,), "clone3": (435,),
    "clone of a thread": (56, 0x10F00), "clone in a new namespace": (56, 0x10000011),
    "ptrace": (101, 16), "process_vm_readv": (310,), "process_vm_writev": (311,), "pidfd_open": (434,),
    "socket": (41, 1, 1), "socketpair": (53,), "connect": (42,), "bind": (49,), "sendmsg": (46,), "recvmsg": (47,),
    "open": (2,), "creat": (85,), "openat to write": (257, _AT, 0, 0x80000 | _WRITE),
    "openat to create": (257, _AT, 0, 0x80000 | _CREATE), "openat to change": (257, _AT, 0, 0x80000 | _READ_WRITE),
    "openat2": (437,), "unlink": (87,), "rename": (82,), "mkdir": (83,), "chmod": (90,), "mount": (165,),
    "memfd_create": (319,), "io_uring_setup": (425,), "bpf": (321,), "userfaultfd": (323,), "perf_event_open": (298,),
    "mprotect": (10, RUNNER_TEXT, 0x1000, 7), "mmap executable": (9, 0, 0x1000, 5, 0x22, -1),
    "mmap written and executed": (9, 0, 0x1000, 7, 0x22, -1), "mmap of another file": (9, 0, 0x1000, 1, 0x11, 4),
    "munmap": (11,), "mremap": (25,), "kill its group": (62, 0, signal.SIGKILL), "kill by SIGTERM": (62, 1 << 30, 15),
    "tgkill": (234,), "tkill": (200,), "setuid": (105,), "prctl": (157, 4), "arch_prctl": (158, 0x1002),
    "prlimit64": (302,), "setrlimit": (160,), "sched_setaffinity": (203,), "dup": (32,), "dup3": (292,), "fcntl": (72,),
    "ioctl": (16,), "unshare": (272,), "setns": (308,), "keyctl": (250,), "shmget": (29,),
    "modify_ldt to read": (154, 0),
    "madvise": (28, 0, 0, 4), "write": (1, 4), "of x32": (0x4000_0000 | 39,), "unknown": (100_000,),
}  # fmt: skip


def test_what_the_runner_may_ask(make: Make, escape: GuestImage) -> None:
    """Of the host, from its own code: what it needs and nothing else."""
    with running(make, escape, "escape.do=halt escape.at=0", b"ready") as (machine, _):
        runner = machine.runner.pid
        try:
            traced = Traced(runner, RUNNER_TEXT)
        except PermissionError:
            pytest.skip("this host lets no process trace another (kernel.yama.ptrace_scope, or a container)")
        with traced as process:
            assert process.call(39) == runner, "getpid is permitted"
            assert process.call(62, 1 << 30, signal.SIGUSR1) == -errno.ESRCH, "and to signal one process"
            permitted = [name for name, (number, *arguments) in REFUSED.items()
                         if process.call(number, *arguments) is not None]  # fmt: skip
            assert not permitted
            if landlock():
                here = process.put(os.fsencode(__file__) + b"\0")
                assert process.call(257, _AT, here, 0x80000, 0) == -errno.EACCES
                own = process.put(b"/proc/self/syscall\0")
                opened = process.call(257, _AT, own, 0x80000, 0)
                assert opened is not None and opened >= 0 and process.call(3, opened) == 0
                python = process.put(b"/proc/%d/mem\0" % os.getpid())
                assert process.call(257, _AT, python, 0x80000, 0) == -errno.EACCES
                assert process.call(62, os.getpid(), signal.SIGUSR1) == -errno.EPERM
        assert len(group(runner)) == 2


def test_nothing_is_written_and_executed(make: Make, escape: GuestImage) -> None:
    """No page of any of them."""
    with running(make, escape, "escape.do=spaces escape.at=1", b"1 spaces") as (machine, _):
        for pid in group(machine.runner.pid):
            rights = re.findall(r"^\S+ (....) ", Path(f"/proc/{pid}/maps").read_text(), re.MULTILINE)
            assert rights and not [right for right in rights if "w" in right and "x" in right]
