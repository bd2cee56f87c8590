# SPDX-License-Identifier: MIT
"""What the benchmark scripts share: the machine that they ran on, one run of the command, and their table."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from attrs import asdict, frozen

COMMAND = Path(sys.executable).with_name("openvmi")


@frozen
class Figure:
    """One row: what, the bar it has to reach if any, what was measured, and whether it reaches the bar."""

    what: str
    bar: str
    measured: str
    good: bool


@frozen
class Seconds:
    """Of one process with those that it waited for."""

    wall: float
    cpu: float


def once(*arguments: str | Path) -> Seconds:
    """One run of the command, which must succeed; its output goes nowhere.

    It may keep bytecode, as an installation does, whatever is said to this process.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([COMMAND, *arguments], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, env=environment)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Seconds(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def best(repeats: int, *arguments: str | Path) -> Seconds:
    """The least of both over several runs."""
    runs = [once(*arguments) for _ in range(repeats)]
    return Seconds(min(run.wall for run in runs), min(run.cpu for run in runs))


def timed(what: str, bar: float, repeats: int, *arguments: str | Path) -> Figure:
    """Best times of the whole process; the bar is for the wall's."""
    found = best(repeats, *arguments)
    return Figure(what, f"<= {bar:g} s", f"{found.wall:.3f} s, {found.cpu:.3f} of the processor (best of {repeats})",
                  found.wall <= bar)


def machine(**versions: str) -> dict[str, str]:
    """What the times were measured on, and how busy it is."""
    about = Path("/proc/cpuinfo")
    model = next((line.partition(":")[2].strip() for line in about.read_text().splitlines()
                  if line.startswith("model name")), "") if about.exists() else ""
    return {"processor": model or platform.machine(), "processors": str(os.cpu_count()),
            "system": f"{platform.system()} {platform.release()}", "python": platform.python_version(), **versions,
            "load": f"{os.getloadavg()[0]:.1f}"}


def publish(rows: Sequence[Figure], about: dict[str, str]) -> int:
    """Prints the table, or JSON with --json; status 1 when a bar is missed."""
    if "--json" in sys.argv[1:]:
        print(json.dumps({"machine": about, "figures": [asdict(row) for row in rows]}, indent=2))
    else:
        width = max(len(row.what) for row in rows)
        wide = max(len(row.measured) for row in rows)
        for row in rows:
            bar = f"{'ok' if row.good else 'MISSED'}  (bar {row.bar})" if row.bar else "reported"
            print(f"{row.what:<{width}}  {row.measured:<{wide}}  {bar}")
        print(", ".join(f"{key} {value}" for key, value in about.items()))
    return 0 if all(row.good for row in rows) else 1
