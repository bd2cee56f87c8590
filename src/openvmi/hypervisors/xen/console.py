# SPDX-License-Identifier: MIT
"""Telling the guest's output from Xen's: both come out of one serial port.

Xen is told to begin each of its lines with its name and the processor's clock (console_timestamps=raw):

    (XEN) [0000000003e104e0] Hardware Dom0 shutdown: rebooting machine

That mark is looked for everywhere, because Xen does not care whether the guest has ended its line: from there to the
end of the line it is Xen that speaks, and then the guest goes on where it was. A guest that prints such a mark is taken
for Xen until the end of its line; one that prints "(XEN) " alone is not. What comes before the first mark is the
firmware's. Xen puts a CR before each LF, its own and the guest's; it is taken away again.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

_LINES = 256  # of Xen that are kept, the last ones
_LINE_LIMIT = 500  # bytes that are kept of each
_MARK = re.compile(rb"\(XEN\) \[[0-9a-f]{16}\] ")
_SHAPE = b"(XEN) [0000000000000000] "
_DIGITS = b"0123456789abcdef"


class ConsoleFilter:
    """Bytes of the serial port in, bytes of the guest out as soon as they cannot be the beginning of a mark."""

    def __init__(self, guest: Callable[[bytes], None], line: Callable[[str], None] = lambda line: None) -> None:
        """`guest` takes what the guest printed; `line` each line of Xen, and what there is of one that is not over."""
        self._guest = guest
        self._line = line
        self._held = b""  # of the guest: may be the beginning of a mark, or of a line's end
        self._xen: bytearray | None = bytearray()  # the line of Xen that is under way, firmware's included
        self._begun = False
        self.lines: deque[str] = deque(maxlen=_LINES)  #: of Xen, without marks

    def feed(self, data: bytes) -> None:
        """Takes what came out of the port, in pieces of any size."""
        data, self._held = self._held + data, b""
        said = bytearray()
        while data:
            data = self._of_guest(data, said) if self._xen is None else self._of_xen(data)
        if self._xen:
            self._line(_text(self._xen))
        if said:
            self._guest(bytes(said))

    def close(self) -> None:
        """No more will come."""
        if self._xen is not None:
            self._xen += self._held
            self._end_line()
        elif self._held:
            self._guest(self._held)
        self._held = b""

    def _of_guest(self, data: bytes, said: bytearray) -> bytes:
        found = _MARK.search(data)
        if found:
            said += data[: found.start()].replace(b"\r\n", b"\n")
            self._xen = bytearray()
            return data[found.end() :]
        kept = _unfinished(data)
        self._held = data[kept:]
        said += data[:kept].replace(b"\r\n", b"\n")
        return b""

    def _of_xen(self, data: bytes) -> bytes:
        assert self._xen is not None
        if not self._begun:
            return self._before_xen(data)
        part, newline, rest = data.partition(b"\n")
        self._xen += part[: max(0, _LINE_LIMIT - len(self._xen))]
        if newline:
            self._end_line()
        return rest

    def _before_xen(self, data: bytes) -> bytes:
        """Firmware, or a Xen that cannot say who it is."""
        assert self._xen is not None
        found = _MARK.search(data)
        if not found:
            self._held = data[_unfinished(data) :]
            self._xen = (self._xen + data[: len(data) - len(self._held)])[-_LINE_LIMIT:]
            return b""
        self._begun = True
        self._xen += data[: found.start()]
        self._end_line()
        self._xen = bytearray()
        return data[found.end() :]

    def _end_line(self) -> None:
        if self._xen and (line := _text(self._xen)):
            self.lines.append(line)
            self._line(line)
        self._xen = None


def _unfinished(data: bytes) -> int:
    """Where the last bytes begin that may be the beginning of a mark, or a CR whose LF is to come."""
    for at in range(max(0, len(data) - len(_SHAPE) + 1), len(data)):
        rest = data[at:]
        if rest == b"\r" or all(c == s or (s == 0x30 and c in _DIGITS) for c, s in zip(rest, _SHAPE, strict=False)):
            return at
    return len(data)


def _text(data: bytearray) -> str:
    return bytes(data).decode("ascii", "replace").strip("\r\n")
