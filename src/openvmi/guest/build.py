# SPDX-License-Identifier: MIT
"""Builds a guest kernel from its folder, together with libvmi.

The result depends on the sources and the compiler only: two checkouts give the same bytes.
"""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from openvmi import resources, sources
from openvmi.errors import BuildError, UsageError
from openvmi.files import write_atomically
from openvmi.guest import definition, image
from openvmi.guest.definition import GuestDefinition
from openvmi.toolchain import FREESTANDING, Toolchain


def find(name: str) -> Path:
    """The folder of a kernel: a path to one, or the name of one in the source tree."""
    top = resources.checkout()
    for folder in (Path(name), *([top / "kernels" / name] if top else [])):
        if (folder / definition.FILE).is_file():
            return folder
    known = sorted(path.parent.name for path in top.glob(f"kernels/*/{definition.FILE}")) if top else []
    raise UsageError(f"no kernel {name!r}: expected a folder with a {definition.FILE}"
                     + (f", or one of {', '.join(known)}" if known else ""))


def build_named(name: str, output: Path | None = None) -> image.GuestImage:
    """Builds the kernel that :func:`find` finds, to `output` or to where built guests belong."""
    work = sources.top() / "build" / "cache"
    folder = find(name)
    target = output or resources.built("guests") / f"{definition.read(folder).name}.elf"
    return build(folder, target, work)


def build(folder: Path, output: Path, work: Path) -> image.GuestImage:
    """Compiles, links, checks, and only then writes `output`. `work` is for the compiler's cache.

    Raises :class:`BuildError` when the sources do not make a guest, :class:`BadGuestError` when they make one that
    breaks the boot contract, and :class:`UnavailableError` without compiler or libvmi.
    """
    return build_defined(definition.read(folder), output, work)


def build_defined(about: GuestDefinition, output: Path, work: Path) -> image.GuestImage:
    """:func:`build` for a definition that was read, and perhaps changed."""
    libvmi = sources.top() / "libvmi"
    toolchain = Toolchain(work)
    files = [*about.sources, *(_libvmi_sources(libvmi) if about.libvmi else [])]
    includes = [libvmi / "include", libvmi / "src", about.folder, *about.includes]
    with tempfile.TemporaryDirectory(dir=_made(work), prefix=f"{about.name}.") as scratch:
        # Numbered, because two sources in different folders may have the same name.
        objects = [Path(scratch) / f"{number:03}-{source.stem}.o" for number, source in enumerate(files)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            jobs = [pool.submit(toolchain.compile, source, target, _flags(about), includes)
                    for source, target in zip(files, objects, strict=True)]
        for job in jobs:
            job.result()
        linked = Path(scratch) / f"{about.name}.elf"
        toolchain.link(objects, linked, about.script or libvmi / "guest.lds")
        data = linked.read_bytes()
    result = image.parse(data, str(output))
    if result.licence != about.licence:
        raise BuildError(f"{about.folder / definition.FILE}: licence is {about.licence!r}, but the LICENCE note that "
                         f"was built says {result.licence!r}; use VMI_GUEST_LICENCE in the note")
    _made(output.parent)
    write_atomically(output, data)
    return result


def _flags(about: GuestDefinition) -> list[str]:
    return [
        *FREESTANDING,
        f'-DVMI_GUEST_NAME="{about.name}"', f'-DVMI_GUEST_LICENCE="{about.licence}"',
        *[f"-D{key}={value}" for key, value in about.defines],
    ]


def _libvmi_sources(libvmi: Path) -> list[Path]:
    return sorted(path for path in (libvmi / "src").rglob("*") if path.suffix in definition.SOURCE_KINDS)


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot make this folder: {error.strerror}; choose another output") from error
    return folder
