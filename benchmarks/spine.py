# SPDX-License-Identifier: MIT
"""Prints the figures of the narrow path: ROM, linker, exits, interrupt flag, and the time of the commands.

Instruction and exit counts are deterministic. Times are the best of several runs on this machine, which is named.
Run as: python benchmarks/spine.py [--json]
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from pathlib import Path

from attrs import asdict, frozen

from openvmi.comparison import compare
from openvmi.hypervisors.base import Ending
from openvmi.running import Request, Run, run

TURNS = 1000  # of the loops in kernels/sites
PAIR_START, PAIR_END, LOOP_START, LOOP_END = 3, 4, 1, 2  # its marks
COMMAND = Path(sys.executable).with_name("openvmi")
REPEAT = 7


@frozen
class Figure:
    """One row: what, the bar it has to reach, what was measured, and whether it reaches the bar."""

    what: str
    bar: str
    measured: str
    good: bool


def figures() -> list[Figure]:
    """Measures everything."""
    both = compare(Request("hello"), lambda which, data: True)
    linked, native = (sum(r.outcome.exits.values()) for r in (both.linked, both.native))
    rom = len(both.linked.rom.text)
    sites = finished(run(Request("sites", deterministic=True), lambda data: True))
    at = {mark.mark: mark.instructions for mark in sites.outcome.marks}
    pair = (at[PAIR_END] - at[PAIR_START] - (at[LOOP_END] - at[LOOP_START])) / TURNS
    return [
        Figure("ROM text of emu", "<= 8192 bytes", f"{rom} bytes", rom <= 8192),
        Figure("exits of hello, vmi=off : ROM", ">= 20 : 1", f"{native} : {linked} = {native / linked:.1f} : 1",
               native >= 20 * linked),
        Figure("interrupt disable + enable, linked", "inline, <= 8 instructions", f"{pair:g} instructions", pair <= 8),
        Figure(f"boot with {sites.link.sites} sites linked", "<= 2,000,000 instructions",
               f"{at[LOOP_START]:,} instructions", at[LOOP_START] <= 2_000_000),
        timed("openvmi --help", 0.2, "--help"),
        timed("openvmi run hello --on emu", 1.5, "run", "hello", "--on", "emu"),
    ]


def finished(result: Run) -> Run:
    """The run, if it ended well; otherwise there is nothing to measure."""
    if result.outcome.ending is not Ending.EXIT or result.status:
        raise SystemExit(f"{result.guest.name}: {result.outcome.ending.value}, status {result.status}")
    return result


def timed(what: str, bar: float, *arguments: str) -> Figure:
    """Best wall time of the whole process."""
    best = min(once(arguments) for _ in range(REPEAT))
    return Figure(what, f"<= {bar} s", f"{best:.3f} s (best of {REPEAT})", best <= bar)


def once(arguments: tuple[str, ...]) -> float:
    """Wall seconds of one run of the command."""
    start = time.perf_counter()
    subprocess.run([COMMAND, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def machine() -> dict[str, str]:
    """What the times were measured on."""
    import unicorn

    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.processor()) if Path("/proc/cpuinfo").exists() else ""
    return {"processor": model or platform.machine(), "system": f"{platform.system()} {platform.release()}",
            "python": platform.python_version(), "unicorn": unicorn.__version__}


def main() -> int:
    """Prints the table; status 1 when a bar is missed."""
    rows = figures()
    if "--json" in sys.argv[1:]:
        print(json.dumps({"machine": machine(), "figures": [asdict(row) for row in rows]}, indent=2))
    else:
        width = max(len(row.what) for row in rows)
        for row in rows:
            print(f"{row.what:<{width}}  {row.measured:<34} {'ok' if row.good else 'MISSED'}  (bar {row.bar})")
        print(", ".join(f"{key} {value}" for key, value in machine().items()))
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
