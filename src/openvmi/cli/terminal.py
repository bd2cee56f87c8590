# SPDX-License-Identifier: MIT
"""Guest console to stdout and back; what the tool itself says to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from openvmi.errors import UsageError
from openvmi.files import write_atomically

_STDIN, _STDOUT, _STDERR = 0, 1, 2


def write(data: bytes, descriptor: int = _STDOUT) -> bool:
    """All of it, at once, past every buffer. False when nobody reads any more."""
    try:
        while data:
            data = data[os.write(descriptor, data):]
    except BrokenPipeError:
        return False
    return True


def labelled(to_stderr: bool) -> Callable[[str, bytes], bool]:
    """A writer for more than one guest: says on stderr whose output follows."""
    last = ""

    def write_for(label: str, data: bytes) -> bool:
        nonlocal last
        if label != last:
            tell(f"--- {label} ---")
            last = label
        return write(data, _STDERR if to_stderr else _STDOUT)

    return write_for


def typed() -> Iterator[bytes]:
    """What is typed, line by line as the terminal gives it, until its end."""
    while data := os.read(_STDIN, 1024):
        yield data


def tell(line: str) -> None:
    """A line for people."""
    print(line, file=sys.stderr, flush=True)


def save(path: Path, text: str) -> None:
    """Text to a file, or to stderr for `-`."""
    if str(path) == "-":
        tell(text)
        return
    try:
        write_atomically(path, f"{text}\n".encode())
    except OSError as error:
        raise UsageError(f"{path}: cannot write the record: {error.strerror}; choose another file") from error
