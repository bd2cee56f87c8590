# SPDX-License-Identifier: MIT
"""Event sources and their vectors: the rules of abi/4.0/event.toml and the timer of abi/4.0/time.toml."""

from __future__ import annotations

from openvmi.abi.names import EVENT_SOURCES, Error, Source
from openvmi.units import Nanoseconds

_EXISTING = frozenset({Source.TIMER, Source.CONSOLE, *range(Source.SOFT, EVENT_SOURCES)})
_LOWEST_VECTOR, _HIGHEST_VECTOR = 32, 255


class Events:
    """Which sources are bound, masked, pending, and being handled. Sets of source numbers."""

    def __init__(self) -> None:
        self._vectors: dict[int, int] = {}
        self._masked: set[int] = set()
        self._pending: set[int] = set()
        self._handled: set[int] = set()
        self.deadline: Nanoseconds | None = None  #: of the timer

    def bind(self, source: int, vector: int) -> Error:
        """EventBind."""
        if source >= EVENT_SOURCES or (vector and not _LOWEST_VECTOR <= vector <= _HIGHEST_VECTOR):
            return Error.INVALID
        if source not in _EXISTING:
            return Error.NOT_SUPPORTED
        if vector and self._vectors.get(source) != vector and vector in self._vectors.values():
            return Error.BUSY
        self._vectors.pop(source, None)
        self._masked.discard(source)
        self._handled.discard(source)
        if vector:
            self._vectors[source] = vector
        return Error.SUCCESS

    def mask(self, source: int, on: bool) -> Error:
        """EventMask, EventUnmask."""
        if source not in _EXISTING:
            return Error.INVALID
        (self._masked.add if on else self._masked.discard)(source)
        return Error.SUCCESS

    def acknowledge(self, source: int) -> Error:
        """EventAck."""
        if source not in _EXISTING:
            return Error.INVALID
        self._handled.discard(source)
        return Error.SUCCESS

    def send(self, source: int) -> Error:
        """EventSend: only for the guest's own sources."""
        if not Source.SOFT <= source < EVENT_SOURCES:
            return Error.INVALID
        self._pending.add(source)
        return Error.SUCCESS

    def raise_source(self, source: Source) -> None:
        """Makes a source pending; nothing changes when it is."""
        self._pending.add(source)

    def tick(self, now: Nanoseconds) -> None:
        """Raises TIMER when its deadline has passed."""
        if self.deadline is not None and now >= self.deadline:
            self.deadline = None
            self.raise_source(Source.TIMER)

    def next(self) -> tuple[int, int] | None:
        """Source and vector of what is to be delivered first, lowest source first."""
        if not self._pending:
            return None
        for source in sorted(self._pending - self._masked - self._handled):
            if source in self._vectors:
                return source, self._vectors[source]
        return None

    def take(self, source: int) -> None:
        """Its delivery begins."""
        self._pending.discard(source)
        self._handled.add(source)
