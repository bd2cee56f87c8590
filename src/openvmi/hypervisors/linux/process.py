# SPDX-License-Identifier: MIT
"""A runner: started, given its guest and, whatever happens, ended by this process."""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
from contextlib import ExitStack, suppress
from pathlib import Path

from openvmi.errors import OpenVmiError, UnavailableError
from openvmi.files import read_bounded
from openvmi.hypervisors.linux import handover
from openvmi.hypervisors.linux.build import runner_path
from openvmi.machine.lifeline import Lifeline

_KEPT = 8192  # bytes of stderr
_RUNNER_LIMIT = 4 << 20  # bytes; it has some ten thousand
_END_SECONDS = 5.0  # between its last word and being gone
_CONSOLE_BUFFER = 1 << 20  # bytes that it may be ahead of who reads the console; the system may give less
_MFD_EXEC = 0x10  # linux/memfd.h; since Linux 6.3
_VMSTAT = Path("/proc/vmstat")

#: What a signal that nobody sent on purpose means.
_MEANING: dict[int, str] = {
    signal.SIGBUS: "the system has no memory left for the guest's; give it less --memory",
    signal.SIGXCPU: "the limit of processor time is reached (ulimit -t)",
    signal.SIGXFSZ: "the limit of the size of files is reached (ulimit -f), which memory files have, too",
    signal.SIGSYS: "it made a system call that it may not make; the guest may have broken out of its process",
}
#: Which limit an error tells of.
_LIMITS = {errno.EAGAIN: " (limit on processes, ulimit -u)", errno.EMFILE: " (limit on open files, ulimit -n)",
           errno.ENFILE: " (limit on open files of the whole system)", errno.ENOMEM: " (ulimit -v, or memory used up)"}
_OUT_OF_MEMORY = "the system ran out of memory and ended it; give the guest less --memory, or the container more"


class RunnerProcess:
    """A runner that waits for a guest, or has one. :meth:`close` ends it with all of the guest's processes."""

    def __init__(self) -> None:
        """Starts one. Raises :class:`UnavailableError` without the program, :class:`OpenVmiError` without room."""
        path = runner_path()
        if not path.is_file():
            raise UnavailableError(f"{path}: the program that runs guests is not built; in a checkout run make build,"
                                   " else reinstall openvmi")
        self.path = path
        self._stack = ExitStack()
        self._lifeline: Lifeline | None = None
        self._killed_before = _out_of_memory_kills()
        self._status: int | None = None
        self.console: socket.socket  #: both ways, non-blocking
        self.control: socket.socket  #: packets, non-blocking
        self.pidfd: int  #: readable once it has ended
        try:
            self._start()
        except OSError as error:
            self.close()
            limit = _LIMITS.get(error.errno or 0, "")
            raise OpenVmiError(f"{path} cannot be started: {error.strerror or error}{limit}") from error
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        self.console, self._console = self._pair(socket.SOCK_STREAM)
        self.control, self._control = self._pair(socket.SOCK_SEQPACKET)
        self._handover, theirs = self._pair(socket.SOCK_SEQPACKET)
        self._console.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _CONSOLE_BUFFER)
        self.console.setblocking(False)
        self.control.setblocking(False)
        self._stderr, writer = os.pipe()
        self._stack.callback(os.close, self._stderr)
        os.set_blocking(self._stderr, False)
        try:
            program, files = self._program()
            self._lifeline = Lifeline([program, str(theirs.fileno())], [theirs.fileno(), *files], writer)
        finally:
            theirs.close()
            os.close(writer)
        self.pidfd = os.pidfd_open(self._lifeline.process.pid)
        self._stack.callback(os.close, self.pidfd)

    def _program(self) -> tuple[str, list[int]]:
        """What to execute, and the descriptors that takes.

        An installer may have lost the mark that makes a file a program, and a file system may forbid them all.
        """
        if os.access(self.path, os.X_OK):
            return str(self.path), []
        file = _memory_program(read_bounded(self.path, _RUNNER_LIMIT, "runner"))
        self._stack.callback(os.close, file)
        return f"/proc/self/fd/{file}", [file]

    def _pair(self, kind: socket.SocketKind) -> tuple[socket.socket, socket.socket]:
        pair = socket.socketpair(socket.AF_UNIX, kind)
        for end in pair:
            self._stack.callback(end.close)
        return pair

    def hand_over(self, packet: bytes, memory: int) -> None:
        """Gives it the guest: `memory` is the memory file. Whether it has ended instead, `control` shows."""
        with suppress(BrokenPipeError, ConnectionResetError):
            handover.send(self._handover, packet, memory, self._console, self._control)
        for end in (self._handover, self._console, self._control):  # so that its end shows
            end.close()

    @property
    def pid(self) -> int:
        """Of the started process."""
        assert self._lifeline
        return self._lifeline.process.pid

    def wait(self) -> int:
        """The exit status, negative the signal, of one that is about to end. Kills it when it does not."""
        if self._status is None:
            poll = select.poll()
            poll.register(self.pidfd, select.POLLIN)
            poll.poll(_END_SECONDS * 1000)
            self._status = self.kill()
        return self._status

    def kill(self) -> int:
        """Ends it, with all of the guest's processes, at once. Returns the status of whatever ended it."""
        assert self._lifeline
        self._lifeline.close()
        return self._lifeline.process.returncode

    def complaint(self) -> str:
        """The first line that it wrote on stderr; empty when there is none."""
        said = b""
        with suppress(OSError):  # nothing there
            said = os.read(self._stderr, _KEPT)
        lines = said.decode(errors="replace").splitlines()
        return next((line.strip() for line in lines if line.strip()), "")

    def unexpected_end(self) -> OpenVmiError:
        """The error for a runner that has ended and did not say why, or has closed its connections."""
        status = self.wait()
        return OpenVmiError(f"the runner (process {self.pid}) ended in the middle of the run ({_ended(status)}):"
                            f" {self.complaint() or self._guess(status)}")

    def _guess(self, status: int) -> str:
        if status == -signal.SIGKILL and _out_of_memory_kills() > self._killed_before:
            return _OUT_OF_MEMORY
        return _MEANING.get(-status, "it said nothing; something outside ended it")

    def close(self) -> None:
        """Ends it and frees everything. Harmless when repeated."""
        if self._lifeline:
            self.kill()
        self._stack.close()


def _memory_program(data: bytes) -> int:
    """A descriptor of a program that is in memory only; for reading, because a file that is written to cannot run."""
    with ExitStack() as ended:
        try:
            file = os.memfd_create("openvmi-runner", os.MFD_CLOEXEC | _MFD_EXEC)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            file = os.memfd_create("openvmi-runner", os.MFD_CLOEXEC)  # a kernel that does not ask
        ended.callback(os.close, file)
        with open(file, "wb", closefd=False) as stream:
            stream.write(data)
        return os.open(f"/proc/self/fd/{file}", os.O_RDONLY | os.O_CLOEXEC)


def _out_of_memory_kills() -> int:
    """How many processes this system, containers included, has ended for want of memory since it runs."""
    try:
        words = _VMSTAT.read_text().split()
        return int(words[words.index("oom_kill") + 1])
    except (OSError, ValueError, IndexError):
        return 0


def _ended(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
