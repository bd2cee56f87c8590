# SPDX-License-Identifier: MIT
"""libvmi's gate of policies, compiled for this process."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

from openvmi.rom.build import FLAGS
from tests.compiled import library

LICENCE, OPTION, SIGNATURE = 3, 5, 8  #: enum vmi_gate

#: Class, bytes of source, boot flags, note's class and flags, options: which gate refused or 0, and the taint.
Gate = Callable[[int, int, int, int, int, str], tuple[int, int]]


def load(top: Path, folder: Path) -> Gate:
    """Builds and loads it."""
    libvmi = top / "libvmi" / "src"
    sources = (*(libvmi / name for name in ("gates.c", "options.c", "text.c")), Path(__file__).parent / "harness.c")
    function = ctypes.CDLL(str(library(folder / "gate.so", sources, FLAGS, (libvmi,)))).gate
    function.argtypes = (*[ctypes.c_uint] * 5, ctypes.c_char_p, ctypes.c_void_p)
    function.restype = ctypes.c_uint

    def gate(kind: int, source: int, flags: int, note_licence: int, note_flags: int, options: str) -> tuple[int, int]:
        taint = ctypes.c_uint()
        refused = function(kind, source, flags, note_licence, note_flags, options.encode(), ctypes.byref(taint))
        return refused, taint.value

    return gate
