# SPDX-License-Identifier: MIT
"""The runner: from its sources to one static program, by the pinned compiler. `python -m` builds the checkout's."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from openvmi import resources, sources
from openvmi.errors import BuildError, OpenVmiError
from openvmi.files import write_atomically
from openvmi.status import status_of
from openvmi.toolchain import FREESTANDING, Toolchain

SOURCES = Path(__file__).parent / "runner"
SCRIPT = "runner.lds"
_KINDS = (".c", ".S")
_LINKER_FLAGS = ("--strip-debug",)


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
    toolchain = Toolchain(work)
    work.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=work, prefix="runner.") as scratch, ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = [Path(scratch, f"{number:03}-{path.stem}.o") for number, path in enumerate(files)]
        jobs = [pool.submit(toolchain.compile, path, target, FREESTANDING, includes)
                for path, target in zip(files, objects, strict=True)]
        for job in jobs:
            job.result()
        linked = Path(scratch, "runner")
        toolchain.link(objects, linked, folder / SCRIPT, _LINKER_FLAGS)
        data = linked.read_bytes()
    output.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(output, data)
    output.chmod(0o755)
    return data


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
