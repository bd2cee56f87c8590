# SPDX-License-Identifier: MIT
"""Guest console to stdout and back; what the tool itself says to stderr."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from openvmi import interrupt
from openvmi.errors import OpenVmiError, UsageError
from openvmi.files import write_atomically

if TYPE_CHECKING:
    from openvmi.conformance.outcome import Place as TestPlace
    from openvmi.conformance.outcome import Result
    from openvmi.conformance.tests import Test
    from openvmi.matrix import Place, Row

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_AT_ONCE = 512  # bytes that a pipe which is ready takes without waiting: PIPE_BUF of POSIX
_LOOK = 0.05  # seconds between two looks at whether waiting still makes sense


def console(seconds: float, descriptor: int = _STDOUT) -> Callable[[bytes], bool]:
    """A writer past every buffer. It returns False when nobody reads any more.

    A reader that takes its time is waited for, as a pager is, but not beyond `seconds` from now nor beyond a Ctrl-C:
    what it has not taken by then is dropped, so that it cannot keep the run from ending. Raises :class:`OpenVmiError`
    when the output cannot be written for any other reason.
    """
    end = time.monotonic() + seconds

    def write(data: bytes) -> bool:
        try:
            while data:
                if _ready(descriptor):
                    data = data[os.write(descriptor, data[:_AT_ONCE]):]
                elif interrupt.arrived() or time.monotonic() > end:
                    return True
        except BrokenPipeError:
            return False
        except OSError as error:
            raise OpenVmiError(f"cannot write the guest's console: {error.strerror}; send stdout elsewhere") from error
        return True

    return write


def _ready(descriptor: int) -> bool:
    # Windows can wait for sockets only.
    return sys.platform == "win32" or bool(select.select([], [descriptor], [], _LOOK)[1])


def labelled(seconds: float, to_stderr: bool) -> Callable[[str, bytes], bool]:
    """A writer for more than one guest, `seconds` for each: says on stderr whose output follows."""
    writers: dict[str, Callable[[bytes], bool]] = {}

    def write_for(label: str, data: bytes) -> bool:
        if label not in writers:
            tell(f"--- {label} ---")
            writers[label] = console(seconds, _STDERR if to_stderr else _STDOUT)
        return writers[label](data)

    return write_for


def typed() -> Iterator[bytes]:
    """What is typed, line by line as the terminal gives it, until its end."""
    with suppress(OSError):  # the terminal went away
        while data := os.read(_STDIN, 1024):
            yield data


def tell(line: str) -> None:
    """A line for people."""
    print(line, file=sys.stderr, flush=True)


class Progress:
    """Says how a matrix goes, a line for each row and more for one that fails. A :class:`openvmi.matrix.Watcher`."""

    def begins(self, place: Place, number: int, count: int) -> None:
        """Leaves the line open for how it ended."""
        from openvmi.report import matrix

        print(matrix.beginning(place, number, count), end="", file=sys.stderr, flush=True)

    def ended(self, row: Row) -> None:
        """Completes the line."""
        from openvmi.report import matrix

        for line in [matrix.result(row), *matrix.failure(row)]:
            tell(line)


class TestProgress:
    """Says which test runs, and what did not go well. A :class:`openvmi.conformance.run.Watcher`."""

    def begins(self, place: TestPlace, test: Test, done: int, count: int) -> None:
        """Shows it where there is a terminal."""
        if sys.stderr.isatty():
            print(f"\r\x1b[K[{done + 1}/{count}] {place.name}: {test.id}", end="", file=sys.stderr, flush=True)

    def ended(self, result: Result) -> None:
        """Tells what failed at once."""
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        if result.outcome.bad:
            tell(f"{result.outcome.value} {result.test.id}: {result.reason}")
            for line in result.details[1:] if result.details[:1] == (result.reason,) else result.details:
                tell(f"  {line}")


def save(path: Path, text: str) -> None:
    """Text to a file, or to stderr for `-`."""
    if str(path) == "-":
        tell(text)
        return
    save_bytes(path, f"{text}\n".encode())


def save_bytes(path: Path, data: bytes) -> None:
    """The same for what is no text, to a file only."""
    try:
        write_atomically(path, data)
    except OSError as error:
        raise UsageError(f"{path}: cannot write the record: {error.strerror}; choose another file") from error
