# SPDX-License-Identifier: MIT
"""The runner's sources as libraries of this process, counted by libFuzzer where it is there: its readers of guest
memory (decode.c and walk.c), and all of M, the monitor, with the host below it replaced (monitor/).

The code is the same with and without libFuzzer, so that an input does the same in both.
"""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from openvmi.hypervisors.linux import build
from openvmi.toolchain import FREESTANDING, Toolchain

_HERE = Path(__file__).resolve().parent
_TOP = _HERE.parents[1]
_SCRIPT = """SECTIONS {
	. = SIZEOF_HEADERS;
	.text : ALIGN(4096) { *(.text*) }
	.init_array : ALIGN(4096) { KEEP(*(.init_array*)) }
	__sancov_cntrs : { __start___sancov_cntrs = .; KEEP(*(__sancov_cntrs)) __stop___sancov_cntrs = .; }
	__sancov_pcs : ALIGN(8) { __start___sancov_pcs = .; KEEP(*(__sancov_pcs)) __stop___sancov_pcs = .; }
	.dynamic : ALIGN(4096) { *(.dynamic) }
	.large : ALIGN(4096) { *(.bss.users .bss.kernel) }
	.kept : ALIGN(4096) { *(.kept) }
	.data : ALIGN(4096) { state_start = .; *(.data .data.* .bss .bss.* COMMON) . = ALIGN(16); state_end = .; }
}
"""
_COVERAGE = "-fsanitize-coverage=inline-8bit-counters,pc-table"
_LOADS = "-fsanitize-coverage=trace-loads"
#: What C leaves undefined stops the process.
_TRAPS = ("-fsanitize=undefined", "-fno-sanitize=function", "-fsanitize-trap=undefined")
#: Of the runner: main.c and io.c are in monitor/inside.c, filters are for processes that are not there.
_NOT_OF_M = {"main.c", "io.c", "filter.c", "guard.c"}


def readers() -> ctypes.CDLL:
    """decode.c and walk.c."""
    library = _load("readers", (build.SOURCES / "decode.c", build.SOURCES / "walk.c"), (_HERE / "runner" / "driver.c",),
                    ())
    library.walk.argtypes = (ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_void_p)
    library.walk_mark.argtypes = (ctypes.c_void_p, ctypes.c_bool)
    library.instruction_at.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
    library.set_up.argtypes = (ctypes.c_void_p, *[ctypes.c_uint64] * 4)
    for each in (library.guest_read, library.guest_write):
        each.argtypes = (ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64)
    for each in (library.guest_read, library.guest_write, library.instruction_at):
        each.restype = ctypes.c_bool
    return library


def monitor(folder: Path = build.SOURCES) -> ctypes.CDLL:
    """M: what monitor/driver.c says, of the sources in a folder.

    Where M reads, the library is told, so that memory changes between two reads.
    """
    own = _HERE / "monitor"
    tested = (*sorted(path for path in folder.rglob("*.c") if path.name not in _NOT_OF_M), own / "inside.c")
    library = _load("monitor", tested, tuple(own / name for name in ("driver.c", "guest.c", "host.c")),
                    ("-include", str(own / "host.h"), "-fdata-sections", *_TRAPS), (_LOADS,), (own, folder),
                    ("--wrap=memcpy",))
    library.set_up.restype = library.run.restype = ctypes.c_char_p
    library.run.argtypes = (ctypes.c_char_p, ctypes.c_uint64)
    return library


def _load(name: str, tested: Sequence[Path], own: Sequence[Path], flags: Sequence[str], of_tested: Sequence[str] = (),
          includes: Sequence[Path] = (), linking: Sequence[str] = ()) -> ctypes.CDLL:
    """Builds and loads one. `of_tested`: flags for `tested` only, as are those for coverage."""
    atheris = sys.modules.get("atheris")
    toolchain = Toolchain(_TOP / "build" / "cache")
    found = (*includes, build.SOURCES, _TOP / "roms" / "linux", _TOP / "libvmi" / "include")
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(os.cpu_count()) as pool:
        folder, jobs, objects = Path(temporary), [], []
        for number, source in enumerate((*tested, *own)):
            of_it = (*of_tested, _COVERAGE) if source in tested else ()
            objects.append(folder / f"{number}.o")
            jobs.append(pool.submit(toolchain.compile, source, objects[-1], (*FREESTANDING, "-fpic", *flags, *of_it),
                                    found))
        objects.append(folder / "coverage.o")
        jobs.append(pool.submit(toolchain.compile, _HERE / "coverage.c", objects[-1], (*FREESTANDING, "-fpic")))
        for job in jobs:
            job.result()
        (folder / "library.lds").write_text(_SCRIPT)
        toolchain.link(objects, folder / f"{name}.so", folder / "library.lds",
                       ("-shared", "-Bsymbolic", "-z", "norelro", *linking))
        library = ctypes.CDLL(str(folder / f"{name}.so"))
    if atheris:
        (core,) = Path(str(atheris.__file__)).parent.glob("core_with_libfuzzer.*")
        for function, symbol in (("8bit_counters", "counters"), ("pcs", "places")):
            start, end = (ctypes.c_void_p * 2).in_dll(library, symbol)
            getattr(ctypes.CDLL(str(core)), f"__sanitizer_cov_{function}_init")(
                ctypes.c_void_p(start), ctypes.c_void_p(end))
    return library
