# SPDX-License-Identifier: MIT
"""How long `openvmi audit` takes for all modules of a distribution's kernel; apt fetches it, and it is not installed.

Times are those of this machine, which is named: of the whole command, output included, with the files not in memory,
then the best of three with them there. Beside it what pyelftools takes for the symbol tables alone. Run as:
python -m benchmarks.audit [FOLDER] [--json]
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from openvmi.audit import folder
from tests.audit import packages

BAR = 60.0  # seconds with two processes
REPEATS = 3
_SAMPLE = 20  # every which file pyelftools reads


def forget(paths: list[str]) -> None:
    """Takes files out of the system's memory."""
    for path in paths:
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def seconds(where: Path, jobs: int) -> float:
    """One run of the command."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "openvmi.cli.main", "audit", "--json", "-j", str(jobs), where], check=True,
                   stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def by_pyelftools(paths: list[str]) -> float:
    """Seconds for all symbol tables, from a part of them."""
    began, sample = time.perf_counter(), paths[::_SAMPLE]
    for path in sample:
        with open(path, "rb") as file:
            table = ELFFile(file).get_section_by_name(".symtab")
            assert isinstance(table, SymbolTableSection)
            for symbol in table.iter_symbols():
                assert symbol.name is not None and symbol["st_shndx"] is not None
    return (time.perf_counter() - began) * len(paths) / len(sample)


def main() -> int:
    """Prints the figures; fails when the bar is missed."""
    named = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    where = Path(named[0]) if named else packages.unpacked("linux-image-amd64", r"linux-image-[0-9].*") / "lib"
    paths = [path for path in folder.files(where) if path.endswith(".ko")]
    processor = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                      if line.startswith("model name")), platform.machine())
    forget(paths)
    figures = {"modules": len(paths), "bytes": sum(map(os.path.getsize, paths)), "cold_2": seconds(where, 2)}
    for jobs in (2, 1):
        figures[f"warm_{jobs}"] = min(seconds(where, jobs) for _ in range(REPEATS))
    figures["pyelftools"] = by_pyelftools(paths)
    about = {"processor": processor, "processors": folder.processes(), "system": platform.platform()}
    if "--json" in sys.argv:
        print(json.dumps({"machine": about, "figures": figures}, indent=2))
    else:
        print(", ".join(f"{key} {value}" for key, value in about.items()))
        print(f"{figures['modules']:,} modules, {figures['bytes'] / 1e6:.0f} MB")
        print(f"two processes: {figures['cold_2']:.1f} s with files not in memory, {figures['warm_2']:.1f} s with")
        print(f"one process: {figures['warm_1']:.1f} s; pyelftools, symbol tables alone: {figures['pyelftools']:.1f} s")
    return int(figures["cold_2"] > BAR)


if __name__ == "__main__":
    sys.exit(main())
