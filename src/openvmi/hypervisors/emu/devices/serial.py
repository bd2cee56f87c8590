# SPDX-License-Identifier: MIT
"""The first serial port: a 16550 (National Semiconductor PC16550D) that never makes its guest wait."""

from __future__ import annotations

from collections.abc import Callable

from openvmi.machine.console import ConsoleInput

BASE = 0x3F8
SIZE = 8
_DATA, _ENABLE, _IDENTITY, _LINE_CONTROL, _MODEM_CONTROL, _LINE_STATUS, _MODEM_STATUS, _SCRATCH = range(8)
_RECEIVED, _EMPTY = 0x01, 0x60
_DIVISOR = 0x80  #: line control: data and enable registers are the divisor
_NOTHING_PENDING, _RECEIVE_PENDING, _FIFO = 0x01, 0x04, 0xC0
_MODEM_READY = 0xB0  #: carrier, data set ready, clear to send


class Serial:
    """Registers by offset. `write` receives what the guest sends."""

    def __init__(self, source: ConsoleInput, write: Callable[[bytes], None]) -> None:
        self._source = source
        self._write = write
        self._kept = bytearray(SIZE)
        self._divisor = bytearray(2)

    @property
    def interrupt(self) -> bool:
        """Whether the interrupt line is up: input waits and the guest asked to be told."""
        return bool(self._kept[_ENABLE] & _RECEIVED) and len(self._source) > 0

    def read(self, offset: int) -> int:
        """IN of one byte."""
        if offset < 2 and self._kept[_LINE_CONTROL] & _DIVISOR:
            return self._divisor[offset]
        if offset == _DATA:
            return (self._source.take(1) or b"\0")[0]
        if offset == _IDENTITY:
            return _FIFO | (_RECEIVE_PENDING if self.interrupt else _NOTHING_PENDING)
        if offset == _LINE_STATUS:
            return _EMPTY | (_RECEIVED if len(self._source) else 0)
        if offset == _MODEM_STATUS:
            return _MODEM_READY
        return self._kept[offset]

    def write(self, offset: int, value: int) -> None:
        """OUT of one byte."""
        if offset < 2 and self._kept[_LINE_CONTROL] & _DIVISOR:
            self._divisor[offset] = value
        elif offset == _DATA:
            self._write(bytes([value]))
        else:
            self._kept[offset] = value
