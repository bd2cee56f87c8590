# SPDX-License-Identifier: MIT
"""From a ROM's sources to one linked ELF file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from attrs import evolve, frozen

from openvmi import resources
from openvmi.errors import BuildError, UnavailableError
from openvmi.rom.inputs import Places, account
from openvmi.rom.recipe import Step
from openvmi.toolchain import TARGETS, Confinement, Toolchain

_UNDEFINED = re.compile(r"undefined symbol: (\S+)")
#: Bytes of all objects of one ROM together; debug information makes them large, nothing makes them that large.
_OBJECTS = 64 << 20


@frozen
class Workshop:
    """Where is built: a folder for the compiler's cache and for what is in between; `confinement` for sources of
    others."""

    work: Path
    confinement: Confinement | None = None

    def toolchain(self, step: Step) -> Toolchain:
        """The one for a step, whose flags are complete."""
        return Toolchain(self.work, evolve(TARGETS[step.target], flags=()), self.confinement)


@frozen
class Compiled:
    """A linked ELF file, and every file that was read to compile it."""

    elf: bytes
    read: frozenset[Path]


def headers() -> Path:
    """The folder with vmi/rom.h. :class:`UnavailableError` in an installed package, which has none."""
    top = resources.checkout()
    if top is None:
        raise UnavailableError("the headers for ROMs (libvmi/include) are not part of an installed package; "
                               "build from a checkout")
    return top / "libvmi" / "include"


def link(name: str, places: Places, sources: Iterable[PurePosixPath], script: Path, step: Step,
         workshop: Workshop) -> Compiled:
    """The ELF file that the linker script makes of sources in the folder of `places`. `name` is for messages.

    :class:`BuildError` for whatever is wrong with the sources.
    """
    toolchain, includes = workshop.toolchain(step), (places.includes, places.folder)
    workshop.work.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=workshop.work) as scratch, ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {}
        for source in sources:
            target = Path(scratch, str(source).replace("/", "-") + ".o")
            jobs[target] = pool.submit(toolchain.compile, places.folder / source, target, step.compile, includes,
                                       target.with_suffix(".d"))
        try:
            for job in jobs.values():
                job.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        if (size := sum(target.stat().st_size for target in jobs)) > _OBJECTS:
            raise BuildError(f"{name}: {size} bytes of objects, expected at most {_OBJECTS}")
        output = Path(scratch, "linked.elf")
        try:
            toolchain.link(list(jobs), output, script, step.link)
        except BuildError as error:
            if names := sorted(set(_UNDEFINED.findall(str(error)))):
                raise BuildError(f"{name}: undefined symbol {', '.join(names)}; a ROM is linked with "
                                 "nothing but its own sources: define it there or do not use it") from error
            raise
        read = {path for target in jobs for path in account(target.with_suffix(".d"))}
        return Compiled(output.read_bytes(), frozenset(read))
