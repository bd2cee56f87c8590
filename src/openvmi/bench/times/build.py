# SPDX-License-Identifier: MIT
"""The program that the kernel `times` is compared with, by the kernel's compiler and flags. `python -m` builds it."""

from __future__ import annotations

import sys
from pathlib import Path

from openvmi import resources, sources
from openvmi.errors import OpenVmiError, UnavailableError
from openvmi.status import status_of
from openvmi.toolchain import Toolchain

_SOURCES = ("benchmarks/times/program.c", "kernels/times/work.c")
_SCRIPT = "benchmarks/times/program.lds"


def program_path() -> Path:
    """Where the built program is. :class:`UnavailableError` when it is not."""
    path = _path()
    if not path.is_file():
        raise UnavailableError(f"{path}: the program to compare with is not built; in a checkout run make build, else"
                               " reinstall openvmi")
    return path


def _path() -> Path:
    return resources.built("programs") / "times"


def build(output: Path, work: Path) -> bytes:
    """Compiles and links it; `work` is a folder for the compiler's cache. Returns what it wrote.

    Raises :class:`BuildError`, and :class:`UnavailableError` without the compiler or in an installed package.
    """
    top = sources.top()
    folder = top / "kernels" / "times"
    return Toolchain(work).program([top / name for name in _SOURCES], output, top / _SCRIPT, [folder])


def main() -> int:
    """For make."""
    output = _path()
    try:
        data = build(output, resources.built("cache"))
    except OpenVmiError as error:
        print(error, file=sys.stderr)
        return status_of(error)
    print(f"{output}: {len(data)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
