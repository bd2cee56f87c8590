# SPDX-License-Identifier: MIT
"""The local interrupt controller of one processor (Intel SDM volume 3, chapter 11): timer, interrupts to itself."""

from __future__ import annotations

from collections.abc import Callable

from openvmi.units import Nanoseconds

SIZE = 0x1000
_ID, _VERSION, _PRIORITY, _EOI, _SPURIOUS = 0x20, 0x30, 0x80, 0xB0, 0xF0
_IN_SERVICE, _REQUESTED = 0x100, 0x200
_COMMAND, _COMMAND_HIGH = 0x300, 0x310
_LVT_TIMER, _LVT_LAST = 0x320, 0x370
_INITIAL, _CURRENT, _DIVIDE = 0x380, 0x390, 0x3E0
_VERSION_VALUE = 0x0005_0014  #: six local vectors, integrated
_ENABLED, _MASKED, _PERIODIC = 1 << 8, 1 << 16, 1 << 17
_FIXED = 0
_SELF, _ALL = 1, 2  #: destination shorthands
_LOWEST_VECTOR = 16


class LocalApic:
    """Registers by offset, as 32-bit words. The timer counts nanoseconds over its divider."""

    def __init__(self, now: Callable[[], Nanoseconds], attention: Callable[[], None]) -> None:
        """`attention` is called when the processor should look at :meth:`next` or :attr:`deadline` again."""
        self._now = now
        self._attention = attention
        self._kept = {_SPURIOUS: 0xFF, _LVT_TIMER: _MASKED}
        self._requested: set[int] = set()
        self._in_service: set[int] = set()
        self._initial = 0
        self.deadline: Nanoseconds | None = None

    def request(self, vector: int) -> None:
        """An interrupt arrives."""
        if vector >= _LOWEST_VECTOR and self._kept[_SPURIOUS] & _ENABLED:
            self._requested.add(vector)

    def tick(self, now: Nanoseconds) -> None:
        """Raises the timer's vector when its time has come."""
        if self.deadline is None or now < self.deadline:
            return
        entry = self._kept[_LVT_TIMER]
        self.deadline = Nanoseconds(now + self._period) if entry & _PERIODIC and self._initial else None
        if not entry & _MASKED:
            self.request(entry & 0xFF)

    def next(self) -> int | None:
        """The vector to deliver: the highest requested one above what is being handled and the task priority."""
        if not self._requested:
            return None
        vector = max(self._requested)
        floor = max(self._kept.get(_PRIORITY, 0) >> 4, max(self._in_service, default=0) >> 4)
        return vector if vector >> 4 > floor else None

    def take(self, vector: int) -> None:
        """Its delivery begins."""
        self._requested.discard(vector)
        self._in_service.add(vector)

    @property
    def _divider(self) -> int:
        code = self._kept.get(_DIVIDE, 0)
        return 1 << ((code & 3 | code >> 1 & 4) + 1 & 7)

    @property
    def _period(self) -> int:
        return self._initial * self._divider

    def read(self, offset: int) -> int:
        """A load of a register."""
        if offset == _VERSION:
            return _VERSION_VALUE
        if offset == _CURRENT:
            left = 0 if self.deadline is None else max(0, self.deadline - self._now())
            return left // self._divider & 0xFFFF_FFFF
        for base, vectors in ((_IN_SERVICE, self._in_service), (_REQUESTED, self._requested)):
            if base <= offset < base + 0x80:
                word = (offset - base) // 16
                return sum(1 << (vector & 31) for vector in vectors if vector >> 5 == word)
        return self._kept.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """A store to a register."""
        if offset == _EOI:
            self._in_service.discard(max(self._in_service, default=0))
        elif offset == _COMMAND:
            self._command(value)
        elif offset == _INITIAL:
            self._initial = value
            self.deadline = Nanoseconds(self._now() + self._period) if value else None
        elif offset in (_PRIORITY, _SPURIOUS, _COMMAND_HIGH, _DIVIDE) or _LVT_TIMER <= offset <= _LVT_LAST:
            self._kept[offset] = value
        self._attention()

    def _command(self, value: int) -> None:
        shorthand, mode = value >> 18 & 3, value >> 8 & 7
        to_self = shorthand in (_SELF, _ALL) or (not shorthand and not self._kept.get(_COMMAND_HIGH, 0) >> 24)
        if to_self and mode == _FIXED:
            self.request(value & 0xFF)
