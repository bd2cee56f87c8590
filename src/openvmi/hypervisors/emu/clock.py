# SPDX-License-Identifier: MIT
"""Virtual time: the host's, or counted from what the guest does."""

from __future__ import annotations

import time

from openvmi.hypervisors.emu.cpu import Cpu
from openvmi.units import Nanoseconds

#: 2020-01-01 00:00 UTC: when a deterministic guest starts.
DETERMINISTIC_START = Nanoseconds(1_577_836_800 * 10**9)
FREQUENCY = 10**9  #: ticks per second of every clock here


class Clock:
    """Nanoseconds since the guest was made. Deterministic: one for each instruction, and what idling skipped."""

    def __init__(self, cpu: Cpu, deterministic: bool) -> None:
        self.deterministic = deterministic
        self._cpu = cpu
        self._skipped = 0
        self._start = time.monotonic_ns()
        self._wall = DETERMINISTIC_START if deterministic else time.time_ns()

    def now(self) -> Nanoseconds:
        """The present moment; never goes back."""
        if self.deterministic:
            return Nanoseconds(self._cpu.executed + self._skipped)
        return Nanoseconds(time.monotonic_ns() - self._start)

    def wall(self) -> Nanoseconds:
        """Nanoseconds since 1970-01-01 00:00 UTC."""
        return Nanoseconds(self._wall + self.now())

    def skip_to(self, moment: Nanoseconds) -> None:
        """Lets deterministic time pass without the guest."""
        self._skipped += max(0, moment - self.now())
