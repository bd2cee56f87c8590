# SPDX-License-Identifier: MIT
"""A Linux kernel's messages, out of what it writes on its console."""

from __future__ import annotations

import re
from collections.abc import Callable

_LINE_LIMIT = 1024  # bytes of a line that are looked at; the kernel's own buffer for one has that many
#: printk's level and time, in either order of the releases: "<6>[    0.000000] ".
_PREFIX = re.compile(r"(?:<\d{1,3}>)?(?:\[ *\d+\.\d+\] ?)?(?:<\d{1,3}>)?")
_PANIC = "Kernel panic - not syncing"


class KernelLog:
    """Lines without printk's prefix and with printable letters only, each given to `take`; bounded whatever comes."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take
        self._line = bytearray()
        self.spoke = False  #: whether there was anything to be read at all

    def feed(self, data: bytes) -> None:
        """Console output as it comes."""
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._add(piece)
            self.end_line()
        self._add(rest)

    def end_line(self) -> None:
        """Takes what there is as a line, as at the end of the output."""
        line, self._line = self._line, bytearray()
        text = bytes(line).strip(b"\r\0 ").decode("ascii", "replace")
        if text:
            self.spoke = True
            self._take("".join(letter if letter.isprintable() else "?" for letter in _PREFIX.sub("", text, count=1)))

    def _add(self, piece: bytes) -> None:
        self._line += piece[:_LINE_LIMIT - len(self._line)]


def panic(line: str) -> bool:
    """Whether a line is the first of a panic, after which a kernel does nothing more, or starts again."""
    return line.startswith(_PANIC)
