# SPDX-License-Identifier: MIT
"""A PC made by QEMU and one run on it, whatever it boots."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from openvmi.hypervisors.base import Ending
from openvmi.machine import exit_port
from openvmi.machine.qemu.process import QemuProcess
from openvmi.machine.qemu.session import Ended, Session, SessionEnd

_PANIC = "guest-panicked"  # ShutdownCause of QEMU's QMP reference
_POWER_OFF = "guest-shutdown"
_EXIT_DEVICE = ("-device", f"isa-debug-exit,iobase={exit_port.EXIT_PORT:#x},iosize=1")


class Pc(ABC):
    """The methods of :class:`openvmi.hypervisors.base.Machine` that do not depend on what runs."""

    def __init__(self, qemu: QemuProcess, arguments: Callable[[], list[str]], console: Callable[[bytes], None],
                 timeout: float, over: Callable[[], bool] = lambda: False) -> None:
        """Starts QEMU with these arguments more; the process is this object's, also when that fails."""
        self.qemu = qemu
        self._timeout = timeout
        try:
            qemu.start([*_EXIT_DEVICE, *arguments()])
            self._session = Session(qemu, console, timeout, over=over)
        except BaseException:
            qemu.close()
            raise

    def _ending(self, end: SessionEnd) -> tuple[Ending, int, str]:
        """How it ended, the exit status, and a sentence."""
        if end.ended is Ended.TIMEOUT:
            return Ending.TIMEOUT, 0, f"the guest did not end within {self._timeout:g} s"
        if end.ended is Ended.STOPPED:
            return Ending.INTERRUPTED, 0, "stopped by the user"
        if end.was_reset:
            return self._on_reset()
        if end.cause == _PANIC:
            return Ending.CRASH, 0, exit_port.MESSAGES[Ending.CRASH]
        if end.cause == _POWER_OFF and end.status == 0:
            return Ending.EXIT, 0, ""
        # 1 is what isa-debug-exit makes of 0, and what QEMU ends with when it gives up, saying why.
        if end.status % 2 == 0 or (end.status == 1 and self.qemu.complaint()):
            raise self.qemu.unexpected_end(end.status)
        ending, code = exit_port.decode(end.status >> 1)
        return ending, code, exit_port.MESSAGES[ending]

    @abstractmethod
    def _on_reset(self) -> tuple[Ending, int, str]:
        """The same for a machine that was reset."""

    def stop(self) -> None:
        """Noticed at once."""
        self._session.stop()

    def pause(self) -> None:
        """Returns when the guest stands still; at once when it does not run."""
        self._session.pause()

    def resume(self) -> None:
        """Lets the guest go on."""
        self._session.resume()

    def send_console(self, data: bytes) -> None:
        """Input for the guest. Kept until its serial port is set up, which its first output shows."""
        self._session.send_console(data)

    def __exit__(self, *exception: object) -> None:
        self.qemu.close()
        self._session.close()
