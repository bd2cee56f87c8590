# SPDX-License-Identifier: MIT
"""The CMOS clock (Motorola MC146818A) at ports 0x70 and 0x71. Read only; never busy."""

from __future__ import annotations

import time
from collections.abc import Callable

INDEX_PORT, DATA_PORT = 0x70, 0x71
_STATUS_A, _STATUS_B, _STATUS_D = 0x0A, 0x0B, 0x0D
_BINARY, _HOURS_24 = 0x04, 0x02
_DIVIDER = 0x26  #: status A: 32.768 kHz, no update in progress
_VALID = 0x80


class Rtc:
    """`wall` gives nanoseconds since 1970 in UTC."""

    def __init__(self, wall: Callable[[], int]) -> None:
        self._wall = wall
        self._index = 0
        self._status_b = _HOURS_24

    def select(self, value: int) -> None:
        """OUT to the index port; the highest bit is the NMI mask."""
        self._index = value & 0x7F

    def write(self, value: int) -> None:
        """OUT to the data port: only the format can be changed."""
        if self._index == _STATUS_B:
            self._status_b = value & _BINARY | _HOURS_24

    def read(self) -> int:
        """IN from the data port."""
        if self._index == _STATUS_A:
            return _DIVIDER
        if self._index == _STATUS_B:
            return self._status_b
        if self._index == _STATUS_D:
            return _VALID
        now = time.gmtime(self._wall() // 10**9)
        fields = {
            0: now.tm_sec, 2: now.tm_min, 4: now.tm_hour, 6: (now.tm_wday + 1) % 7 + 1, 7: now.tm_mday,
            8: now.tm_mon, 9: now.tm_year % 100, 0x32: now.tm_year // 100,
        }  # fmt: skip
        value = fields.get(self._index, 0)
        return value if self._status_b & _BINARY else value // 10 << 4 | value % 10
