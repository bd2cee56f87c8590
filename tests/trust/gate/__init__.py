# SPDX-License-Identifier: MIT
"""libvmi's gate of policies, compiled for this process."""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from openvmi.rom.build import FLAGS
from openvmi.toolchain import Toolchain

_SCRIPT = """
SECTIONS {
	.text : { *(.text*) }
	. = ALIGN(4096);
	.dynsym : { *(.dynsym) }
	.rodata : { *(.rodata*) }
	. = ALIGN(4096);
	.data : { *(.data*) }
	.bss : { *(.bss*) }
}
"""
LICENCE, OPTION, SIGNATURE = 3, 5, 8  #: enum vmi_gate

#: Class, bytes of source, boot flags, note's class and flags, options: which gate refused or 0, and the taint.
Gate = Callable[[int, int, int, int, int, str], tuple[int, int]]


def load(top: Path, folder: Path) -> Gate:
    """Builds and loads it."""
    if platform.machine() != "x86_64" or sys.platform != "linux":
        pytest.skip("compiles libvmi's gates for this process, which needs x86-64 Linux")
    toolchain = Toolchain(top / "build" / "cache")
    libvmi = top / "libvmi" / "src"
    sources = (libvmi / "gates.c", libvmi / "options.c", Path(__file__).parent / "harness.c")
    objects = [folder / f"{source.stem}.o" for source in sources]
    for source, target in zip(sources, objects, strict=True):
        toolchain.compile(source, target, FLAGS, (libvmi, top / "libvmi" / "include"))
    script = folder / "library.lds"
    script.write_text(_SCRIPT)
    toolchain.link(objects, folder / "gate.so", script, ("-shared",))
    function = ctypes.CDLL(str(folder / "gate.so")).gate
    function.argtypes = (*[ctypes.c_uint] * 5, ctypes.c_char_p, ctypes.c_void_p)
    function.restype = ctypes.c_uint

    def gate(kind: int, source: int, flags: int, note_licence: int, note_flags: int, options: str) -> tuple[int, int]:
        taint = ctypes.c_uint()
        refused = function(kind, source, flags, note_licence, note_flags, options.encode(), ctypes.byref(taint))
        return refused, taint.value

    return gate
