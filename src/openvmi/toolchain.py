# SPDX-License-Identifier: MIT
"""The one compiler of guests and ROMs: the pinned `ziglang` package, driven the same way on every host.

A build-time dependency only: nothing here is needed to run a guest.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata, util
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import frozen

from openvmi.errors import BuildError, UnavailableError
from openvmi.files import write_atomically

#: For everything that runs at kernel privilege: no vector registers, no red zone, nothing the C library would bring.
FREESTANDING = (
    "-std=c11", "-Os", "-g", "-ffreestanding", "-fno-builtin", "-fno-stack-protector", "-fno-omit-frame-pointer",
    "-fno-asynchronous-unwind-tables", "-fno-sanitize=all", "-fno-pic", "-fno-pie", "-mno-red-zone",
    "-mno-mmx", "-mno-sse", "-mno-sse2", "-Wall", "-Wextra", "-Werror",
)
_TIMEOUT = 300.0


@frozen
class Target:
    """What code is made for: the compiler's name of it, further flags of the compiler, the linker's name of it."""

    triple: str
    flags: tuple[str, ...]
    emulation: str


X86_64 = Target("x86_64-freestanding-none", ("-mcmodel=small",), "elf_x86_64")
#: For the classic interface: what an i686 has, for no client asks for more.
I386 = Target("x86-freestanding-none", ("-mcpu=i686",), "elf_i386")


class Toolchain:
    """Compiles and links. `work` is a folder for the compiler's cache."""

    def __init__(self, work: Path, target: Target = X86_64) -> None:
        found = util.find_spec("ziglang")
        if found is None or found.origin is None:
            raise UnavailableError("the compiler is not installed; run: pip install 'openvmi[build]'")
        self._home = Path(found.origin).parent
        self._work = work
        self._target = target

    @staticmethod
    def version() -> str:
        """Name and version, as recorded in what it builds."""
        return f"ziglang {metadata.version('ziglang')}"

    def compile(self, source: Path, output: Path, flags: Sequence[str] = FREESTANDING,
                includes: Sequence[Path] = ()) -> None:
        """One C (.c) or preprocessed assembler (.S) file to an ELF object. The result does not depend on folders."""
        # Debug information names folders; these must not show where the checkout, the cache or the compiler is. The
        # last match counts, so the longest path comes last.
        folders = {str(folder.resolve()): "." for folder in (source.parent, *includes)}
        folders |= {str(self._home): "compiler", str(self._home.resolve()): "compiler"}
        mapped = [f"-ffile-prefix-map={old}={folders[old]}" for old in sorted(folders, key=len)]
        self._run(
            ["cc", "-target", self._target.triple, *self._target.flags, *flags, "-ffile-compilation-dir=.", *mapped,
             *[f"-I{folder.resolve()}" for folder in includes],
             "-c", str(source.resolve()), "-o", str(output.resolve())],
            f"compiling {source.name}",
        )

    def link(self, objects: Sequence[Path], output: Path, script: Path, flags: Sequence[str] = ()) -> None:
        """Objects to an ELF file under a linker script that keeps what it needs (KEEP)."""
        self._run(
            ["ld.lld", "-m", self._target.emulation, "-nostdlib", "-static", "--build-id=none", "-z", "noexecstack",
             "-T", str(script.resolve()), *flags, *[str(o.resolve()) for o in objects], "-o", str(output.resolve())],
            f"linking {output.name}",
        )

    def program(self, sources: Sequence[Path], output: Path, script: Path, includes: Sequence[Path]) -> bytes:
        """A static program of the host without debug information, executable; returns what it wrote."""
        self._work.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self._work, prefix=f"{output.name}.") as scratch, \
                ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = [Path(scratch, f"{number:03}-{path.stem}.o") for number, path in enumerate(sources)]
            for job in [pool.submit(self.compile, path, target, FREESTANDING, includes)
                        for path, target in zip(sources, objects, strict=True)]:
                job.result()
            linked = Path(scratch, output.name)
            self.link(objects, linked, script, ("--strip-debug",))
            data = linked.read_bytes()
        output.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(output, data)
        output.chmod(0o755)
        return data

    def _run(self, arguments: list[str], doing: str) -> None:
        self._work.mkdir(parents=True, exist_ok=True)
        cache = str(self._work.resolve())
        environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
        try:
            done = subprocess.run(
                [sys.executable, "-m", "ziglang", *arguments], env=environment, cwd=cache, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, errors="replace", timeout=_TIMEOUT,
            )
        except subprocess.TimeoutExpired as error:
            raise BuildError(f"{doing}: the compiler did not finish within {_TIMEOUT:.0f} s") from error
        if done.returncode:
            raise BuildError(f"{doing} failed:\n{done.stderr.strip()}")
