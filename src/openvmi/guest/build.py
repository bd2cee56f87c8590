# SPDX-License-Identifier: MIT
"""Builds a guest kernel from its folder, together with libvmi; or a bzImage for i386, without.

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
from openvmi.guest import bzimage, definition, image
from openvmi.guest.definition import GuestDefinition
from openvmi.guest.load import Guest
from openvmi.toolchain import FREESTANDING, I386, X86_64, Toolchain


def find(name: str) -> Path:
    """The folder of a kernel: a path to one, or the name of one in the source tree."""
    top = resources.checkout()
    for folder in (Path(name), *([top / "kernels" / name] if top else [])):
        if (folder / definition.FILE).is_file():
            return folder
    known = sorted(str(path.parent.relative_to(top / "kernels"))
                   for path in top.glob(f"kernels/**/{definition.FILE}")) if top else []
    raise UsageError(f"no kernel {name!r}: expected a folder with a {definition.FILE}"
                     + (f", or one of {', '.join(known)}" if known else ""))


def build_named(name: str, output: Path | None = None, backend: Path | None = None) -> Guest:
    """Builds the kernel that :func:`find` finds, to `output` or to where built guests belong.

    `backend` is the folder of one to compile in: the guest is then called NAME-BACKEND.
    """
    work = sources.top() / "build" / "cache"
    about = definition.read(find(name))
    if backend is not None:
        about = definition.with_backend(about, definition.read_backend(backend))
    return build_defined(about, output or resources.built("guests") / f"{about.name}.{about.format}", work)


def build(folder: Path, output: Path, work: Path) -> Guest:
    """Compiles, links, checks, and only then writes `output`. `work` is for the compiler's cache.

    Raises :class:`BuildError` when the sources do not make a guest, :class:`BadGuestError` when they make one that
    breaks the boot contract, and :class:`UnavailableError` without compiler or libvmi.
    """
    return build_defined(definition.read(folder), output, work)


def build_defined(about: GuestDefinition, output: Path, work: Path) -> Guest:
    """:func:`build` for a definition that was read, and perhaps changed."""
    libvmi = sources.top() / "libvmi"
    toolchain = Toolchain(work, I386 if about.format == definition.BZIMAGE else X86_64)
    shared = [libvmi / "include", libvmi / "src"]
    kernel = [*shared, about.folder, *about.includes]
    jobs = [(source, kernel, about.defines) for source in about.sources]
    jobs += [(source, kernel, about.defines) for source in _libvmi_sources(libvmi) if about.libvmi]
    if backend := about.backend:
        jobs += [(source, [*shared, backend.folder, *backend.includes], backend.defines) for source in backend.sources]
    with tempfile.TemporaryDirectory(dir=_made(work), prefix=f"{about.name}.") as scratch:
        # Numbered, because two sources in different folders may have the same name.
        objects = [Path(scratch) / f"{number:03}-{job[0].stem}.o" for number, job in enumerate(jobs)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            compiled = [pool.submit(toolchain.compile, source, target, _flags(about, defines), includes)
                        for (source, includes, defines), target in zip(jobs, objects, strict=True)]
        for result_of in compiled:
            result_of.result()
        linked = Path(scratch) / f"{about.name}.elf"
        toolchain.link(objects, linked, about.script or libvmi / "guest.lds")
        data = linked.read_bytes()
    result = _checked(about, data, str(output))
    _made(output.parent)
    write_atomically(output, result.data)
    return result


def _checked(about: GuestDefinition, data: bytes, output: str) -> Guest:
    if about.format == definition.BZIMAGE:
        return bzimage.from_elf(data, output)
    result = image.parse(data, output)
    if result.licence != about.licence:
        raise BuildError(f"{about.folder / definition.FILE}: licence is {about.licence!r}, but the LICENCE note that "
                         f"was built says {result.licence!r}; use VMI_GUEST_LICENCE in the note")
    return result


def _flags(about: GuestDefinition, defines: tuple[tuple[str, str], ...]) -> list[str]:
    return [
        *FREESTANDING,
        f'-DVMI_GUEST_NAME="{about.name}"', f'-DVMI_GUEST_LICENCE="{about.licence}"',
        *[f"-D{key}={value}" for key, value in defines],
    ]


def _libvmi_sources(libvmi: Path) -> list[Path]:
    return sorted(path for path in (libvmi / "src").rglob("*") if path.suffix in definition.SOURCE_KINDS)


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot make this folder: {error.strerror}; choose another output") from error
    return folder
