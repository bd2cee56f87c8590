# SPDX-License-Identifier: MIT
"""Ctrl-C that works while the main thread is deep in an engine's native code."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from openvmi.status import Status


@contextmanager
def on_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """Calls `stop` from another thread at the first Ctrl-C inside the block; a second one ends the process.

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
            for _ in range(numbers.count(signal.SIGINT)):
                seen += 1
                if seen > 1:
                    os._exit(Status.INTERRUPTED)
                stop()

    watcher = threading.Thread(target=watch, name="interrupt", daemon=True)
    handler = signal.signal(signal.SIGINT, lambda *_: None)
    wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGINT, handler)
        writer.close()
        watcher.join()
        reader.close()
