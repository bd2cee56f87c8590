# SPDX-License-Identifier: MIT
"""The one compiler of guests and ROMs: the pinned `ziglang` package, driven the same way on every host.

A build-time dependency only: nothing here is needed to run a guest.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import metadata, util
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from attrs import frozen

from openvmi.confined import UNAVAILABLE
from openvmi.errors import BuildError, UnavailableError
from openvmi.files import write_atomically

#: For everything that runs at kernel privilege: no vector registers, no red zone, nothing the C library would bring.
FREESTANDING = (
    "-std=c11", "-Os", "-g", "-ffreestanding", "-fno-builtin", "-fno-stack-protector", "-fno-omit-frame-pointer",
    "-fno-asynchronous-unwind-tables", "-fno-sanitize=all", "-fno-pic", "-fno-pie", "-mno-red-zone",
    "-mno-mmx", "-mno-sse", "-mno-sse2", "-Wall", "-Wextra", "-Werror",
)
_TIMEOUT = 300.0
_PROCESSOR = 30  # seconds of it for each confined process
_OUTPUT = 20_000  # characters of what the compiler says


@frozen
class Target:
    """What code is made for: the compiler's name of it, further flags of the compiler, the linker's name of it."""

    triple: str
    flags: tuple[str, ...]
    emulation: str


X86_64 = Target("x86_64-freestanding-none", ("-mcmodel=small",), "elf_x86_64")
#: For the classic interface: what an i686 has, for no client asks for more.
I386 = Target("x86-freestanding-none", ("-mcpu=i686",), "elf_i386")
TARGETS = {target.triple: target for target in (X86_64, I386)}


@frozen
class Confinement:
    """For sources of others: the compiler reads its own package and `sources`, writes `work`, and nothing else.

    See :mod:`openvmi.confined`. `until`: as time.monotonic() has it, when all must be done.
    """

    sources: Path
    until: float


class Toolchain:
    """Compiles and links. `work` is a folder for the compiler's cache and, when confined, for all that it writes."""

    def __init__(self, work: Path, target: Target = X86_64, confinement: Confinement | None = None) -> None:
        found = util.find_spec("ziglang")
        if found is None or found.origin is None:
            raise UnavailableError("the compiler is not installed; run: pip install 'openvmi[build]'")
        self._home = Path(found.origin).parent
        self._work = work
        self._target = target
        self._confinement = confinement

    @staticmethod
    def version() -> str:
        """Name and version, as recorded in what it builds."""
        return f"ziglang {Toolchain.number()}"

    @staticmethod
    def number() -> str:
        """Version of the installed package; :class:`UnavailableError` without one."""
        try:
            return metadata.version("ziglang")
        except metadata.PackageNotFoundError as error:
            raise UnavailableError("the compiler is not installed; run: pip install 'openvmi[build]'") from error

    @property
    def home(self) -> Path:
        """The folder of the compiler's package."""
        return self._home

    def compile(self, source: Path, output: Path, flags: Sequence[str] = FREESTANDING,
                includes: Sequence[Path] = (), account: Path | None = None) -> None:
        """One C (.c) or preprocessed assembler (.S) file to an ELF object. The result does not depend on folders.

        `account`: a file for the rule of make that names every file read.
        """
        # Debug information names folders; these must not show where the checkout, the cache or the compiler is. The
        # last match counts, so the longest path comes last.
        folders = {str(folder.resolve()): "." for folder in (source.parent, *includes)}
        folders |= {str(self._home): "compiler", str(self._home.resolve()): "compiler"}
        mapped = [f"-ffile-prefix-map={old}={folders[old]}" for old in sorted(folders, key=len)]
        self._run(
            ["cc", "-target", self._target.triple, *self._target.flags, *flags, "-ffile-compilation-dir=.", *mapped,
             *[f"-I{folder.resolve()}" for folder in includes],
             *(["-MD", "-MF", str(account.resolve())] if account else []),
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
        environment = {"ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache, "TMPDIR": cache}
        command = [sys.executable, "-m", "ziglang"]
        if self._confinement:
            home = self._home.resolve()
            command = [sys.executable, "-I", "-S", str(Path(__file__).with_name("confined.py")),
                       str(_PROCESSOR), f"READ:{home}", f"READ:{self._confinement.sources.resolve()}",
                       f"WRITE:{cache}", "WRITE:/dev/null", "--", str(home / "zig")]
        else:
            environment = {**os.environ, **environment}
        limit = min(_TIMEOUT, max(0.0, self._confinement.until - time.monotonic())) if self._confinement else _TIMEOUT
        try:
            done = _run(command + arguments, environment, cache, limit, bool(self._confinement))
        except subprocess.TimeoutExpired as error:
            raise BuildError(f"{doing}: the compiler did not finish within {limit:.0f} s") from error
        if self._confinement and done.returncode == UNAVAILABLE:
            raise UnavailableError(f"{doing}: {done.stderr.strip()}; use Linux 5.13 or newer with Landlock switched on")
        if done.returncode < 0:
            raise BuildError(f"{doing}: the compiler was ended by signal {-done.returncode}; expected it to need less "
                             "time and memory")
        if done.returncode:
            raise BuildError(f"{doing} failed:\n{done.stderr.strip()[:_OUTPUT]}")


def _run(command: list[str], environment: dict[str, str], folder: str, limit: float,
         alone: bool) -> subprocess.CompletedProcess[str]:
    """`alone`: in a session of its own, which ends as a whole at the limit: the compiler starts others.

    What it says goes to a file, not to memory: a source can make it say anything without end, and files are bounded.
    """
    with TemporaryFile(dir=folder) as said, subprocess.Popen(
        command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
        start_new_session=alone,
    ) as process:
        try:
            process.wait(limit)
        except BaseException:
            if alone:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            raise
        said.seek(0)
        errors = said.read(4 * _OUTPUT).decode(errors="replace")
        return subprocess.CompletedProcess(command, process.returncode, "", errors)
