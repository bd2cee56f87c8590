# SPDX-License-Identifier: MIT
"""What a host refuses, and what dies: the message says which, and nothing stays behind.

Limits are those of the runner only (prlimit(2) from here) or of a process of the test's; the memory that is full is a
small file system in a name space of its own.
"""

from __future__ import annotations

import os
import platform
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from openvmi.errors import OpenVmiError
from openvmi.guest.image import GuestImage
from openvmi.hypervisors.base import Ending
from openvmi.hypervisors.linux import layout, machine, process
from openvmi.hypervisors.linux.machine import LinuxMachine
from tests.hypervisors.linux.attacks import RAM
from tests.hypervisors.linux.conftest import ENOUGH, built, group, held, until

pytestmark = pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64",
                                reason="the runner is for Linux x86-64")
Make = Callable[..., LinuxMachine]
STARTS = int(os.environ.get("OPENVMI_STARTS", "300"))  #: `make starts` asks for a thousand


def failure(make: Make, guest: GuestImage, line: str, limit: int, value: int) -> str:
    """Why a run ended in an error, or how else, with a limit of the runner's own; nothing stays behind."""
    before = held()
    with make(guest, line, memory=RAM) as run:
        pid = run.runner.pid
        name = str(process.runner_path())
        assert until(lambda: os.readlink(f"/proc/{pid}/exe") == name), "no shell any more"
        resource.prlimit(pid, limit, (value, value))
        try:
            outcome = run.run()
            said = f"{outcome.ending.name}: {outcome.message}"
        except OpenVmiError as error:
            said = str(error)
    assert until(lambda: not group(pid)) and held() == before
    return said


# ---- limits ----


@pytest.mark.parametrize(("value", "words"), [
    (6, r"\(ulimit -n\)"),
    (66, r"no room for three descriptors \(ulimit -n\)"),
    (68, r"could not go on: no file descriptor is left for a guest process \(limit on open files, ulimit -n\)"),
])  # fmt: skip
def test_open_files(make: Make, escape: GuestImage, value: int, words: str) -> None:
    """The last has room for some address spaces, and none for sixty-three."""
    assert re.search(words, failure(make, escape, "escape.do=spaces escape.at=3f", resource.RLIMIT_NOFILE, value))


