# SPDX-License-Identifier: MIT
"""A guest that stays native: every privileged instruction traps, is emulated, and is counted."""

from __future__ import annotations

from collections.abc import Callable

from openvmi.hypervisors.base import Ending
from openvmi.units import Gpa
from tests.hypervisors.emu.cases import Ran

Run = Callable[..., Ran]


def test_each_privileged_instruction(run: Run) -> None:
    ran = run("native", rom=None)
    assert (ran.outcome.ending, ran.outcome.code) == (Ending.EXIT, 9), ran.outcome.message
    (cr0, cr3, cr4, cr2, on, off, swapped, low, high, _, cleared, lmsw, ticks, dr3, flags, cs) = ran.words("seen", 16)
    assert cr0 == 0x8005_0033 and cr3 == ran.machine.vcpu.cpu.page_root and cr4 == 0x106A0 and cr2 == 0x77
    assert on & 0x200 and not off & 0x200
    assert swapped == 0x1_0000_9ABC and (low, high) == (0x9ABC, 1)
    assert cleared == 0x8005_0033 and lmsw == 0x8005_003B
    assert 0 < ticks < 20, "one instruction is one nanosecond"
    assert dr3 == 0x1122 and flags & 0x200 and cs == 0x09
    assert ran.machine.vcpu.gdt == ran.machine.vcpu.idt and ran.machine.vcpu.gdt.limit == 0x2F
    assert ran.machine.vcpu.task == 0x4000_0000
    assert ran.outcome.exits == {
        "native cli": 1, "native clts": 2, "native invlpg": 1, "native iretq": 1, "native lgdt": 1, "native lidt": 1,
        "native lldt": 1, "native lmsw": 1, "native ltr": 1, "native mov cr0": 5, "native mov cr2": 2,
        "native mov cr3": 2, "native mov cr4": 2, "native mov dr3": 2, "native rdmsr": 1, "native rdtsc": 1,
        "native rdtscp": 1, "native sti": 1, "native swapgs": 2, "native wbinvd": 1, "native wrmsr": 1, "port out": 1,
    }  # fmt: skip


def test_what_a_processor_refuses_is_refused(run: Run) -> None:
    ran = run("native_faults", rom=None)
    assert ran.outcome.ending is Ending.EXIT, ran.outcome.message
    assert ran.words("seen", 1) == (6,)
    assert ran.outcome.exits["trap 13"] == 6


def test_user_mode_and_back(run: Run) -> None:
    ran = run("native_user", rom=None)
    assert (ran.outcome.ending, ran.outcome.code) == (Ending.EXIT, 4), ran.outcome.message
    rcx, r11, flags, cs, rsp, saved_cs = ran.words("seen", 6)
    assert (rcx, r11, cs) == (ran.symbols["user_native"] + 2, 0x202, 0x09)
    assert not flags & 0x200, "cleared by the flag mask"
    assert rsp == ran.symbols["stack_top"] - 40, "the stack of the task state"
    assert saved_cs == 0x2B


def test_no_interrupt_between_sti_and_hlt(run: Run) -> None:
    ran = run("sti_hlt", rom=None)
    assert ran.outcome.ending is Ending.EXIT, ran.outcome.message
    assert ran.words("seen", 2) == (3, ran.symbols["after_hlt"])
    assert ran.outcome.exits["event"] == 3


def test_interrupt_to_oneself(run: Run) -> None:
    ran = run("apic", rom=None)
    assert ran.outcome.ending is Ending.EXIT, ran.outcome.message
    count, _, requested = ran.words("seen", 3)
    assert count == 1 and requested == 1 << (0x31 - 32)
    assert ran.outcome.exits["mmio"] == 4, "each access reaches the device once"


def test_ports(run: Run) -> None:
    ran = run("ports", rom=None)
    assert ran.outcome.ending is Ending.REBOOT and ran.console == b"!"
    nothing, line, year, features = ran.words("seen", 4)
    assert nothing == 2**64 - 1 and line == 0x60 and year == 0x20 and features >> 31 & 1


def test_triple_fault(run: Run) -> None:
    ran = run("triple", rom=None)
    assert ran.outcome.ending is Ending.CRASH
    assert ran.outcome.message.startswith("triple fault: invalid opcode (vector 6)")


def test_lost_page_tables(run: Run) -> None:
    ran = run("null_root", rom=None)
    assert ran.outcome.ending is Ending.CRASH
    assert ran.machine.vcpu.cpu.page_root == Gpa(0xFF00_0000)
