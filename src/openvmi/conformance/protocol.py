# SPDX-License-Identifier: MIT
"""What a kernel of the kit says on its console (kernels/conform/common/conform.h), read as it comes."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from openvmi.conformance.outcome import Outcome
from openvmi.conformance.tests import PREFIX

_LINE_LIMIT = 1 << 14  # bytes; a longer line is no line of the protocol
_CARRIED_LIMIT = 1 << 20  # bytes that are kept of what one test writes
_DETAILS = 20  # lines that are kept of one test
_OUTCOMES = {"SUCCESS": Outcome.SUCCESS, "FAILURE": Outcome.FAILURE, "SKIP": Outcome.SKIP}


@define
class Said:
    """What the guest said of one test."""

    id: str
    outcome: Outcome | None = None  #: None: it did not come to its end
    reason: str = ""  #: of a SKIP
    details: list[str] = field(factory=list)


@define
class Reader:
    """Takes console output in pieces. `begun` is called with each test's id as it begins."""

    begun: Callable[[str], None] = lambda name: None
    said: list[Said] = field(factory=list)  #: in the order of the console
    count: int | None = None  #: of the line that ends it
    broken: str = ""  #: the first thing that was against the protocol
    last: list[str] = field(factory=list)  #: the last lines that were not of the protocol
    _line: bytearray = field(factory=bytearray)
    _carried: bytearray = field(factory=bytearray)

    def feed(self, data: bytes) -> None:
        """Takes some bytes."""
        for piece in data.splitlines(keepends=True):
            self._line += piece[:_LINE_LIMIT - len(self._line)]
            if piece.endswith(b"\n"):
                self._take(bytes(self._line))
                self._line.clear()

    @property
    def open(self) -> Said | None:
        """The test that has begun and not ended."""
        return self.said[-1] if self.said and self.said[-1].outcome is None else None

    def _take(self, line: bytes) -> None:
        text = line.rstrip(b"\r\n").decode("ascii", "backslashreplace")
        mark, _, rest = text.partition(" ")
        if mark == "@":
            self._begin(rest)
        elif mark == "=" and rest.partition(" ")[0] in _OUTCOMES:
            self._end(*rest.partition(" ")[::2])
        elif mark == "~":
            self._check_carried(rest)
        elif mark == "conform:" and rest.endswith(" run") and rest[:-4].isdecimal():
            self.count = int(rest[:-4])
        elif (test := self.open) and text.startswith("  ") and text.strip():
            if len(test.details) < _DETAILS:
                test.details.append(text.strip())
        else:
            self.last = [*self.last[-9:], text]
            if len(self._carried) < _CARRIED_LIMIT:
                self._carried += line

    def _begin(self, name: str) -> None:
        if self.open:
            self._break(f"{name} begins before {self.said[-1].id} has ended")
        self.said.append(Said(PREFIX + name))
        self._carried.clear()
        self.begun(PREFIX + name)

    def _end(self, word: str, rest: str) -> None:
        test = self.open
        if not test:
            self._break(f"the console says {word} of no test")
            return
        if test.outcome is None:
            test.outcome = _OUTCOMES[word]
        test.reason = rest
        if test.outcome is Outcome.SUCCESS and test.details:
            test.outcome = Outcome.FAILURE

    def _check_carried(self, rest: str) -> None:
        carried = bytes(self._carried).translate(None, b"\r\n")
        found = f"{len(carried)} {_fnv(carried):x}"
        test = self.open
        if not test:
            self._break("the console is to be checked outside a test")
        elif rest != found:
            test.details.append(f"the console carried {found} (bytes, hash), and the test wrote {rest}")

    def _break(self, what: str) -> None:
        self.broken = self.broken or what


def _fnv(data: bytes) -> int:
    """FNV-1a of 64 bits."""
    result = 0xCBF29CE484222325
    for byte in data:
        result = (result ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return result
