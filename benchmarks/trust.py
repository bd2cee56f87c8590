# SPDX-License-Identifier: MIT
"""What trust costs: lint, verification and rebuild of every built ROM, and a run, which judges its ROM; as processes.

A verification is of a signed copy, by a key that is made for it and trusted; a rebuild has an empty cache of its own
each time. Times are those of this machine, which is named. Run as: python -m benchmarks.trust [--json]
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from benchmarks.figures import Figure, machine, once, publish, timed
from openvmi import resources
from openvmi.rom.load import is_classic

LOOK, REBUILD, RUN = 0.5, 5.0, 1.5  # seconds
REPEATS = 7
REBUILDS = 3


def figures(scratch: Path) -> Iterator[Figure]:
    """Measures everything; writes below `scratch` only."""
    once("key", "new", "bench")
    once("key", "trust", "bench")
    for rom in sorted(resources.built("roms").glob("*.rom")):
        yield timed(f"openvmi rom lint {rom.name}", LOOK, REPEATS, "rom", "lint", rom)
        if not is_classic(rom.read_bytes()):  # those have no signature
            signed = scratch / rom.name
            once("rom", "sign", rom, "--key", "bench", "-o", signed)
            yield timed(f"openvmi rom verify {rom.name}", LOOK, REPEATS, "rom", "verify", signed)
        yield timed(f"openvmi rom rebuild {rom.name}", REBUILD, REBUILDS, "rom", "rebuild", rom)
    yield timed("openvmi run hello --on emu", RUN, REPEATS, "run", "hello", "--on", "emu")


def main() -> int:
    """Prints the table; status 1 when a bar is missed."""
    about = machine(ziglang=version("ziglang"), capstone=version("capstone"), cryptography=version("cryptography"))
    with tempfile.TemporaryDirectory() as scratch:
        os.environ |= {"OPENVMI_CONFIG": f"{scratch}/config", "OPENVMI_STATE": f"{scratch}/state"}
        return publish(list(figures(Path(scratch))), about)


if __name__ == "__main__":
    sys.exit(main())
