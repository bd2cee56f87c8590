# SPDX-License-Identifier: MIT
"""What of the host's kernel the runner needs, and whether it is there. Asks; changes nothing."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import sys
from collections.abc import Callable
from functools import cache

from attrs import frozen

from openvmi.hypervisors.base import Availability

_PR_GET_PDEATHSIG = 2  # linux/prctl.h
_SYS_SECCOMP = 317  # x86-64
_SECCOMP_GET_ACTION_AVAIL = 2  # linux/seccomp.h; since Linux 4.14
_SECCOMP_RET_TRAP = 0x0003_0000
_SYS_ARCH_PRCTL = 158
_ARCH_GET_CPUID, _ARCH_SET_CPUID = 0x1011, 0x1012  # asm/prctl.h; since Linux 4.12
_AT_HWCAP2 = 26
_HWCAP2_FSGSBASE = 1 << 1  # asm/hwcap2.h; since Linux 5.9
_MACHINES = ("x86_64", "AMD64")


@frozen
class Feature:
    """Something of the host's kernel."""

    name: str
    found: Callable[[], bool]
    lost: str  #: what there is not without it: half a sentence
    remedy: str
    needed: bool = True


def _memory_files() -> bool:
    try:
        os.close(os.memfd_create("openvmi-probe"))
    except (AttributeError, OSError) as error:
        return isinstance(error, OSError) and error.errno not in (errno.ENOSYS, errno.EPERM)
    return True


def _seccomp() -> bool:
    action = ctypes.c_uint32(_SECCOMP_RET_TRAP)
    return _libc().syscall(ctypes.c_long(_SYS_SECCOMP), ctypes.c_long(_SECCOMP_GET_ACTION_AVAIL), ctypes.c_long(0),
                           ctypes.byref(action)) == 0


def _segment_bases() -> bool:
    getauxval = _libc().getauxval
    getauxval.restype, getauxval.argtypes = ctypes.c_ulong, (ctypes.c_ulong,)
    return bool(getauxval(_AT_HWCAP2) & _HWCAP2_FSGSBASE)


def _death_signal() -> bool:
    number = ctypes.c_int()
    return _libc().prctl(_PR_GET_PDEATHSIG, ctypes.byref(number)) == 0


def _affinity() -> bool:
    try:
        return bool(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return False


def _cpuid_faulting() -> bool:
    """Sets what is set: that is refused where it cannot be changed."""
    now = _arch_prctl(_ARCH_GET_CPUID, 0)
    return now >= 0 and _arch_prctl(_ARCH_SET_CPUID, now) == 0


def _arch_prctl(code: int, value: int) -> int:
    return int(_libc().syscall(ctypes.c_long(_SYS_ARCH_PRCTL), ctypes.c_long(code), ctypes.c_long(value)))


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


FEATURES = (
    Feature("seccomp filters", _seccomp, "nothing would keep the guest from making host system calls",
            "Use a kernel from Linux 4.14 on with CONFIG_SECCOMP_FILTER, in a container that permits seccomp(2)."),
    Feature("memfd_create", _memory_files, "there is no memory that the guest's processes could share",
            "Use a container that permits memfd_create(2)."),
    Feature("FSGSBASE", _segment_bases, "the guest cannot set the bases of FS and GS, which it finds its own data by",
            "Use Linux 5.9 or newer, on a processor that has the instructions, and boot it without nofsgsbase."),
    Feature("PDEATHSIG", _death_signal, "the guest's processes could outlive this one",
            "Use a container that permits prctl(2)."),
    Feature("CPU affinity", _affinity, "a system call of the guest's user mode takes 10 times as long",
            "Use a container that permits sched_setaffinity(2).", needed=False),
    Feature("CPUID faulting", _cpuid_faulting, "the instruction CPUID tells of the host's processor, also of vector"
            " registers that the guest's kernel cannot switch", "Use Linux 4.12 or newer, on a processor that has it.",
            needed=False),
)  # fmt: skip


def availability(features: tuple[Feature, ...] = FEATURES) -> Availability:
    """Whether this kernel has all that is needed; `versions` also tells what is lost without the rest."""
    if sys.platform != "linux" or platform.machine() not in _MACHINES:
        return Availability(False, f"The guest runs on the processor itself under Linux for x86-64, and this is"
                                   f" {platform.system()} on {platform.machine() or 'an unknown processor'}.",
                            "Use the hypervisor emu, which runs anywhere.")  # fmt: skip
    there = {feature: feature.found() for feature in features}
    missing = [feature for feature in features if feature.needed and not there[feature]]
    if missing:
        reasons = (f"The host's kernel has no {feature.name}, or does not permit it: {feature.lost}."
                   for feature in missing)
        return Availability(False, " ".join(reasons), " ".join(feature.remedy for feature in missing))
    versions = {"Linux": platform.release()}
    for feature in features:
        versions[feature.name] = "yes" if there[feature] else f"no ({feature.lost})"
    return Availability(usable=True, versions=versions)
