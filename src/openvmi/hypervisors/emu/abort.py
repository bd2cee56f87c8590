# SPDX-License-Identifier: MIT
"""Unicorn ends the whole process, by abort(3), where it cannot translate an instruction.

One is known, and any guest may have it: LOCK before a bit test of a register, which a processor refuses as no
instruction. Nothing runs before the translation that could see it coming; what is left is to say what has happened.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from functools import cache

from openvmi.status import Status

_TEXT = (b"openvmi: Unicorn, which is the processor of emu, has given up at an instruction of the guest that it cannot "
         b"translate (known: LOCK before a bit test of a register, an invalid opcode); run it elsewhere, as with "
         b"--on linux\n")


@ctypes.CFUNCTYPE(None, ctypes.c_int)
def _tell(_: int) -> None:
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    os.write(2, _TEXT)
    os._exit(Status.TOOL)


@cache
def expect() -> None:
    """From now on an abort of this process says so, and its exit status is :attr:`Status.TOOL`.

    By libc's own signal(): a handler of Python's would wait for code of Python's to go on, and none does.
    """
    set_handler = ctypes.CDLL(None).signal
    set_handler.argtypes, set_handler.restype = [ctypes.c_int, ctypes.c_void_p], ctypes.c_void_p
    set_handler(signal.SIGABRT, ctypes.cast(_tell, ctypes.c_void_p))
