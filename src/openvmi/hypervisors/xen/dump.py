# SPDX-License-Identifier: MIT
"""What Xen prints when it kills a guest, or itself (xen/common/domain.c, arch/x86/traps.c, drivers/char/console.c)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from attrs import frozen

from openvmi.hypervisors.base import Registers
from openvmi.units import Gpa, Gva

_CRASHED = re.compile(r"Domain 0 \(vcpu#0\) crashed on cpu#0:")
_REASON = re.compile(r"d0v0:? unhandled |d0v0 Unhandled: |domain_crash(_sync)? called from ")
#: The guest is over, though Xen goes on: it waits before it starts the machine again, or for ever.
_KILLED = re.compile(r"Hardware Dom0 (crashed|halted)\b")
_PANIC = re.compile(r"Panic on CPU \d+:")
_PANIC_OVER = re.compile(r"Reboot in (five|\d+) seconds|Manual reset required")
#: In what :func:`panic` returns: the guest needs more memory.
TOO_SMALL = re.compile(r"allocation is too small|Not enough RAM|not enough memory", re.IGNORECASE)
_STARTED = "*** Serial input to DOM0"  # the last that Xen does before it starts the guest, but for one line
_GENERAL = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", *(f"r{n}" for n in range(8, 16)))
_VALUE = re.compile(r"\b(r[a-z0-9]{1,2}|RFLAGS|cr[0234]|[cs]s): +([0-9a-f]+)\b")
_RIP = re.compile(r"\bRIP: +[0-9a-f]{4}:\[<([0-9a-f]{16})>\]")
_DUMP_LINES = 16  # from the sentence to the segment registers


@frozen
class Killed:
    """Why Xen ended a guest. `registers` are None when the dump is not complete."""

    reason: str
    registers: Registers | None


def is_final(line: str) -> bool:
    """Whether Xen says in this line that it will do nothing more that matters."""
    return bool(_KILLED.match(line) or _PANIC_OVER.match(line))


def starts_guest(line: str) -> bool:
    """Whether console input goes to the guest from this line on."""
    return line.startswith(_STARTED)


def since_start(lines: Iterable[str]) -> list[str]:
    """What Xen said while the guest ran; all of it when that was never started."""
    lines = list(lines)
    at = next((n for n, line in enumerate(lines) if starts_guest(line)), -1)
    return lines[at + 1 :]


def killed(lines: Iterable[str]) -> Killed | None:
    """The last guest that was killed in these lines of Xen; None when there is none."""
    lines = list(lines)
    at = next((n for n in reversed(range(len(lines))) if _CRASHED.search(lines[n])), None)
    if at is None:
        return None
    reasons = [line.strip() for line in lines[max(0, at - 2 * _DUMP_LINES) : at] if _REASON.search(line)]
    return Killed(f"Xen ended the guest: {'; '.join(reasons[-2:]) or lines[at]}", _registers(lines[at + 1 :]))


def _registers(lines: Sequence[str]) -> Registers | None:
    text = "\n".join(lines[:_DUMP_LINES])
    found = {name.lower(): int(value, 16) for name, value in _VALUE.findall(text)}
    rip = _RIP.search(text)
    try:
        return Registers(
            general={name: found[name] for name in _GENERAL},
            rip=Gva(int(rip[1], 16)) if rip else Gva(found["rip"]),
            rflags=found["rflags"], cs=found["cs"], ss=found["ss"], cr2=Gva(found["cr2"]), cr3=Gpa(found["cr3"]),
            user=False,  # ring 3 either way, and Xen does not say which of its two modes this is
        )
    except KeyError:
        return None


def panic(lines: Iterable[str]) -> str | None:
    """Why Xen itself gave up, if it did: what it says between the two rows of stars."""
    lines = list(lines)
    at = next((n for n, line in enumerate(lines) if _PANIC.match(line)), None)
    if at is None:
        return None
    said = []
    for line in lines[at + 1 : at + 1 + _DUMP_LINES]:
        if line.startswith("****"):
            break
        said.append(line.strip())
    return " ".join(filter(None, said)) or lines[at]
