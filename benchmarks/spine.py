# SPDX-License-Identifier: MIT
"""Prints the figures of the narrow path: ROM, linker, exits, interrupt flag, and the time of the commands.

Instruction and exit counts are deterministic. Times are the best of several runs on this machine, which is named.
Run as: python -m benchmarks.spine [--json]
"""

from __future__ import annotations

import sys

from benchmarks.figures import Figure, machine, publish, timed
from openvmi.comparison import compare
from openvmi.hypervisors.base import Ending
from openvmi.running import Request, Run, run

TURNS = 1000  # of the loops in kernels/sites
PAIR_START, PAIR_END, LOOP_START, LOOP_END = 3, 4, 1, 2  # its marks
REPEATS = 7


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
        timed("openvmi --help", 0.2, REPEATS, "--help"),
        timed("openvmi run hello --on emu", 1.5, REPEATS, "run", "hello", "--on", "emu"),
    ]


def finished(result: Run) -> Run:
    """The run, if it ended well; otherwise there is nothing to measure."""
    if result.outcome.ending is not Ending.EXIT or result.status:
        raise SystemExit(f"{result.guest.name}: {result.outcome.ending.value}, status {result.status}")
    return result


def main() -> int:
    """Prints the table; status 1 when a bar is missed."""
    import unicorn

    return publish(figures(), machine(unicorn=unicorn.__version__))


if __name__ == "__main__":
    sys.exit(main())
