# SPDX-License-Identifier: MIT
"""From a ROM's sources to one linked ELF file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from openvmi import resources
from openvmi.errors import BuildError, UnavailableError
from openvmi.toolchain import Toolchain

_UNDEFINED = re.compile(r"undefined symbol: (\S+)")


def headers() -> Path:
    """The folder with vmi/rom.h. :class:`UnavailableError` in an installed package, which has none."""
    top = resources.checkout()
    if top is None:
        raise UnavailableError("the headers for ROMs (libvmi/include) are not part of an installed package; "
                               "build from a checkout")
    return top / "libvmi" / "include"


def link(name: str, folder: Path, sources: Iterable[PurePosixPath], script: Path, toolchain: Toolchain, work: Path,
         includes: Path, flags: Sequence[str], linker_flags: Sequence[str] = ()) -> bytes:
    """The ELF file that the linker script makes of sources in `folder`. `name` is for messages; `flags` for compiling.

    `work` is a folder for what is in between, `includes` the one of :func:`headers`. :class:`BuildError` for whatever
    is wrong with the sources.
    """
    work.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=work) as scratch, ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {}
        for source in sources:
            target = Path(scratch, str(source).replace("/", "-") + ".o")
            jobs[target] = pool.submit(toolchain.compile, folder / source, target, flags, (includes, folder))
        for job in jobs.values():
            job.result()
        output = Path(scratch, "linked.elf")
        try:
            toolchain.link(list(jobs), output, script, linker_flags)
        except BuildError as error:
            if names := sorted(set(_UNDEFINED.findall(str(error)))):
                raise BuildError(f"{name}: undefined symbol {', '.join(names)}; a ROM is linked with "
                                 "nothing but its own sources: define it there or do not use it") from error
            raise
        return output.read_bytes()
