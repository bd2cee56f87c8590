# SPDX-License-Identifier: MIT
"""Ctrl-C, SIGTERM and SIGHUP that work while the main thread is deep in an engine's native code."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from openvmi.status import Status

#: SIGHUP, which Windows has not: a terminal is closed, and nohup ignores it.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
_arrived = threading.Event()


def arrived() -> bool:
    """Whether the innermost :func:`on_interrupt` was asked to stop; also true right after it."""
    return _arrived.is_set()


@contextmanager
def on_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """Calls `stop` from another thread at the first such signal inside the block; a second ends the process.

    A Python signal handler runs only between two instructions of the main thread's Python code, which may be far away.
    The wake-up descriptor is written to at once. Outside the main thread, where there are no signals, does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = socket.socketpair()
    writer.setblocking(False)

    def watch() -> None:
        seen = 0
        while numbers := reader.recv(64):
            for _ in range(sum(map(numbers.count, _SIGNALS))):
                seen += 1
                if seen > 1:
                    os._exit(Status.INTERRUPTED)
                _arrived.set()
                stop()

    watcher = threading.Thread(target=watch, name="interrupt", daemon=True)
    _arrived.clear()
    handlers = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS
                if signal.getsignal(number) is not signal.SIG_IGN}
    wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        writer.close()
        watcher.join()
        reader.close()
