# SPDX-License-Identifier: MIT
"""The I/O interrupt controller (Intel 82093AA): redirection entries, and one pin that something is connected to."""

from __future__ import annotations

from collections.abc import Callable

SIZE = 0x1000
SERIAL_PIN = 4
_SELECT, _WINDOW = 0x00, 0x10
_ID, _VERSION, _ARBITRATION, _REDIRECTION = 0, 1, 2, 0x10
_PINS = 24
_MASKED = 1 << 16


class IoApic:
    """Registers by offset. `request` takes the vector of an interrupt to the local controller."""

    def __init__(self, request: Callable[[int], None], attention: Callable[[], None]) -> None:
        self._request = request
        self._attention = attention
        self._select = 0
        self._entries = [_MASKED, 0] * _PINS  # low and high word of each pin
        self._levels = [False] * _PINS

    def set_line(self, pin: int, up: bool) -> None:
        """The state of an interrupt line; its rise is the interrupt."""
        rises = up and not self._levels[pin]
        entry = self._entries[2 * pin]
        self._levels[pin] = up and not entry & _MASKED  # a line that is up when its pin is unmasked rises then
        if rises and not entry & _MASKED:
            self._request(entry & 0xFF)

    def read(self, offset: int) -> int:
        """A load of a register."""
        if offset == _SELECT:
            return self._select
        if offset != _WINDOW:
            return 0
        if self._select == _VERSION:
            return (_PINS - 1) << 16 | 0x11
        index = self._select - _REDIRECTION
        return self._entries[index] if 0 <= index < len(self._entries) else 0

    def write(self, offset: int, value: int) -> None:
        """A store to a register."""
        index = self._select - _REDIRECTION
        if offset == _SELECT:
            self._select = value & 0xFF
        elif offset == _WINDOW and 0 <= index < len(self._entries):
            self._entries[index] = value
            self._attention()
