# SPDX-License-Identifier: MIT
"""One run: the console, what the runner says, the time limit, pause and stop, and how it ended.

While the guest runs, and says nothing, this sleeps.
"""

from __future__ import annotations

import selectors
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from attrs import define, field

from openvmi.errors import OpenVmiError
from openvmi.hypervisors.base import Ending, Mark
from openvmi.hypervisors.linux import control
from openvmi.hypervisors.linux.control import Order
from openvmi.hypervisors.linux.process import RunnerProcess
from openvmi.machine.session import ConsoleSession

_MARK_LIMIT = 1 << 20  # marks that are kept, as on emu
_ANSWER_SECONDS = 3.0  # for the runner to do as it is told
_LATE_SECONDS = 1.0  # by which its own limit of time may come late
_DRAIN_SECONDS = 5.0  # for the console output that is under way when it ends


@define
class SessionEnd:
    """How a session ended. The runner has ended, too."""

    ending: Ending | None  #: None: `said` tells
    said: control.End | None  #: None: the runner had to be killed
    began: float  #: time.monotonic() at the start
    boot_ms: float
    run_ms: float
    marks: list[Mark] = field(factory=list)


class Session(ConsoleSession):
    """The methods of :class:`openvmi.hypervisors.base.Machine` that have to do with running."""

    def __init__(self, runner: RunnerProcess, enter: Callable[[], None], console: Callable[[bytes], None],
                 hear: Callable[[control.Report | control.Paused], None], timeout: float) -> None:
        """`enter` hands the guest over; `hear` takes what the runner tells of it besides marks and the end.

        Raises :class:`OpenVmiError` when the system has no descriptors left.
        """
        super().__init__(runner.console, console, timeout + _LATE_SECONDS)
        self._runner, self._enter, self._hear = runner, enter, hear
        self._asked: Order | None = None  # what the runner has not done yet,
        self._patience = 0.0  # and until when it has to
        self._ending: Ending | None = None  # decided here
        self._said: control.End | None = None
        self._marks: list[Mark] = []

    def run(self) -> SessionEnd:
        """Runs to the end, whichever it is. Raises :class:`OpenVmiError` when something else ends the runner."""
        self._thread = threading.get_ident()
        try:
            whole = self._loop()
            now = time.monotonic()
            if not whole and self._ending is None:
                raise self._runner.unexpected_end()
            if whole:
                self._runner.wait()
            else:
                self._runner.kill()
            self._drain()
            return SessionEnd(self._ending, self._said, *self._times(now), self._marks)
        finally:
            self._thread = None
            self._runner.kill()
            self._paused.set()

    def _loop(self) -> bool:
        """Until it has ended; False when the runner did not say so itself."""
        runner = self._runner
        with selectors.PollSelector() as selector:
            selector.register(runner.console, selectors.EVENT_READ, self._take_output)
            selector.register(runner.control, selectors.EVENT_READ, self._take_packets)
            selector.register(self._wakeup, selectors.EVENT_READ, self._wakeup.answer)
            selector.register(runner.pidfd, selectors.EVENT_READ, lambda: False)
            while True:
                self._command()
                if self._ending and self._began is None:
                    return False
                if self._asked and time.monotonic() >= self._patience:
                    if self._ending:
                        return False
                    raise OpenVmiError(f"the runner (process {runner.pid}) did not {self._asked.name.lower()} the guest"
                                       f" within {_ANSWER_SECONDS:g} s; it was ended. Is the machine overloaded?")
                writing = self._began is not None and bool(self._has_input)
                selector.modify(runner.console, selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0),
                                self._take_output)  # fmt: skip
                for key, mask in selector.select(self._wait()):
                    if mask & selectors.EVENT_WRITE:
                        self._give_input()
                    if mask & selectors.EVENT_READ and not key.data():
                        return self._take_packets_left()

    def _wait(self) -> float | None:
        """Seconds until something is to be done here."""
        times = [self._patience] if self._asked else []
        times += [self._deadline] if self._deadline is not None and not self._ending else []
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _command(self) -> None:
        """Tells the runner what is wanted, one thing after the other."""
        if self._ending:
            return
        now = time.monotonic()
        if self._stopping or (self._deadline is not None and now >= self._deadline):
            self._ending = Ending.INTERRUPTED if self._stopping else Ending.TIMEOUT
            self._order(Order.STOP)
        elif self._pausing and not self._paused.is_set() and self._asked is None:
            self._order(Order.PAUSE)
        elif not self._pausing and self._paused.is_set():
            self._paused.clear()
            self._deadline = now + self._left
            if self._began is None:
                self._began = now
                self._enter()
            else:
                self._order(Order.RESUME)
                self._asked = None

    def _order(self, order: Order) -> None:
        self._asked, self._patience = order, time.monotonic() + _ANSWER_SECONDS
        with suppress(OSError):  # it does not listen, or has ended: both show
            self._runner.control.send(order.packet)

    def _take_packets(self) -> bool:
        """One packet; False when the runner has ended, by its own account or not."""
        try:
            packet = self._runner.control.recv(control.PACKET_MOST)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not packet:
            return False
        said = control.decode(packet)
        if isinstance(said, control.End):
            self._said = said
            return False
        if isinstance(said, Mark):
            self._marks += [said] if len(self._marks) < _MARK_LIMIT else []
            return True
        self._hear(said)
        if isinstance(said, control.Paused) and self._asked is Order.PAUSE:
            self._asked = None
            self._stand_still()
        return True

    def _take_packets_left(self) -> bool:
        """Whether the runner's last word is there, which may be among what remains to be read when it has ended."""
        if self._said is None:
            self._runner.wait()
            self._runner.control.settimeout(_DRAIN_SECONDS)
        while self._said is None and self._take_packets():
            pass
        return self._said is not None

    def _drain(self) -> None:
        """What the guest printed before the end. The runner is gone, so that the end of the stream comes."""
        if self._began is None:
            return
        self._runner.console.settimeout(_DRAIN_SECONDS)
        while self._take_output():
            pass
