# SPDX-License-Identifier: MIT
"""What the interface costs on bare hardware: the kernel `bench` with its sites, and without them.

Both run without ROM on a PC that QEMU makes, with virtual time counting instructions; so the figures are exact and the
same on every machine. Run as: python benchmarks/native.py [--json]
"""

from __future__ import annotations

import json
import re
import sys

from attrs import asdict, evolve, frozen

from openvmi import hypervisors, resources
from openvmi.guest import build, definition
from openvmi.guest.image import GuestImage
from openvmi.hypervisors.base import Ending, MachineConfig

TICKS = 16  # of the time-stamp counter per instruction: -icount shift=4
ROW = re.compile(r"^row (\S+) (\d+) (\d+)$", re.MULTILINE)
REPORTED = {"interrupt-off", "interrupt-on", "interrupt-flag-save-restore"}  # no bar: too short for a ratio to say much
WHOLE, BAR, WHOLE_BAR = "whole-run", 1.005, 1.001


@frozen
class Row:
    """Instructions of one turn (loop included), without sites and with them."""

    name: str
    plain: float
    sites: float

    @property
    def ratio(self) -> float:
        """What the sites cost."""
        return self.sites / self.plain

    @property
    def bar(self) -> float | None:
        """The most that the ratio may be."""
        return None if self.name in REPORTED else WHOLE_BAR if self.name == WHOLE else BAR

    @property
    def good(self) -> bool:
        """Whether it is not."""
        return self.bar is None or self.ratio <= self.bar


def measure(guest: GuestImage) -> dict[str, float]:
    """Instructions per turn, by row."""
    said = bytearray()
    config = MachineConfig(guest=guest, rom=None, deterministic=True, console=said.extend)
    with hypervisors.get("bare").create(config) as machine:
        outcome = machine.run()
    if outcome.ending is not Ending.EXIT or outcome.code:
        raise SystemExit(f"{guest.name}: {outcome.ending.value}: {outcome.message}\n{said.decode(errors='replace')}")
    return {name: int(ticks) / TICKS / int(turns) for name, turns, ticks in ROW.findall(said.decode())}


def kernels() -> tuple[GuestImage, GuestImage]:
    """The benchmark kernel without sites and with them, built into build/bench."""
    top = resources.checkout()
    if top is None:
        raise SystemExit("this benchmark builds kernels: run it in a checkout")
    folder = build.find("bench")
    target, work = top / "build" / "bench", top / "build" / "cache"
    about = definition.read(folder)
    plain = evolve(about, defines=(*about.defines, ("VMI_NO_SITES", "1")))
    return (build.build_defined(plain, target / "plain.elf", work),
            build.build_defined(about, target / "sites.elf", work))


def main() -> int:
    """Prints the table; status 1 when a bar is missed."""
    plain, sites = (measure(guest) for guest in kernels())
    rows = [Row(name, plain[name], sites[name]) for name in plain]
    if "--json" in sys.argv[1:]:
        print(json.dumps([asdict(row) | {"ratio": row.ratio, "bar": row.bar} for row in rows], indent=2))
    else:
        for row in rows:
            bar = "reported" if row.bar is None else f"{'ok' if row.good else 'MISSED'} (bar {row.bar})"
            print(f"{row.name:<30} {row.plain:>12.1f} {row.sites:>12.1f}  {row.ratio:.4f}  {bar}")
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
