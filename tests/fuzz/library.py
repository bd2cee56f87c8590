# SPDX-License-Identifier: MIT
"""The runner's readers of guest memory as a library: decode.c and walk.c, counted by libFuzzer where it is there."""

from __future__ import annotations

import ctypes
import sys
import tempfile
from pathlib import Path

from openvmi.hypervisors.linux import build
from openvmi.toolchain import FREESTANDING, Toolchain

_TOP = Path(__file__).resolve().parents[2]
_SCRIPT = """SECTIONS {
	. = SIZEOF_HEADERS;
	.text : ALIGN(4096) { *(.text*) }
	.init_array : ALIGN(4096) { KEEP(*(.init_array*)) }
	__sancov_cntrs : { __start___sancov_cntrs = .; KEEP(*(__sancov_cntrs)) __stop___sancov_cntrs = .; }
	__sancov_pcs : ALIGN(8) { __start___sancov_pcs = .; KEEP(*(__sancov_pcs)) __stop___sancov_pcs = .; }
	.dynamic : ALIGN(4096) { *(.dynamic) }
}
"""
_COVERAGE = ("-fsanitize-coverage=inline-8bit-counters,pc-table",)


def load() -> ctypes.CDLL:
    """Builds and loads it."""
    atheris = sys.modules.get("atheris")
    flags = (*FREESTANDING, "-fpic", *(_COVERAGE if atheris else ()))
    toolchain = Toolchain(_TOP / "build" / "cache")
    includes = (build.SOURCES, _TOP / "roms" / "linux", _TOP / "libvmi" / "include")
    with tempfile.TemporaryDirectory() as name:
        folder, objects = Path(name), []
        driver = Path(__file__).parent / "runner" / "driver.c"
        for source in (build.SOURCES / "decode.c", build.SOURCES / "walk.c", driver):
            objects.append(folder / f"{source.stem}.o")
            toolchain.compile(source, objects[-1], flags, includes)
        (folder / "library.lds").write_text(_SCRIPT)
        toolchain.link(objects, folder / "readers.so", folder / "library.lds", ("-shared", "-z", "norelro"))
        library = ctypes.CDLL(str(folder / "readers.so"))
    if atheris:
        (core,) = Path(str(atheris.__file__)).parent.glob("core_with_libfuzzer.*")
        for function, name in (("8bit_counters", "counters"), ("pcs", "places")):
            start, end = (ctypes.c_void_p * 2).in_dll(library, name)
            getattr(ctypes.CDLL(str(core)), f"__sanitizer_cov_{function}_init")(
                ctypes.c_void_p(start), ctypes.c_void_p(end))
    library.walk.argtypes = (ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_void_p)
    library.walk_mark.argtypes = (ctypes.c_void_p, ctypes.c_bool)
    library.instruction_at.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
    library.set_up.argtypes = (ctypes.c_void_p, *[ctypes.c_uint64] * 4)
    for each in (library.guest_read, library.guest_write):
        each.argtypes = (ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64)
    for each in (library.guest_read, library.guest_write, library.instruction_at):
        each.restype = ctypes.c_bool
    return library
