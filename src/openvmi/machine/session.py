# SPDX-License-Identifier: MIT
"""What one run of a guest in another process has, whichever process: console both ways, pause and stop, and times.

One thread runs it and does all talking to the process. The others set what they want and wake it.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from openvmi.machine.console import ConsoleInput
from openvmi.machine.wakeup import Wakeup

CHUNK = 1 << 16  #: bytes of console output at once


class ConsoleSession:
    """The methods of :class:`openvmi.hypervisors.base.Machine` that any thread may call, and the console."""

    def __init__(self, stream: socket.socket, console: Callable[[bytes], None], timeout: float) -> None:
        """`stream` is the console's, `console` takes what the guest says. `timeout` is of the guest, in seconds, during
        which it is not paused.

        Raises :class:`OpenVmiError` when the system has no descriptors left.
        """
        self._stream, self._console = stream, console
        self._input = ConsoleInput()
        self._unsent = b""
        self._wakeup = Wakeup()
        self._stopping = False
        self._pausing = False
        self._paused = threading.Event()  # set while the guest stands still
        self._paused.set()
        self._thread: int | None = None  # that runs it
        self._left = timeout
        self._deadline: float | None = None  # of the guest, while it executes
        self._began: float | None = None
        self._first_output: float | None = None
        self._last_output = 0.0

    # ---- from any thread ----

    def stop(self) -> None:
        """Ends the run soon."""
        self._stopping = True
        self._wakeup.ring()

    def pause(self) -> None:
        """Returns when the guest stands still; at once from within the console, which the guest then waits for."""
        self._pausing = True
        self._wakeup.ring()
        if self._thread == threading.get_ident():
            self._pause_from_console()
        else:
            self._paused.wait()

    def resume(self) -> None:
        """Lets the guest go on."""
        self._pausing = False
        self._wakeup.ring()

    def send_console(self, data: bytes) -> None:
        """Console input, as much of it as there is room for."""
        self._input.put(data)
        self._wakeup.ring()

    def close(self) -> None:
        """Frees what waking needs; :meth:`stop` and the others do nothing from here on."""
        self._paused.set()
        self._wakeup.close()

    # ---- in the thread that runs ----

    def _pause_from_console(self) -> None:
        """Where the process can be stopped at once."""

    @property
    def _has_input(self) -> bool:
        return bool(self._unsent or len(self._input))

    def _take_output(self) -> bool:
        """Passes output on; False at the end of the stream."""
        try:
            data = self._stream.recv(CHUNK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if data:
            self._last_output = time.monotonic()
            self._first_output = self._first_output or self._last_output
            self._console(data)
        return bool(data)

    def _give_input(self, most: int = CHUNK) -> None:
        self._unsent = self._unsent or self._input.take(most)
        with suppress(OSError):  # full again, or closed, which reading finds out
            self._unsent = self._unsent[self._stream.send(self._unsent) :]

    def _stand_still(self) -> None:
        if self._deadline is not None:
            self._left, self._deadline = self._deadline - time.monotonic(), None
        self._paused.set()

    def _times(self, now: float) -> tuple[float, float, float]:
        """When it began, and the milliseconds from there to the first console byte (or to now), and to now."""
        began = self._began or now
        return began, ((self._first_output or now) - began) * 1e3, (now - began) * 1e3
