# SPDX-License-Identifier: MIT
"""What a running guest takes of the host's memory beside its own: by the host's account (proc(5), smaps and status)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from attrs import frozen

from openvmi.hypervisors.linux.layout import FILE_NAME, own_size

_PROC = Path("/proc")
_MAPPING = re.compile(r"[0-9a-f]+-[0-9a-f]+ \S+ ([0-9a-f]+) \S+ \d+ *(.*)")
_RSS = re.compile(r"Rss: +(\d+) kB")
_PAGE_TABLES = re.compile(r"^VmPTE:\s+(\d+) kB", re.MULTILINE)
_GROUP = 2  #: field of /proc/PID/stat, behind the name


@frozen
class Resident:
    """Bytes. A page that two processes have counts twice, so it is rather too much."""

    monitor: int  #: the runner itself
    stubs: tuple[int, ...]  #: of each of its other processes
    page_tables: int  #: the host kernel's, for all of them; those that translate the guest's own memory, too

    @property
    def total(self) -> int:
        """Of all processes, without page tables."""
        return self.monitor + sum(self.stubs)


def read(runner: int, memory: int) -> Resident:
    """Of the runner with that process number and all that it started; `memory` is the guest's, in bytes.

    Processes that end meanwhile do not count.
    """
    found: dict[int, int] = {}
    tables = 0
    for process in _group(runner):
        with suppress(OSError):
            folder = _PROC / str(process)
            size = _beside_the_guests((folder / "smaps").read_text().splitlines(), memory)
            pages = _PAGE_TABLES.search((folder / "status").read_text())
            found[process] = size
            tables += int(pages[1]) << 10 if pages else 0
    monitor = found.pop(runner, 0)
    return Resident(monitor, tuple(found[process] for process in sorted(found)), tables)


def _group(leader: int) -> list[int]:
    """Process numbers of a process group: the runner leads the one of all its processes."""
    group = []
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError, IndexError, ValueError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                group += [int(entry.name)] if int(fields[_GROUP]) == leader else []
    return group


def _beside_the_guests(smaps: Iterable[str], memory: int) -> int:
    """Bytes that are resident and are not memory of the guest or pages of its ROM."""
    size, counts = 0, False
    for line in smaps:
        if mapping := _MAPPING.fullmatch(line):
            counts = FILE_NAME not in mapping[2] or int(mapping[1], 16) >= own_size(memory)
        elif counts and (resident := _RSS.match(line)):
            size += int(resident[1]) << 10
    return size
