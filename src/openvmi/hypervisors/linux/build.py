# SPDX-License-Identifier: MIT
"""The runner: from its sources to one static program, by the pinned compiler. `python -m` builds the checkout's."""

from __future__ import annotations

import sys
from pathlib import Path

from openvmi import resources, sources
from openvmi.errors import BuildError, OpenVmiError
from openvmi.status import status_of
from openvmi.toolchain import Toolchain

SOURCES = Path(__file__).parent / "runner"
SCRIPT = "runner.lds"
_KINDS = (".c", ".S")


def runner_path() -> Path:
    """Where the built runner is, or would be."""
    return resources.built("runner") / "linux"


def build(folder: Path, output: Path, work: Path) -> bytes:
    """Compiles all sources in `folder` and links them under its `runner.lds`; returns what it wrote.

    `work` is a folder for the compiler's cache. The result depends on the sources, the interface's headers and the
    compiler's version only. Raises :class:`BuildError` for whatever is wrong with the sources, and
    :class:`UnavailableError` without the compiler or in an installed package.
    """
    top = sources.top()
    includes = (folder, top / "roms" / "linux", top / "libvmi" / "include")  # private.h is the ROM's
    files = sorted(path for path in folder.rglob("*") if path.suffix in _KINDS)
    if not files or not (folder / SCRIPT).is_file():
        raise BuildError(f"{folder}: {len(files)} sources and {'a' if (folder / SCRIPT).is_file() else 'no'} {SCRIPT};"
                         " the runner is made of C and assembler files and that linker script")
    return Toolchain(work).program(files, output, folder / SCRIPT, includes)


def main() -> int:
    """For make."""
    output = runner_path()
    try:
        data = build(SOURCES, output, resources.built("cache"))
    except OpenVmiError as error:
        print(error, file=sys.stderr)
        return status_of(error)
    print(f"{output}: {len(data)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
