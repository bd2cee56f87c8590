# SPDX-License-Identifier: MIT
"""What a host refuses: the message says which, and nothing stays behind.

Limits are those of the runner only (prlimit(2) from here) or of a process of the test's; the memory that is full is a
small file system in a name space of its own.
"""

from __future__ import annotations

import os
import platform
import re
import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from openvmi.errors import OpenVmiError
from openvmi.guest.image import GuestImage
from openvmi.hypervisors.linux import layout, machine, process
from openvmi.hypervisors.linux.machine import LinuxMachine
from tests.hypervisors.linux.attacks import RAM
from tests.hypervisors.linux.conftest import group, held, until

pytestmark = pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64",
                                reason="the runner is for Linux x86-64")
Make = Callable[..., LinuxMachine]


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
