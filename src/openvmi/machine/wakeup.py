# SPDX-License-Identifier: MIT
"""Waking a thread that sleeps in a selector."""

from __future__ import annotations

import socket
from contextlib import suppress

from openvmi.errors import OpenVmiError

_CHUNK = 1 << 12


class Wakeup:
    """Register it for reading. :meth:`ring` may be called from any thread and from a signal handler."""

    def __init__(self) -> None:
        """Raises :class:`OpenVmiError` when the system has no descriptors left."""
        try:
            self._reader, self._writer = socket.socketpair()
        except OSError as error:
            raise OpenVmiError(f"no connection within the process: {error.strerror}; close other programs, or raise the"
                               " limit on open files (ulimit -n)") from error
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        """For the selector."""
        return self._reader.fileno()

    def ring(self) -> None:
        """Wakes the thread; nothing once this is closed."""
        with suppress(OSError):  # full: awake already; closed: over
            self._writer.send(b"\0")

    def answer(self) -> bool:
        """Takes the rings that have come. Always True: a selector's sign to go on."""
        with suppress(BlockingIOError):
            self._reader.recv(_CHUNK)
        return True

    def close(self) -> None:
        """Frees the descriptors."""
        self._reader.close()
        self._writer.close()