def test_address_space(make: Make, escape: GuestImage) -> None:
    """Too little for the runner."""
    said = failure(make, escape, "escape.do=halt escape.at=0", resource.RLIMIT_AS, RAM // 2)
    assert re.search(r"the host does not map the guest's memory \(ulimit -v\)", said)


def test_address_space_of_the_kernel(make: Make, escape: GuestImage) -> None:
    """Its mappings are given up for another one, until it is seen that this does not help."""
    said = bytearray()

    def take(data: bytes) -> None:
        said.extend(data)
        if said.endswith(b"ready\n"):
            (kernel,) = group(run.runner.pid) - {run.runner.pid}
            resource.prlimit(kernel, resource.RLIMIT_AS, (1 << 20, 1 << 20))
            run.send_console(b"x")

    before = held()
    refused = (r"the host refused to map guest memory \(error 12\); give the guest less with --memory, or raise the"
               r" limit on address space \(ulimit -v\)")
    with (make(escape, "escape.do=touch_anew escape.at=3000000", memory=RAM, console=take) as run,
          pytest.raises(OpenVmiError, match=refused)):
        run.run()
    assert held() == before


def test_processor_time(make: Make, escape: GuestImage) -> None:
    said = failure(make, escape, "escape.do=spin escape.at=0", resource.RLIMIT_CPU, 2)
    assert said == "CRASH: the kernel's process has used up its processor time (ulimit -t)"


#: Arguments: a copy of the runner, a guest, its command line, a limit. In its user name space only its own count.
FEW_PROCESSES = """
import ctypes, os, resource, sys
from pathlib import Path
from openvmi import resources
from openvmi.errors import OpenVmiError
from openvmi.guest.image import load
from openvmi.hypervisors.base import MachineConfig
from openvmi.hypervisors.linux import control, handover, machine, process, session
from openvmi.rom.image import RomImage
runner, guest, line, limit = sys.argv[1:]
guest, rom = load(Path(guest)), RomImage.load(resources.built("roms") / "linux.rom")
process.runner_path = lambda: Path(runner)
if os.getuid() == 0:  # whom no limit on processes binds
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
if ctypes.CDLL(None).unshare(0x10000000):
    sys.exit(77)
resource.setrlimit(resource.RLIMIT_NPROC, (int(limit), int(limit)))
try:
    with machine.LinuxMachine(MachineConfig(guest=guest, rom=rom, command_line=line, timeout=30.0)) as run:
        outcome = run.run()
    print(outcome.ending.name, outcome.message)
except OpenVmiError as error:
    print(error)
"""


@pytest.mark.parametrize(("limit", "words"), [
    (1, r"cannot be started: .* \(limit on processes, ulimit -u\)"),
    (2, r"could not go on: the host makes no process \(limit on processes, ulimit -u\?\)"),
    (3, r"could not go on: the host makes no thread \(error 11; limit on processes, ulimit -u\?\)"),
    (4, r"could not go on: the host makes no process \(limit on processes, ulimit -u\?\)"),
    (5, r"EXIT"),
])  # fmt: skip
def test_processes(escape: GuestImage, top: Path, limit: int, words: str) -> None:
    """Python, the runner, the guest's kernel, the runner's second thread, user mode: room for so many of them."""
    with TemporaryDirectory() as folder:  # for another user, too
        runner = Path(folder, "runner")
        runner.write_bytes(process.runner_path().read_bytes())
        for path in (runner, runner.parent):
            path.chmod(0o755)
        done = subprocess.run([sys.executable, "-c", FEW_PROCESSES, str(runner), str(escape.path),
                               "escape.do=read escape.at=600000 escape.user=1", str(limit)],
                              cwd=top, capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
    if done.returncode == 77:
        pytest.skip("this host permits no user name space (user.max_user_namespaces, or AppArmor)")
    assert re.search(words, done.stdout), done.stdout + done.stderr


# ---- memory that is not there ----

#: Arguments: a socket, megabytes. Sends a file on a file system of that size, and one that fills the rest of it.
SMALL_FILE_SYSTEM = """
import ctypes, os, socket, sys
libc = ctypes.CDLL(None)
uid, gid = os.getuid(), os.getgid()
if libc.unshare(0x10020000) == 0:
    for name, text in ("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1"):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
elif libc.unshare(0x20000):
    sys.exit(77)
size = f"size={sys.argv[2]}m".encode()
if libc.mount(None, b"/", None, 0x44000, None) or libc.mount(b"none", b"/tmp", b"tmpfs", 0, size):
    sys.exit(77)
files = [os.open(f"/tmp/{name}", os.O_RDWR | os.O_CREAT) for name in "ab"]
socket.send_fds(socket.socket(fileno=int(sys.argv[1])), [b"x"], files)
"""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """The guest's memory file is on a file system of 24 MiB; a function that fills it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        made = subprocess.run([sys.executable, "-c", SMALL_FILE_SYSTEM, str(theirs.fileno()), "24"], check=False,
                              pass_fds=[theirs.fileno()], timeout=60)  # fmt: skip
        if made.returncode == 77:
            pytest.skip("this host permits no name space to mount in (user.max_user_namespaces, or AppArmor)")
        assert made.returncode == 0
        _, (file, rest), *_ = socket.recv_fds(ours, 1, 2)

    def make_file(memory: int) -> int:
        os.ftruncate(file, layout.file_size(memory))
        return os.dup(file)

    def fill() -> None:
        try:
            while os.write(rest, bytes(1 << 20)):
                pass
        except OSError as error:
            assert error.strerror == "No space left on device"
            for _ in range(256):  # what is less than the last piece
                if os.statvfs(rest).f_bfree == 0:
                    break
                os.write(rest, bytes(4096))

    monkeypatch.setattr(machine.layout, "make_file", make_file)
    yield fill
    os.close(file)
    os.close(rest)


@pytest.mark.parametrize(("deed", "words"), [
    ("touch", r"could not go on: the host has no memory for a page of the guest \(.*\); give the guest less with"
              r" --memory$"),
    ("have_touched", r"killed by SIGBUS\): the system has no memory left for the guest's; give it less --memory$"),
])  # fmt: skip
def test_no_memory_for_a_page(make: Make, escape: GuestImage, small: Callable[[], None], deed: str, words: str) -> None:
    """By the guest, and by the runner when the guest has it write there."""
    said = bytearray()

    def take(data: bytes) -> None:
        said.extend(data)
        if said.endswith(b"ready\n"):
            small()
            run.send_console(b"x")

    before = held()
    with make(escape, f"escape.do={deed} escape.at=3000000", memory=RAM, console=take) as run:
        pid = run.runner.pid
        with pytest.raises(OpenVmiError, match=words):
            run.run()
    assert until(lambda: not group(pid)) and held() == before and said.endswith(b"ready\n")


#: Arguments: the folder of a control group to go into, a guest.
LITTLE_MEMORY = """
import os, sys
from pathlib import Path
from openvmi import resources
from openvmi.guest.image import load
from openvmi.hypervisors.base import MachineConfig
from openvmi.hypervisors.linux.machine import LinuxMachine
from openvmi.rom.image import RomImage
Path(sys.argv[1], "cgroup.procs").write_text(str(os.getpid()))
guest, rom = load(Path(sys.argv[2])), RomImage.load(resources.built("roms") / "linux.rom")
line = "escape.do=fill escape.at=2000000"
with LinuxMachine(MachineConfig(guest=guest, rom=rom, command_line=line, memory=1 << 30, timeout=60.0)) as run:
    outcome = run.run()
print(outcome.ending.name, outcome.message)
"""


@pytest.fixture
def little_memory() -> Iterator[Path]:
    """A control group with 192 MiB: version 2 or 1, below the one that this is in."""
    lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    own = {names: path.lstrip("/") for _, names, path in lines}
    root = Path("/sys/fs/cgroup")
    folder = (root / "memory" / own["memory"] if "memory" in own else root / own.get("", "")) / f"openvmi-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("no control group can be made here")
    try:
        limit = next((name for name in ("memory.max", "memory.limit_in_bytes") if (folder / name).exists()), None)
        if limit is None:
            pytest.skip("control groups have no limit of memory here")
        (folder / limit).write_text(str(192 << 20))
        for name in ("memory.swap.max", "memory.memsw.limit_in_bytes"):
            if (folder / name).exists():
                (folder / name).write_text(str(0 if "max" in name else 192 << 20))
        yield folder
    finally:
        assert until(lambda: not (folder / "cgroup.procs").read_text())
        folder.rmdir()


def test_memory_limit_of_a_control_group(escape: GuestImage, top: Path, little_memory: Path) -> None:
    """The system ends the process that has most of it, which is the guest's kernel."""
    done = subprocess.run([sys.executable, "-c", LITTLE_MEMORY, str(little_memory), str(escape.path)], cwd=top,
                          capture_output=True, text=True, timeout=120, check=False)  # fmt: skip
    said = "CRASH the kernel's process was killed: by the system when memory ran out, or by somebody\n"
    assert done.stdout == said, done.stdout + done.stderr


# ---- kill -9 ----

#: Stages: command line, how many processes there are, what the guest says then; or nothing, and the last one spins.
STAGES = {
    "kernel spins": ("escape.do=spin escape.at=0", 2, b""),
    "kernel spins, signals blocked": ("escape.do=deaf escape.at=0", 2, b""),
    "kernel halted": ("escape.do=halt escape.at=0", 2, b"ready\n"),
    "user mode spins": ("escape.do=spin escape.at=0 escape.user=1", 3, b""),
    "user mode spins, signals blocked": ("escape.do=deaf escape.at=0 escape.user=1", 3, b""),
    "65 processes": ("escape.do=spaces escape.at=40", 65, b"64 spaces\n"),
}


def members(runner: int, count: int) -> list[int]:
    """Its processes once there are so many: the kernel's first, for it is the oldest."""
    assert until(lambda: len(group(runner)) == count)
    return sorted(group(runner) - {runner}, key=lambda pid: (times(pid)[1], pid))


def times(pid: int) -> tuple[int, int]:
    """Ticks in its own code, and when it began."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(words[11]), int(words[19])


@pytest.mark.parametrize(("stage", "victim"), [
    *((stage, victim) for stage in STAGES for victim in ("runner", "kernel")),
    *((stage, "user") for stage in STAGES if stage.startswith("user")),
])  # fmt: skip
def test_killed_at_any_stage(make: Make, escape: GuestImage, stage: str, victim: str) -> None:
    """The runner: told by Python. The kernel's process: by the runner. User mode's: the kernel gets a trap for it."""
    line, count, sign = STAGES[stage]
    before, said, ends = held(), bytearray(), []

    def run() -> None:
        try:
            outcome = this.run()
            ends.append(f"{outcome.ending.name} {outcome.message}")
        except OpenVmiError as error:
            ends.append(str(error))

    with make(escape, line, memory=RAM, console=said.extend) as this:
        pid = this.runner.pid
        thread = threading.Thread(target=run)
        thread.start()
        assert until(lambda: sign in said)
        others = members(pid, count)
        assert sign or until(lambda: times(others[-1])[0] > 1)
        os.kill({"runner": pid, "kernel": others[0], "user": others[-1]}[victim], signal.SIGKILL)
        thread.join(ENOUGH)
        assert until(lambda: not group(pid))
    assert held() == before
    expected = {
        "runner": r".*ended in the middle of the run \(killed by SIGKILL\)",
        "kernel": r"CRASH the kernel's process was killed: by the system when memory ran out, or by somebody",
        "user": r"EXIT ",
    }[victim]
    assert len(ends) == 1 and re.match(expected, ends[0])
    if victim == "user":
        assert said.decode().partition("\n")[2].startswith("user trap 13 error 0 address 0\n")


def test_killed_before_and_while_it_is_given_the_guest(make: Make, escape: GuestImage) -> None:
    for early in (True, False):
        before = held()
        with make(escape, "escape.do=halt escape.at=0", memory=RAM) as run:
            pid, hand_over = run.runner.pid, run.runner.hand_over

            def give(packet: bytes, memory: int) -> None:
                hand_over(packet, memory)  # noqa: B023
                os.kill(pid, signal.SIGKILL)  # noqa: B023

            if early:
                os.kill(pid, signal.SIGKILL)
            else:
                run.runner.hand_over = give
            with pytest.raises(OpenVmiError, match="killed by SIGKILL"):
                run.run()
        assert until(lambda: not group(pid)) and held() == before  # noqa: B023


PARENT = """
import sys
from pathlib import Path
from openvmi import resources
from openvmi.guest.image import load
from openvmi.hypervisors.base import MachineConfig
from openvmi.hypervisors.linux.machine import LinuxMachine
from openvmi.rom.image import RomImage
rom = RomImage.load(resources.built("roms") / "linux.rom")
line = sys.argv[2]
with LinuxMachine(MachineConfig(guest=load(Path(sys.argv[1])), rom=rom, command_line=line, timeout=100.0)) as run:
    print(run.runner.pid, flush=True)
    sys.stdin.readline() if line == "wait" else None
    run.run()
"""


@pytest.mark.parametrize("stage", ["before", *STAGES])
def test_python_killed_at_any_stage(escape: GuestImage, top: Path, stage: str) -> None:
    line, count, _ = STAGES.get(stage, ("wait", 1, b""))
    with subprocess.Popen([sys.executable, "-c", PARENT, str(escape.path), line], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, cwd=top) as parent:  # fmt: skip
        try:
            assert parent.stdout
            runner = int(parent.stdout.readline())
            members(runner, count)
        finally:
            parent.kill()
    gone = until(lambda: not group(runner))
    for left in group(runner):
        os.kill(left, signal.SIGKILL)
    assert gone


# ---- Ctrl-C, by the command line ----


@pytest.mark.parametrize(("deed", "number"), [
    ("spin-disabled", signal.SIGINT), ("spin-disabled", signal.SIGTERM),
    ("sleep", signal.SIGINT), ("flood", signal.SIGINT),
])  # fmt: skip
def test_interrupted(deed: str, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "openvmi.cli.main", "run", "hostile", "--on", "linux",
               "--append", f"hostile.do={deed}"]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout
        said = run.stdout.readline()
        assert said, run.communicate()
        (runner,) = (int(name) for task in Path(f"/proc/{run.pid}/task").iterdir()
                     for name in (task / "children").read_text().split())
        run.send_signal(number)
        _, told = run.communicate(timeout=ENOUGH)
    assert (run.returncode, told) == (130, b"openvmi: interrupted: stopped by the user\n")
    assert until(lambda: not group(runner))


# ---- again and again ----


def left_behind() -> tuple[object, ...]:
    """What could be: descriptors, threads, children, memory files and other things mapped, files."""
    maps = Path("/proc/self/maps").read_text()
    shared = [name for name in os.listdir("/dev/shm") if "openvmi" in name]
    return (*held(), len(re.findall("/memfd:", maps)), shared, len(os.listdir("/proc/self/task")))


def test_starts_leave_nothing(make: Make, escape: GuestImage) -> None:
    """Half of them to a plain end, with user mode; half stopped where they are."""
    pids = []
    hello = built("hello")
    before = left_behind()
    for number in range(STARTS):
        guest, line = ((hello, ""), (escape, "escape.do=deaf escape.at=0 escape.user=1"))[number % 2]
        with make(guest, line) as run:
            pids.append(run.runner.pid)
            if number % 2:
                threading.Timer(0.01, run.stop).start()
            assert run.run().ending is (Ending.INTERRUPTED if number % 2 else Ending.EXIT)
        if number % 50 == 49:
            assert until(lambda: left_behind() == before)
    assert not any(map(group, pids)) and until(lambda: left_behind() == before)
