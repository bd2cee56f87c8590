# SPDX-License-Identifier: MIT
"""One target under atheris, in a process of its own, which libFuzzer ends: `worker.py TARGET STATE FLAGS...`.

What it did is in the file STATE all the time, so that it is known after a crash, too: inputs, and nanoseconds of the
processor and of the clock that the slowest one took.
"""

from __future__ import annotations

import ctypes
import mmap
import signal
import sys
import time
from pathlib import Path

from tests.fuzz import target

HANG = 1_000_000_000  #: nanoseconds of the processor that an input may take
WORDS = 3
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class HangError(Exception):
    """An input that took longer."""


def main() -> None:
    """Never returns: libFuzzer ends the process."""
    import atheris

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # whoever started this is gone: so is this
    name, state, *flags = sys.argv[1:]
    with atheris.instrument_imports(include=["openvmi", "tomllib"]):
        module = target.load(name)
        for seed in module.seeds():
            target.attempt(module, seed)  # imports what is imported late
    path = Path(state)
    path.write_bytes(bytes(8 * WORDS))
    with open(path, "r+b") as file:
        words = memoryview(mmap.mmap(file.fileno(), 8 * WORDS)).cast("Q")

    def one(data: bytes) -> None:
        begun, used = time.perf_counter_ns(), time.process_time_ns()
        target.attempt(module, data)
        words[0] += 1
        taken = time.process_time_ns() - used
        if taken > words[1]:
            words[1], words[2] = taken, time.perf_counter_ns() - begun
        if taken > HANG:
            raise HangError(f"{taken / 1e9:.1f} s of the processor")

    atheris.Setup([sys.argv[0], *flags], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
