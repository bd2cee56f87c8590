# SPDX-License-Identifier: MIT
"""One run of a started QEMU: its console, the time limit, pause and stop, and how it ended."""

from __future__ import annotations

import selectors
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum

from attrs import frozen

from openvmi.errors import OpenVmiError
from openvmi.hypervisors.base import Registers
from openvmi.machine.qemu import registers
from openvmi.machine.qemu.control import GoneError
from openvmi.machine.qemu.process import QemuProcess
from openvmi.machine.session import CHUNK, ConsoleSession

_LOOK_SECONDS = 1.0  # between two looks at a run in which nothing happens
_SILENCE_SECONDS = 1.0  # after which a guest may turn out to be over
_LAST_SECONDS = 2.0  # for the registers of a machine that is ended from here
_DRAIN_SECONDS = 5.0  # for the console output that is under way when QEMU ends
#: A guest that prints has set its serial port up by then, which drops what was received before. One that only reads
#: gets its input after this many seconds.
_INPUT_GRACE = 0.5
_RESET = "guest-reset"
_FROM_OUTSIDE = "host-signal"


class Ended(Enum):
    """Why a session is over."""

    EXIT = "exit"  #: the machine ended itself; see `status` and `cause`
    TIMEOUT = "timeout"
    STOPPED = "stopped"  #: by :meth:`Session.stop`
    CALLED_OFF = "called off"  #: by :meth:`Session.call_off`, or because the guest is over


@frozen
class InputRules:
    """When console input is given to the machine."""

    listening: Callable[[], bool] = lambda: True  #: asked after each piece of output: whether anybody takes it yet
    chunk: int = 4096  #: bytes at once, at most
    pause: float = 0.0  #: seconds until the next


@frozen
class SessionEnd:
    """How a session ended. QEMU has ended, too."""

    ended: Ended
    status: int = 0  #: QEMU's exit status, for EXIT
    cause: str = ""  #: ShutdownCause of QEMU's SHUTDOWN event (QMP reference), for EXIT; empty: there was none
    registers: Registers | None = None  #: of the processor at the end; None when QEMU could not be asked
    began: float = 0.0  #: time.monotonic() at the start
    boot_ms: float = 0.0  #: host time from the start to the first console byte, or to the end
    run_ms: float = 0.0  #: host time from the start to the end

    @property
    def was_reset(self) -> bool:
        """Whether the machine was reset, by a triple fault or by the guest's wish."""
        return self.cause == _RESET


_AT_ONCE = InputRules()


