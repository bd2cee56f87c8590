# SPDX-License-Identifier: MIT
"""Runs a program that can do next to nothing else than compute. Started as a script, without any package:

    python -I -S confined.py SECONDS READ:FOLDER... WRITE:FOLDER... -- PROGRAM ARGUMENT...

From here on this process and its children read and execute files below the folders READ, and write below the folders
WRITE (Landlock; Documentation/userspace-api/landlock.rst of Linux), signal nobody else (Linux 6.12), and, on x86-64 and
arm64, make no sockets (seccomp). What is left is to see which files exist, and to change modes and times of
the user's. Status 99: this system cannot do that, and nothing was run.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

UNAVAILABLE = 99
MEMORY = 4 << 30  #: bytes of address space: the compiler reserves more than it touches
FILE = 16 << 20  #: bytes of one file
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_VERSION, _PATH_BENEATH, _NO_NEW_PRIVS = 1, 1, 38
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REMOVE, _MAKE = 1 << 4 | 1 << 5, 1 << 7 | 1 << 8 | 1 << 12  # folders and files; folders, files, links
_REFER, _TRUNCATE = 1 << 13, 1 << 14
#: Rights of files that a version knows, from 1 on.
_HANDLED = (0x1FFF, 0x3FFF, 0x7FFF, 0x7FFF, 0xFFFF)
_NETWORK, _SCOPED = 3, 3  # binding and connecting; abstract sockets and signals
_SECCOMP, _FILTER = 22, 2  # of prctl
#: By machine: what seccomp calls it (linux/audit.h), the number of the system call socket.
_MACHINES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
_IO_URING_SETUP, _OTHER_ABI = 425, 0x40000000  # which makes sockets, too; x32 has numbers from here on


def available() -> bool:
    """Whether this system can."""
    return version() >= 1


def version() -> int:
    """Of Landlock; less than 1 without."""
    return _call(_CREATE_RULESET, None, 0, _VERSION) if sys.platform == "linux" else 0


def confine(read: list[str], write: list[str]) -> None:
    """This process, for good. OSError when it cannot be."""
    known = version()
    handled = _HANDLED[min(known, len(_HANDLED)) - 1] if known >= 1 else 0
    attributes = struct.pack("<QQQ", handled, _NETWORK, _SCOPED)
    size = 24 if known >= 6 else 16 if known >= 4 else 8
    rules = _checked(_call(_CREATE_RULESET, attributes, size, 0))
    reading = _EXECUTE | _READ_FILE | _READ_DIR
    writing = _WRITE_FILE | _READ_FILE | _READ_DIR | _REMOVE | _MAKE | _REFER | _TRUNCATE
    for rights, places in ((reading, read), (writing, write)):
        for place in places:
            folder = os.open(place, os.O_PATH | os.O_CLOEXEC)
            allowed = rights if os.path.isdir(place) else rights & (_WRITE_FILE | _READ_FILE | _EXECUTE | _TRUNCATE)
            _checked(_call(_ADD_RULE, rules, _PATH_BENEATH, struct.pack("<Qi", allowed & handled, folder), 0))
            os.close(folder)
    if ctypes.CDLL(None, use_errno=True).prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    _checked(_call(_RESTRICT_SELF, rules, 0))
    os.close(rules)
    if os.uname().machine in _MACHINES:
        _no_sockets(*_MACHINES[os.uname().machine])


def _no_sockets(machine: int, socket: int) -> None:
    """Landlock knows of TCP alone: datagrams, and sockets that are files, are left."""
    load, equal, least, leave = 0x20, 0x15, 0x35, 0x06  # linux/bpf_common.h
    steps = [(load, 0, 0, 4), (equal, 0, 5, machine), (load, 0, 0, 0), (least, 3, 0, _OTHER_ABI), (equal, 2, 0, socket),
             (equal, 1, 0, _IO_URING_SETUP), (leave, 0, 0, 0x7FFF0000), (leave, 0, 0, 0x50000 | errno.EPERM)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in steps))
    program = struct.pack("@HP", len(steps), ctypes.addressof(code))
    if ctypes.CDLL(None, use_errno=True).prctl(_SECCOMP, _FILTER, program, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


def bound(seconds: int) -> None:
    """This process and each child: time of the processor, memory, files."""
    import resource  # not on every system that may ask whether this one can

    for what, limit in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, FILE),
                        (resource.RLIMIT_CORE, 0)):
        _, most = resource.getrlimit(what)
        limit = limit if most == resource.RLIM_INFINITY else min(limit, most)
        resource.setrlimit(what, (limit, limit))


def _call(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    packed = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return int(libc.syscall(ctypes.c_long(number), *packed))


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "Landlock")
    return result


def main() -> None:
    """As above. Comes back only to say that it cannot."""
    end = sys.argv.index("--")
    seconds, places, command = sys.argv[1], sys.argv[2:end], sys.argv[end + 1:]
    read, write = ([place.partition(":")[2] for place in places if place.startswith(kind)]
                   for kind in ("READ:", "WRITE:"))
    bound(int(seconds))
    try:
        confine(read, write)
    except (OSError, AttributeError) as error:
        print(f"cannot be confined: {error}", file=sys.stderr)
        sys.exit(UNAVAILABLE)
    os.execve(command[0], command, dict(os.environ))


if __name__ == "__main__":
    main()
