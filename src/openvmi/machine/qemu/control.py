# SPDX-License-Identifier: MIT
"""The QEMU Machine Protocol: JSON objects, one a line (QEMU docs/interop/qmp-spec)."""

from __future__ import annotations

import json
import select
import socket
import time
from collections import deque
from typing import Any

from openvmi.errors import OpenVmiError

_CHUNK = 1 << 16
_LINE_LIMIT = 4 << 20  # bytes; register dumps have a few thousand
_ANSWER_SECONDS = 30.0


class GoneError(OpenVmiError):
    """QEMU closed the connection: it has ended, or is about to."""


class Control:
    """Commands to QEMU and the events that it reports. For one thread at a time."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._buffer = bytearray()
        self._answers: deque[dict[str, Any]] = deque()
        self._sent = 0
        self.events: deque[dict[str, Any]] = deque()  #: as QEMU sent them, oldest first; the reader removes them
        self.closed = False

    def fileno(self) -> int:
        """For select."""
        return self._socket.fileno()

    def greet(self) -> None:
        """Waits for QEMU to come up and says hello. Raises as :meth:`execute`."""
        deadline = time.monotonic() + _ANSWER_SECONDS
        while "QMP" not in self._answer("greeting", deadline):
            pass
        self.execute("qmp_capabilities")

    def execute(self, command: str, seconds: float | None = None, /, **arguments: object) -> Any:
        """Performs a command and returns its result, for which it waits that long at most; None: as long as usual.

        Raises :class:`GoneError` when QEMU ends first, :class:`OpenVmiError` when it refuses the command or does not
        answer in time.
        """
        number = self.send(command, **arguments)
        deadline = time.monotonic() + (seconds or _ANSWER_SECONDS)
        while True:
            answer = self._answer(command, deadline)
            if answer.get("id") != number:
                continue
            if "error" in answer:
                error = answer["error"]
                reason = error.get("desc", answer) if isinstance(error, dict) else answer
                raise OpenVmiError(f"QEMU refused the command {command}: {reason}")
            return answer.get("return")

    def send(self, command: str, **arguments: object) -> int:
        """Gives a command without waiting for its result. Raises :class:`GoneError`."""
        self._sent += 1
        message = {"execute": command, "id": self._sent} | ({"arguments": arguments} if arguments else {})
        try:
            # Shorter than the socket's buffer, which is empty: QEMU has answered what came before.
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise GoneError(f"QEMU ended before the command {command}") from error
        return self._sent

    def receive(self) -> None:
        """Takes in what QEMU has sent; never waits. Sets `closed` at the end."""
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.closed = self.closed or not data
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        if len(rest) > _LINE_LIMIT:
            raise OpenVmiError(f"QEMU sent {len(rest)} bytes without a line end on its control connection")
        self._buffer = rest
        for line in lines:
            self._sort(bytes(line))

    def _sort(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise OpenVmiError(f"QEMU sent {line[:80]!r} on its control connection, expected JSON") from error
        if isinstance(message, dict):
            (self.events if "event" in message else self._answers).append(message)

    def _answer(self, command: str, deadline: float) -> dict[str, Any]:
        while not self._answers:
            left = deadline - time.monotonic()
            if left <= 0:
                raise OpenVmiError(f"QEMU did not answer {command} within the time it had; is it stopped?")
            if self.closed:
                raise GoneError(f"QEMU ended before it answered {command}")
            poll = select.poll()  # not select.select, which takes no descriptor above 1023
            poll.register(self._socket, select.POLLIN)
            if poll.poll(left * 1000):
                self.receive()
        return self._answers.popleft()
