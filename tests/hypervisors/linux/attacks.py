# SPDX-License-Identifier: MIT
"""What the attempts to leave the sandbox have in common: addresses, numbers, and what a guest says of a trap."""

from __future__ import annotations

from openvmi.hypervisors.linux import private

RAM = 64 << 20
#: As in roms/linux/private.h and runner/area.h.
STUB, SELF, BELL, USERS, TOP = 0x7FF000000000, 0x7FF000010000, 0x7FF000020000, private.LNX_USERS, 0x7FFFFFFFF000
RUNNER = 0x400000  # where the runner itself is linked
WRITE, MMAP, MUNMAP, GETPID, FORK, GETPID_32, FORK_32 = 1, 9, 11, 39, 57, 20, 2
UNNOTICED = 6  # vector of the UD2 at the end of a deed: all of it was done


def trap(mode: str, vector: int, error: int = 0, address: int = 0) -> str:
    """What the guest says of a trap, which it survives; after it nothing is where nothing may be."""
    nowhere = 0x50000000
    return (f"{mode} trap {vector} error {error:x} address {address:x}\n"
            f"{mode} trap 14 error {4 if mode == 'user' else 0:x} address {nowhere:x}\nend\n")


def call(number: int) -> str:
    """The same of a system call that user mode made, which is the guest's own."""
    return f"user call {number}\n" + trap("user", 0).partition("\n")[2]
