# SPDX-License-Identifier: MIT
"""C of guests, ROMs and hypervisors as a library of the test process, so that a test can call it."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from openvmi.toolchain import Toolchain

TOP = Path(__file__).resolve().parent.parent
#: What may be executed, what is only read, and what is written: each on pages of its own.
_SCRIPT = """
SECTIONS {
	. = SIZEOF_HEADERS;
	.text : ALIGN(4096) { *(.text*) }
	. = ALIGN(4096);
	.dynsym : { *(.dynsym) }
	.rodata : { *(.rodata*) }
	.dynamic : ALIGN(4096) { *(.dynamic) }
	.data : ALIGN(4096) { *(.data*) }
	.bss : { *(.bss*) }
}
"""


def library(output: Path, sources: Iterable[Path], flags: Sequence[str], includes: Sequence[Path]) -> Path:
    """Builds it from these sources, and the headers of libvmi. What is made in between is beside it."""
    if platform.machine() != "x86_64" or sys.platform != "linux":
        pytest.skip("compiles code of guests for this process, which needs x86-64 Linux")
    toolchain = Toolchain(TOP / "build" / "cache")
    objects = []
    for number, source in enumerate(sources):
        objects.append(output.with_suffix(f".{number}.o"))
        toolchain.compile(source, objects[-1], flags, (*includes, TOP / "libvmi" / "include"))
    script = output.with_suffix(".lds")
    script.write_text(_SCRIPT)
    toolchain.link(objects, output, script, ("-shared",))
    return output
