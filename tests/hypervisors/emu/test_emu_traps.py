# SPDX-License-Identifier: MIT
"""How a linked guest's handlers are entered: the frame, the stack, GS, the interrupt flag."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from openvmi.abi.names import Error
from openvmi.hypervisors.base import Ending
from openvmi.hypervisors.emu.cpu import RBX, RSP
from tests.hypervisors.emu.cases import Ran

Run = Callable[..., Ran]

# What the handler `keep` stores, in words of `frame`.
STACK, RAX, RSP_SEEN, GS, FLAGS, USER_GS, RCX, R11, RFLAGS, FAULT = 0, 7, 8, 9, 10, 11, 12, 13, 14, 15


def test_exit(run: Run) -> None:
    ran = run("exit")
    assert (ran.outcome.ending, ran.outcome.code, ran.outcome.exits) == (Ending.EXIT, 5, {"shutdown": 1})
    assert ran.outcome.instructions == 4


def test_linking_calls_succeed(run: Run) -> None:
    assert run("links").words("seen", 5) == (0, 0, 0, 0, 0)


def test_trap_in_the_kernel(run: Run) -> None:
    ran = run("kernel_trap")
    assert ran.outcome.code == 7
    frame = ran.words("frame", 16)
    top = ran.symbols["stack_top"]
    rip, cs, rflags, rsp, ss = frame[:5]
    assert (rip, cs, rsp, ss) == (ran.symbols["after_int3"], 0x09, top - 8, 0x11)
    assert rflags & 0x200, "the virtual interrupt flag was on"
    assert frame[RSP_SEEN] == top - 16 - 40, "the same stack, aligned to 16 before the frame"
    assert frame[RAX] == 0xABCD and frame[GS] == ran.symbols["block"]
    assert frame[FLAGS] & 0x200 == 0, "entered with interrupts off"
    assert ran.outcome.exits["trap 3"] == 1


def test_page_fault(run: Run) -> None:
    ran = run("page_fault")
    error, rip, cs, rflags, *_ = ran.words("frame", 7)
    assert (error, rip, cs, rflags & 0x200) == (2, ran.symbols["faults"], 0x09, 0)
    assert ran.words("frame", 1, FAULT) == (0x12_3456_7000,)
    assert ran.outcome.exits["page fault"] == 1


def test_vector_without_handler_is_a_crash(run: Run) -> None:
    ran = run("no_handler")
    assert ran.outcome.ending is Ending.CRASH
    assert "division error (vector 0)" in ran.outcome.message and "no handler" in ran.outcome.message
    assert ran.outcome.crash is not None and ran.outcome.crash.registers is not None


def test_frame_that_cannot_be_pushed_is_a_crash(run: Run) -> None:
    ran = run("bad_stack")
    assert ran.outcome.ending is Ending.CRASH and "cannot be pushed" in ran.outcome.message
    assert "0x1234567000" in ran.outcome.message


@pytest.mark.parametrize(
    ("case", "error", "rax"),
    [
        pytest.param("user_out", 0, 0x1234, id="OUT, even to the hypercall port"),
        pytest.param("user_in", 0, 0x1122_3344_5566_7788, id="IN leaves RAX alone"),
        pytest.param("user_int", 0x50 * 8 + 2, None, id="INT without GATE_USER"),
    ],
)
def test_user_mode_is_refused(run: Run, case: str, error: int, rax: int | None) -> None:
    ran = run(case)
    frame = ran.words("frame", 16)
    assert frame[0] == error and frame[2] == 0x2B and frame[5] == 0x23
    at = ran.symbols[case] + {"user_out": 5, "user_in": 14, "user_int": 0}[case]
    assert frame[1] == at, "RIP is at the instruction"
    assert rax is None or frame[RAX] == rax
    assert ran.outcome.exits["trap 80" if case == "user_int" else "trap 13"] == 1


def test_user_trap(run: Run) -> None:
    ran = run("user_int3")
    frame = ran.words("frame", 16)
    assert frame[:5] == (ran.symbols["user_int3"] + 1, 0x2B, 0x202, ran.symbols["user_stack"], 0x23)
    assert frame[RSP_SEEN] == ran.symbols["stack_top"] - 40, "on the stack of KernelStackSet"
    assert frame[GS] == ran.symbols["block"] and frame[USER_GS] == 0x1234
    assert ran.machine.vcpu.cpu.fs_base == 0x5678


def test_system_call(run: Run) -> None:
    ran = run("user_syscall")
    frame = ran.words("frame", 16)
    after = ran.symbols["user_after"]
    assert frame[:5] == (after, 0x2B, 0x202, ran.symbols["user_stack"], 0x23)
    assert (frame[RCX], frame[R11], frame[RAX]) == (after, 0x202, 0x4321)
    assert ran.outcome.exits["syscall"] == 1


def test_init_refuses_what_does_not_go_together(run: Run) -> None:
    errors = tuple(error & 2**64 - 1 for error in (
        Error.INVALID, Error.INVALID, Error.NOT_SUPPORTED, Error.NOT_SUPPORTED, Error.SUCCESS))  # fmt: skip
    assert run("init_badly").words("seen", 5) == errors


def test_registers_of_a_crash(run: Run) -> None:
    ran = run("bad_stack")
    crash = ran.outcome.crash
    assert crash is not None and crash.registers is not None
    assert crash.registers.general["rsp"] == ran.machine.vcpu.cpu.general[RSP] == 0x12_3456_7000
    assert crash.registers.general["rbx"] == ran.machine.vcpu.cpu.general[RBX]
    assert crash.registers.cs == 0x09 and not crash.registers.user
