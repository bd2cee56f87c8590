# SPDX-License-Identifier: MIT
"""What Xen prints of a guest that it ends, and of its own end; printed by Xen 4.17.7 of Debian 12."""

from __future__ import annotations

import pytest

from openvmi.hypervisors.xen import dump

KILLED = """\
Freed 656kB init memory
d0v0 Unhandled: vec 14, #PF[0002]
Pagetable walk from 00005ead00000000:
 L4[0x0bd] = 0000000000000000 ffffffffffffffff
domain_crash_sync called from entry.S: fault at ffff82d040204b78 x86_64/entry.S#create_bounce_frame+0x14f/0x177
Domain 0 (vcpu#0) crashed on cpu#0:
----[ Xen-4.17.7  x86_64  debug=n  Not tainted ]----
CPU:    0
RIP:    e033:[<ffffc00000001235>]
RFLAGS: 0000000000000246   EM: 1   CONTEXT: pv guest (d0v0)
rax: 00005ead00000000   rbx: 0000000000000000   rcx: ffffc00000001109
rdx: ffffc00000001391   rsi: 000000000000000a   rdi: 0000000000000000
rbp: ffffc000000032a0   rsp: ffffc00000003260   r8:  0000000000000000
r9:  0000000000000000   r10: 0000000000000000   r11: 0000000000000246
r12: 0000000000000000   r13: 0000000000000000   r14: 0000000000000000
r15: 0000000000000000   cr0: 000000008005003b   cr4: 0000000000000660
cr3: 0000000004c25000   cr2: 00005ead00000000
fsb: 0000000000000000   gsb: 0000000000000000   gss: 0000000000000000
ds: 0000   es: 0000   fs: 0000   gs: 0000   ss: e02b   cs: e033
Guest stack trace from rsp=ffffc00000003260:
   ffffc00000001109 0000000000000246 0000000000000002 ffffc00000001235
   000000010000e030 0000000000000046 ffffc000000032a0 000000000000e02b
Hardware Dom0 crashed: rebooting machine in 5 seconds.""".splitlines()


def test_killed() -> None:
    found = dump.killed(KILLED)
    assert found and found.reason == (
        "Xen ended the guest: d0v0 Unhandled: vec 14, #PF[0002]; domain_crash_sync called from entry.S: fault at"
        " ffff82d040204b78 x86_64/entry.S#create_bounce_frame+0x14f/0x177"
    )
    registers = found.registers
    assert registers
    assert registers.general == {
        "rax": 0x5EAD_0000_0000, "rbx": 0, "rcx": 0xFFFF_C000_0000_1109, "rdx": 0xFFFF_C000_0000_1391, "rsi": 10,
        "rdi": 0, "rbp": 0xFFFF_C000_0000_32A0, "rsp": 0xFFFF_C000_0000_3260, "r8": 0, "r9": 0, "r10": 0, "r11": 0x246,
        "r12": 0, "r13": 0, "r14": 0, "r15": 0,
    }  # fmt: skip
    assert (registers.rip, registers.rflags) == (0xFFFF_C000_0000_1235, 0x246)
    assert (registers.cs, registers.ss, registers.cr2, registers.cr3) == (0xE033, 0xE02B, 0x5EAD_0000_0000, 0x4C2_5000)


@pytest.mark.parametrize("missing", ["RIP:", "rbp:", "cr3:", "ss:"])
def test_incomplete_dump(missing: str) -> None:
    found = dump.killed(line for line in KILLED if missing not in line)
    assert found and found.registers is None and "#PF[0002]" in found.reason


def test_no_reason() -> None:
    found = dump.killed(["Domain 0 (vcpu#0) crashed on cpu#0:"])
    assert found == dump.Killed("Xen ended the guest: Domain 0 (vcpu#0) crashed on cpu#0:", None)


def test_the_last_one_counts() -> None:
    other = [line.replace("1235", "1111") for line in KILLED]
    found = dump.killed([*KILLED, *other])
    assert found and found.registers and found.registers.rip == 0xFFFF_C000_0000_1111


def test_nothing_happened() -> None:
    assert dump.killed(KILLED[:1]) is None and dump.panic(KILLED) is None and dump.killed([]) is None


PANIC = """\
 Dom0 kernel: 64-bit, PAE, lsb, paddr 0 -> 0x33e0

****************************************
Panic on CPU 0:
Not enough RAM for domain 0 allocation
****************************************

Reboot in five seconds...""".splitlines()


def test_panic() -> None:
    assert dump.panic(PANIC) == "Not enough RAM for domain 0 allocation"
    assert dump.panic(PANIC[:4]) == "Panic on CPU 0:"


@pytest.mark.parametrize(("line", "final"), [
    ("Hardware Dom0 crashed: rebooting machine in 5 seconds.", True), ("Hardware Dom0 halted: halting machine", True),
    ("Reboot in five seconds...", True), ("Manual reset required ('noreboot' specified)", True),
    ("Hardware Dom0 shutdown: rebooting machine", False), ("Hardware Dom0 cra", False), ("Panic on CPU 0:", False),
    ("", False),
])  # fmt: skip
def test_what_is_final(line: str, final: bool) -> None:
    assert dump.is_final(line) is final


def test_since_start() -> None:
    lines = ["Xen version", "*** Serial input to DOM0", "a", "b"]
    assert dump.since_start(lines) == ["a", "b"] and dump.since_start(lines[:1]) == lines[:1]
