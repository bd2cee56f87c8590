# SPDX-License-Identifier: MIT
"""A QEMU process: started, talked to and, whatever happens, ended by this one."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from openvmi.errors import OpenVmiError, UnavailableError
from openvmi.machine.lifeline import Lifeline
from openvmi.machine.qemu.control import Control, GoneError
from openvmi.machine.qemu.installation import Installation
from openvmi.units import Gpa

_KEPT_STDERR = 8192  # bytes
_END_SECONDS = 10.0  # between closing its connections and being gone
_CONSOLE_BUFFER = 1 << 20  # bytes that QEMU may be ahead of who reads the console; the system may give less
_TRIPLE_FAULT = b"Triple fault"  # a line of QEMU's log of resets (target/i386/tcg/excp_helper.c)
_HARMLESS = re.compile(r"^\S*qemu\S*: warning:")

_ALWAYS = (
    "-nodefaults", "-no-user-config", "-display", "none", "-accel", "tcg",
    # A guest that resets stays where it was, to be looked at.
    "-no-reboot", "-no-shutdown", "-S",
)  # fmt: skip
#: Virtual time is the number of instructions, 2^shift ns each, and skips what nobody computes in.
_DETERMINISTIC = ("-icount", "shift={},sleep=off", "-rtc", "clock=vm,base=2020-01-01", "-seed", "1")
_SHIFT, _EXACT_SHIFT = 4, 0  # QEMU's time-stamp counter has a tick each ns
_HOST_TIME = ("-rtc", "base=utc")


class QemuProcess:
    """A PC with one serial port and a control connection. Leaving it as a context manager ends QEMU.

    Guest memory belongs to this process: :meth:`read` works after QEMU has ended, until the manager is left.
    """

    def __init__(self, installation: Installation, memory: int, *, deterministic: bool = False,
                 exact: bool = False) -> None:
        """Prepares a machine with that many bytes of memory; nothing is started.

        `deterministic`: virtual time counts instructions; `exact`: one tick of the time-stamp counter is one of them.
        """
        self._installation = installation
        self._memory = memory
        self._time = _HOST_TIME if not deterministic else [
            word.format(_EXACT_SHIFT if exact else _SHIFT) for word in _DETERMINISTIC
        ]
        self._stack = ExitStack()
        self._files: list[int] = []
        self._lifeline: Lifeline | None = None
        self._stderr = bytearray()
        self._triple_fault = False
        self._readers: list[threading.Thread] = []
        self.console: socket.socket  #: the serial port, both ways, non-blocking
        self.control: Control
        try:
            self._ram = self._file("ram")
            os.ftruncate(self._ram, memory)
        except OSError as error:
            self.close()
            raise OpenVmiError(f"no {memory >> 20} MiB of memory for the guest: {error.strerror}") from error

    def _file(self, name: str) -> int:
        file = os.memfd_create(name)
        self._stack.callback(os.close, file)
        self._files.append(file)
        return file

    def add_file(self, name: str, data: bytes) -> str:
        """A file for QEMU that exists in memory only: the path to give it in the arguments of :meth:`start`.

        Raises :class:`OpenVmiError` when there is no room for it.
        """
        try:
            file = self._file(name)
            with open(file, "wb", closefd=False) as stream:
                stream.write(data)
        except OSError as error:
            raise OpenVmiError(f"no room for {len(data)} bytes of {name} for QEMU: {error.strerror}") from error
        return _path(file)

    def start(self, arguments: Sequence[str]) -> None:
        """Starts QEMU with these arguments besides its own, and stops it before the first instruction.

        Raises :class:`UnavailableError` with what QEMU said when it does not come up, and :class:`OpenVmiError` when
        this process cannot start another.
        """
        try:
            self._launch(arguments)
        except OSError as error:
            raise OpenVmiError(f"{self._installation.program} cannot be started: {error.strerror or error}") from error
        try:
            self.control.greet()
        except GoneError as error:
            status = self.wait()
            raise UnavailableError(
                f"{self._installation.program} {self._installation.version} did not start the machine"
                f" ({_ended(status)}): {self.complaint() or 'it said nothing'}"
            ) from error

    def _launch(self, arguments: Sequence[str]) -> None:
        with ExitStack() as theirs:
            console = self._connection(theirs)
            control = self._connection(theirs)
            stderr = self._pipe(theirs, "QEMU's stderr", self._read_stderr)
            log = self._pipe(theirs, "QEMU's log", self._read_log)
            command = [self._installation.program, *self._machine(console[1], control[1]),
                       "-d", "cpu_reset", "-D", _path(log), *arguments]  # fmt: skip
            files = [*self._files, console[1].fileno(), control[1].fileno(), log]
            self._lifeline = Lifeline(command, files, stderr)
        self.console, self.control = console[0], Control(control[0])
        self.console.setblocking(False)

    def _pipe(self, theirs: ExitStack, name: str, read: Callable[[int], None]) -> int:
        """The end that QEMU writes to; a thread reads the other."""
        reader, writer = os.pipe()
        theirs.callback(os.close, writer)
        self._readers.append(threading.Thread(target=read, args=(reader,), name=name, daemon=True))
        self._readers[-1].start()
        return writer

    def _connection(self, theirs: ExitStack) -> tuple[socket.socket, socket.socket]:
        """Our end, closed with the process, and QEMU's, closed here as soon as it has it."""
        ours, other = socket.socketpair()
        self._stack.callback(ours.close)
        theirs.callback(other.close)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _CONSOLE_BUFFER)
        return ours, other

    def _machine(self, console: socket.socket, control: socket.socket) -> list[str]:
        return [
            *_ALWAYS, *self._time,
            "-machine", "pc,memory-backend=ram", "-m", f"size={self._memory >> 20}M",
            "-object", f"memory-backend-file,id=ram,size={self._memory},mem-path={_path(self._ram)},share=on",
            "-chardev", f"socket,id=control,fd={control.fileno()}", "-mon", "chardev=control,mode=control",
            "-chardev", f"socket,id=console,fd={console.fileno()}", "-serial", "chardev:console",
        ]  # fmt: skip

    def _read_stderr(self, reader: int) -> None:
        with open(reader, "rb", buffering=0) as stream:
            while data := stream.read(4096):
                self._stderr += data[: _KEPT_STDERR - len(self._stderr)]

    def _read_log(self, reader: int) -> None:
        end = b""
        with open(reader, "rb", buffering=0) as stream:
            while data := stream.read(4096):
                self._triple_fault = self._triple_fault or _TRIPLE_FAULT in end + data
                end = data[1 - len(_TRIPLE_FAULT):]

    def read(self, address: Gpa, size: int) -> bytes | None:
        """Guest-physical memory as it is now; None when not all of it is there."""
        if address < 0 or size < 0 or address + size > self._memory:
            return None
        return os.pread(self._ram, size, address)

    @property
    def pid(self) -> int:
        """Of the started process."""
        assert self._lifeline
        return self._lifeline.process.pid

    def wait(self) -> int:
        """The exit status once QEMU closes its connections; negative, the signal. Kills it when it does not end."""
        assert self._lifeline
        process = self._lifeline.process
        try:
            return process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def kill(self) -> None:
        """Ends QEMU at once."""
        if self._lifeline:
            self._lifeline.close()

    def _finish_reading(self) -> None:
        """Waits for the last that an ended QEMU wrote."""
        if self._lifeline and self._lifeline.process.poll() is not None:
            for reader in self._readers:
                reader.join(_END_SECONDS)

    @property
    def triple_fault(self) -> bool:
        """Whether a processor could not deliver a fault, which resets the machine like a guest's own wish."""
        self._finish_reading()
        return self._triple_fault

    def complaint(self) -> str:
        """The first line that QEMU wrote on stderr and that is no warning; empty when there is none."""
        self._finish_reading()
        lines = bytes(self._stderr).decode(errors="replace").splitlines()
        return next((line.strip() for line in lines if line.strip() and not _HARMLESS.match(line)), "")

    def unexpected_end(self, status: int) -> OpenVmiError:
        """The error for a QEMU that ended although nobody asked it to."""
        return OpenVmiError(
            f"QEMU (process {self.pid}) ended in the middle of the run ({_ended(status)}):"
            f" {self.complaint() or 'it said nothing; something outside ended it'}"
        )

    def close(self) -> None:
        """Ends QEMU and frees everything. Harmless when repeated."""
        self.kill()
        for reader in self._readers:
            reader.join(_END_SECONDS)
        self._stack.close()

    def __enter__(self) -> QemuProcess:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _path(file: int) -> str:
    return f"/proc/self/fd/{file}"


def _ended(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
