# SPDX-License-Identifier: MIT
"""How long `openvmi audit` takes for all modules of a distribution's kernel; apt fetches it, and it is not installed.

Times are those of this machine, which is named: of the whole command, output included, with the files not in memory,
then the best of three with them there. Beside it what pyelftools takes for the symbol tables alone. Run as:
python -m benchmarks.audit [FOLDER] [--json]
"""

from __future__ import annotations

import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from benchmarks.figures import Figure, best, machine, publish
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
    try:
        where = Path(named[0]) if named else packages.unpacked("linux-image-amd64", r"linux-image-[0-9].*") / "lib"
    except packages.CannotError as error:
        raise SystemExit(f"{error}; name a folder with modules") from error
    paths = [path for path in folder.files(where) if path.endswith(".ko")]
    size = sum(map(os.path.getsize, paths))
    forget(paths)
    cold = best(1, "audit", "--json", "-j", "2", where).wall
    rows = [Figure(f"{len(paths):,} modules, {size / 1e6:.0f} MB, files not in memory, two processes", f"<= {BAR:g} s",
                   f"{cold:.1f} s", cold <= BAR)]
    for jobs, name in (("2", "two processes"), ("1", "one process")):
        warm = best(REPEATS, "audit", "--json", "-j", jobs, where)
        rows.append(Figure(f"files in memory, {name}", "", f"{warm.wall:.1f} s, {warm.cpu:.1f} of the processor",
                           True))
    rows.append(Figure("pyelftools, symbol tables alone", "", f"{by_pyelftools(paths):.1f} s", True))
    return publish(rows, machine(pyelftools=version("pyelftools")))


if __name__ == "__main__":
    sys.exit(main())
