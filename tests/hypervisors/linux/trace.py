# SPDX-License-Identifier: MIT
"""System calls that another process is made to make, by ptrace(2): what a filter of its own says to each."""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path
from types import TracebackType

_ATTACH, _DETACH, _SINGLESTEP, _GETREGS, _SETREGS = 16, 17, 9, 12, 13
_WALL = 0x4000_0000
#: struct user_regs_struct.
_NAMES = ("r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi",
          "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs")
_ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
_LONGEST = 20  # steps


class Registers(ctypes.Structure):
    """Of a stopped process."""

    _fields_ = [(name, ctypes.c_ulonglong) for name in _NAMES]


class Traced:
    """A process of this one's, stopped until it is left. For one thread, the one that makes it."""

    def __init__(self, pid: int, text: int) -> None:
        """`text`: where its code is; the first SYSCALL there is used. Raises :class:`OSError`."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
        self._libc.ptrace.restype = ctypes.c_long
        self.pid = pid
        self._ptrace(_ATTACH)
        while os.WSTOPSIG(os.waitpid(pid, _WALL)[1]) != signal.SIGSTOP:
            self._ptrace(_SINGLESTEP)
        self._registers = Registers()
        self._ptrace(_GETREGS, ctypes.byref(self._registers))
        self._memory = os.open(f"/proc/{pid}/mem", os.O_RDWR | os.O_CLOEXEC)
        self._syscall = text + os.pread(self._memory, 0x8000, text).index(b"\x0f\x05")

    def _ptrace(self, request: int, data: object = None) -> None:
        if self._libc.ptrace(request, self.pid, None, data) < 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    def call(self, number: int, *arguments: int) -> int | None:
        """Its result, or None when the process got SIGSYS for it."""
        registers = Registers.from_buffer_copy(self._registers)
        registers.rip, registers.rax, registers.orig_rax = self._syscall, number, 2**64 - 1
        for name, value in zip(_ARGUMENTS, arguments, strict=False):
            setattr(registers, name, value & (2**64 - 1))
        self._ptrace(_SETREGS, ctypes.byref(registers))
        for _ in range(_LONGEST):
            self._ptrace(_SINGLESTEP)
            got = os.WSTOPSIG(os.waitpid(self.pid, _WALL)[1])
            if got == signal.SIGSYS:
                return None
            self._ptrace(_GETREGS, ctypes.byref(registers))
            if got == signal.SIGTRAP and registers.rip == self._syscall + 2:
                return ctypes.c_long(registers.rax).value
        raise AssertionError(f"system call {number} does not come back")

    def put(self, text: bytes) -> int:
        """Writes to its stack, below what is there, and tells where."""
        place = (self._registers.rsp - 4096) & ~15
        os.pwrite(self._memory, text, place)
        return place

    def __enter__(self) -> Traced:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ptrace(_SETREGS, ctypes.byref(self._registers))
        os.close(self._memory)
        self._ptrace(_DETACH)


def landlock() -> bool:
    """Whether this kernel has it, and it is on."""
    libc = ctypes.CDLL(None, use_errno=True)
    return Path("/proc").is_dir() and libc.syscall(ctypes.c_long(444), None, ctypes.c_long(0), ctypes.c_long(1)) >= 1
