# SPDX-License-Identifier: MIT
"""Console input on its way to a guest."""

from __future__ import annotations

import threading

#: Input that a guest has not taken is kept up to here; more is dropped, as a terminal does.
INPUT_LIMIT = 1 << 20


class ConsoleInput:
    """A bounded queue of bytes. Filled from any thread, emptied by the machine."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._lock = threading.Lock()
        self._arrived = False

    def put(self, data: bytes) -> None:
        """Adds input, as much of it as there is room for."""
        with self._lock:
            self._bytes += data[: INPUT_LIMIT - len(self._bytes)]
            self._arrived = bool(self._bytes)

    def take(self, size: int) -> bytes:
        """Removes and returns at most `size` bytes."""
        with self._lock:
            taken = bytes(self._bytes[:size])
            del self._bytes[:size]
            return taken

    def arrived(self) -> bool:
        """Whether input came since the last time this was asked."""
        arrived, self._arrived = self._arrived, False
        return arrived

    def __len__(self) -> int:
        return len(self._bytes)
