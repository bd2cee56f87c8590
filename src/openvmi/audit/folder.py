# SPDX-License-Identifier: MIT
"""All blobs below folders, by several processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from openvmi.audit.blob import Blob
from openvmi.audit.read import audit_found
from openvmi.errors import OpenVmiError, UsageError

FILE_LIMIT = 1 << 20
_CHUNK = 16  # files that a process is given at once
_FEW = 32  # files for which no process is worth its start

Watcher = Callable[[int, int], None]  #: called with how many files are done, and of how many


def processes() -> int:
    """As many as there are processors for this one."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def files(folder: Path) -> list[str]:
    """Every regular file below, by path; links, devices and pipes are left out, and folders that cannot be
    read are among them, which :func:`audit_found` tells. :class:`UsageError` when `folder` is one, or has too many."""
    def cannot(error: OSError) -> None:
        if error.filename == str(folder):
            raise UsageError(f"{folder}: cannot read this folder: {error.strerror}; check the path")
        found.append(error.filename)

    found: list[str] = []
    for where, folders, names in os.walk(folder, onerror=cannot):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(where, name)
            if os.path.isfile(path) and not os.path.islink(path):
                found.append(path)
        if len(found) > FILE_LIMIT:
            raise UsageError(f"{folder}: more than {FILE_LIMIT} files; name a folder with fewer")
    return found


def audit_all(paths: list[str], jobs: int, watch: Watcher) -> Iterator[Blob | None]:
    """For each file, in order, what :func:`audit_found` says."""
    if jobs == 1 or len(paths) <= _FEW:
        for number, path in enumerate(paths):
            watch(number, len(paths))
            yield audit_found(path)
        return
    with ProcessPoolExecutor(jobs, initializer=_ignore_interrupt) as pool:
        try:
            for number, blob in enumerate(pool.map(audit_found, paths, chunksize=_CHUNK)):
                watch(number, len(paths))
                yield blob
        except BrokenProcessPool as error:
            raise OpenVmiError("a process that reads files has died, perhaps for want of memory; try -j 1") from error
        finally:
            pool.shutdown(cancel_futures=True)  # waits for what is being read: Python's own end races with it


def _ignore_interrupt() -> None:
    # Ctrl-C and the end of a terminal reach the whole group; the process that gave the work ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