class Session(ConsoleSession):
    """The methods of :class:`openvmi.hypervisors.base.Machine` that have to do with running."""

    def __init__(
        self,
        qemu: QemuProcess,
        console: Callable[[bytes], None],
        timeout: float,
        rules: InputRules = _AT_ONCE,
        over: Callable[[], bool] = lambda: False,
    ) -> None:
        """`qemu` has been started and is stopped; `timeout` in seconds, during which the guest is not paused.

        `over` is asked when the console has been silent for a second: whether the guest is over, by what it printed,
        although the machine goes on.
        Raises :class:`OpenVmiError` when the system has no descriptors left.
        """
        super().__init__(qemu.console, console, timeout)
        self._qemu = qemu
        self._rules = rules
        self._over = over
        self._next_input = 0.0
        self._called_off = False
        self._cause = ""
        #: of the processor when the guest was last paused, or at the end; None when QEMU could not be asked
        self.registers: Registers | None = None

    def call_off(self) -> None:
        """Ends :meth:`run` soon, because the guest is over although the machine goes on."""
        self._called_off = True
        self._wakeup.ring()

    def _pause_from_console(self) -> None:
        with suppress(GoneError):
            self._obey()

    def run(self) -> SessionEnd:
        """Runs to the end, whichever it is. Raises :class:`OpenVmiError` when QEMU is ended by something else."""
        self._thread = threading.get_ident()
        ended = Ended.EXIT
        try:
            with suppress(GoneError):
                ended = self._loop()
            return self._finish(ended)
        finally:
            self._thread = None
            self._qemu.kill()
            self._paused.set()

    def _loop(self) -> Ended:
        qemu = self._qemu
        with selectors.PollSelector() as selector:
            selector.register(qemu.console, selectors.EVENT_READ, self._take_output)
            selector.register(qemu.control, selectors.EVENT_READ, self._take_event)
            selector.register(self._wakeup, selectors.EVENT_READ, self._wakeup.answer)
            while True:
                if self._called_off:
                    return Ended.CALLED_OFF
                if self._stopping:
                    return Ended.STOPPED
                self._obey()
                now = time.monotonic()
                if self._deadline is not None and now >= self._deadline:
                    return Ended.TIMEOUT
                if self._deadline is not None and now - self._last_output >= _SILENCE_SECONDS and self._over():
                    return Ended.CALLED_OFF
                wait, writing = self._until(now)
                selector.modify(qemu.console, selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0),
                                self._take_output)  # fmt: skip
                for key, mask in selector.select(wait):
                    if mask & selectors.EVENT_READ and not key.data():
                        return Ended.EXIT
                    if mask & selectors.EVENT_WRITE:
                        self._give_input()

    def _until(self, now: float) -> tuple[float, bool]:
        """Seconds to wait at most, and whether there is input that the console may take now."""
        wait = _LOOK_SECONDS if self._deadline is None else min(_LOOK_SECONDS, self._deadline - now)
        if not self._has_input or self._began is None or not self._rules.listening():
            return wait, False
        grace = (self._next_input if self._first_output else self._began + _INPUT_GRACE) - now
        return (wait, True) if grace <= 0 else (min(wait, grace), False)

    def _obey(self) -> None:
        """Makes the machine stand or go, as was asked."""
        if self._pausing and not self._paused.is_set():
            self._qemu.control.execute("stop")
            self._ask_registers()
            self._stand_still()
        elif not self._pausing and self._paused.is_set():
            self._paused.clear()
            now = time.monotonic()
            self._began = self._began or now
            self._deadline = now + self._left
            self._qemu.control.execute("cont")

    def _give_input(self, most: int = CHUNK) -> None:
        self._next_input = time.monotonic() + self._rules.pause
        super()._give_input(min(most, self._rules.chunk))

    def _take_event(self) -> bool:
        """False when the machine has ended, or QEMU has."""
        control = self._qemu.control
        control.receive()
        while control.events:
            event = control.events.popleft()
            if event.get("event") == "SHUTDOWN":
                self._cause = str(event.get("data", {}).get("reason", "unknown"))
        return not (self._cause or control.closed)

    # ---- the end ----

    def _finish(self, ended: Ended) -> SessionEnd:
        qemu = self._qemu
        now = time.monotonic()
        status = 0
        if ended is Ended.EXIT:
            self._take_event()
            status = self._let_end()
        else:
            with suppress(OpenVmiError):  # it is ended because it does not do what it should, perhaps not even this
                self._ask_registers(_LAST_SECONDS)
            qemu.kill()
        self._drain()
        if ended is Ended.EXIT and (status < 0 or self._cause == _FROM_OUTSIDE):
            raise qemu.unexpected_end(status)
        return SessionEnd(ended, status, self._cause, self.registers, *self._times(now))

    def _let_end(self) -> int:
        """QEMU's exit status. It stays, to be looked at, where the machine was shut down or reset."""
        qemu = self._qemu
        if self._cause and not qemu.control.closed:
            with suppress(GoneError):
                if self._cause == _RESET:
                    self._ask_registers()
                qemu.control.send("quit")
        return qemu.wait()

    def _ask_registers(self, seconds: float | None = None) -> None:
        self.registers = None
        command = {"command-line": "info registers"}
        self.registers = registers.parse(self._qemu.control.execute("human-monitor-command", seconds, **command))

    def _drain(self) -> None:
        """What the guest printed before the end. QEMU is gone, so that the end of the stream comes."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        while time.monotonic() < deadline and self._take_output():
            pass
