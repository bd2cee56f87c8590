# SPDX-License-Identifier: MIT
"""Targets: one module each in targets/, which says what it reads, what it may raise, and how long an input may be.

A module has

    ALLOWED   the errors that hostile bytes may end in; anything else is a bug
    LIMIT     bytes of an input
    seeds()   inputs to begin with, made by what the project has
    run(data) one input; asserts what must hold whatever the bytes are
"""

from __future__ import annotations

import importlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

TARGETS = Path(__file__).parent / "targets"


class Target(Protocol):
    """What such a module has."""

    ALLOWED: tuple[type[Exception], ...]
    LIMIT: int
    seeds: Callable[[], list[bytes]]
    run: Callable[[bytes], None]


def names() -> list[str]:
    """All of them."""
    return sorted(path.stem for path in TARGETS.glob("[a-z]*.py"))


def load(name: str) -> Target:
    """The module; one that is elsewhere by its full name."""
    return cast(Target, importlib.import_module(name if "." in name else f"tests.fuzz.targets.{name}"))


def attempt(target: Target, data: bytes) -> None:
    """One input. What comes out of it is a bug."""
    try:
        target.run(data)
    except target.ALLOWED as error:
        if not str(error):
            raise AssertionError("an error without a message") from error


class Source:
    """Numbers and bytes out of an input; zeros when it is at its end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def left(self) -> int:
        """Bytes."""
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        """As many as there are, at most `size`."""
        found = self._data[self._at:self._at + size]
        self._at += len(found)
        return found

    def byte(self) -> int:
        """0 to 255."""
        return self.number("<B")

    def half(self) -> int:
        """16 bits."""
        return self.number("<H")

    def long(self) -> int:
        """64 bits."""
        return self.number("<Q")

    def number(self, layout: str) -> int:
        """One number in a layout of struct's."""
        size = struct.calcsize(layout)
        value: int = struct.unpack(layout, self.take(size).ljust(size, b"\0"))[0]
        return value
