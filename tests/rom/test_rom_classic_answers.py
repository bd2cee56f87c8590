# SPDX-License-Identifier: MIT
"""What a classic ROM answers, and ROMs whose get_reloc does something else."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openvmi.abi.classic import Call, Relocation
from openvmi.classic.answers import BASES, BUDGET, ENTRY, TOTAL_BUDGET, Answer, ask
from openvmi.classic.image import ClassicRom
from openvmi.errors import BuildError
from tests.rom.classic_rom import GET_RELOC, INIT, LEAST, LEAVE, Answers, coded, image, put

NONE, CALL, JUMP, NOP = Relocation.NONE, Relocation.CALL_REL, Relocation.JUMP_REL, Relocation.NOP


def _ask(data: bytes) -> tuple[tuple[Answer, ...], list[str]]:
    said = ask(ClassicRom.read(data))
    assert all(finding.offset == ENTRY == 0x88 for finding in said.findings)
    return said.answers, [f"{finding.found}, expected {finding.expected}" for finding in said.findings]


def test_every_number_is_asked() -> None:
    answers, findings = _ask(image({**LEAST, Call.RDTSC: (CALL, INIT), Call.IODelay: (NOP, 0)}))
    assert findings == []
    assert [answer.number for answer in answers] == list(range(74))
    assert {answer.number: answer for answer in answers if answer.type != NONE} == {
        27: Answer(27, CALL, INIT), 33: Answer(33, JUMP, LEAVE), 34: Answer(34, JUMP, LEAVE + 1), 65: Answer(65, NOP)}


#: Code, what is said about it.
HOSTILE = {
    "writes into the image": ("e800000000 58 c60000 c3", "it writes memory at image offset 0x1c8, which is not its"),
    "writes elsewhere": ("c7050006000000000000 c3", "it writes memory at address 0x600"),
    "reads elsewhere": ("a100060000 c3", "it reads memory at address 0x600"),
    "reads beyond its pages": ("e800000000 58 8b8000200000 c3", "it reads memory at"),
    "loops": ("ebfe", f"it does not return within {BUDGET} instructions"),
    "walks through memory": ("e800000000 5e 83c9ff f3ac c3", "it reads memory at address 0xc00c9000"),
    "calls itself": ("e8fbffffff", "it writes memory at address 0xc0341ffc"),
    "jumps to nowhere": ("31c0 ffe0", "it runs (at image offset|memory at address 0x0)"),
    "jumps out": ("e900080000", "it runs at image offset 0x9c8, outside the image"),
    "jumps far out": ("e900001000", "it runs memory at address"),
    "runs off its end": ("90" * (1023 - 0x1C3), "outside the image|no instruction|does not return|reads memory"),
    "breakpoint": ("cc", r"`int3` at image offset 0x1c3 needs more than an image"),
    "system call": ("cd80", r"`int 0x80` at image offset"),
    "hypercall": ("0f01c1 c3", r"`vmcall`"),
    "halts": ("f4", "`hlt`"),
    "talks to a port": ("e670 c3", r"`out 0x70, al`"),
    "listens to a port": ("ec c3", r"`in al, dx`"),
    "reads a string port": ("6c c3", "`insb "),
    "disables interrupts": ("fa c3", "`cli`"),
    "writes a control register": ("0f22d8 c3", "`mov cr3, eax`"),
    "loads a table": ("0f0110 c3", "`lgdt "),
    "loads a segment": ("8ed8 c3", "`mov ds, eax`"),
    "writes a register of the model": ("0f30 c3", "`wrmsr`"),
    "far jump": ("ea000000000800", "`ljmp "),
    "far return": ("cb", "`retf`"),
    "interrupt return": ("cf", "`iretd`"),
    "divides by zero": ("31c9 f7f1 c3", "it raises exception 0"),
    "traps itself": ("6800010000 9d 90 c3", r"`popfd` at image offset 0x1c8 can tell who asks"),
    "asks for SS": ("8cd1 85c9 31d2 c3", r"`mov ecx, ss` at image offset 0x1c3 can tell who asks"),
    "asks for CS": ("0e 59 c3", r"`push cs`"),
    "asks for flags": ("9c 59 c3", r"`pushfd`"),
    "asks for the processor": ("0fa2 c3", r"`cpuid`"),
    "asks for the time": ("0f31 c3", r"`rdtsc`"),
    "asks for a table": ("50 50 0f010c24 58 58 c3", r"`sidt "),
    "asks for the task": ("0f00c9 c3", r"`str "),
    "asks for the machine": ("0f01e1 c3", r"`smsw "),
    "asks for rights": ("0f02c8 c3", r"`lar "),
    "reads by FS": ("648b09 c3", r"`mov ecx, dword ptr fs:\[ecx\]`"),
    "asks by x87": ("d9e8 c3", r"`fld1`"),
    "ends Unicorn": ("f066 0fbae2 07 c3", "not asked: LOCK before a bit test of a register, at image offset 0x1c3"),
    "undefined": ("0f0b", "`ud2`"),
    "no instruction": ("ffff", "no instruction at image offset 0x1c3"),
    "pops too much": ("c20400", "it returns with another stack pointer"),
    "changes EBX": ("31db c3", "it changes EBX, which is its caller's"),
    "changes EBP": ("45 c3", "it changes EBP"),
    "direction": ("fd c3", "it returns with the direction flag set"),
    "at one place only": ("b8c0810cc0 b201 c3", "its target is 0xc00c81c0 for a ROM at 0xc00c8000 and 0xc00c81c0 for"),
    "beyond its end": ("e800000000 58 0500100000 b201 c3", "its target is 0xc00c91c8 for a ROM at"),
    "as it lies": ("e800000000 58 c1e80b 83e001 88c2 c3", "it answers 0 or 1, as it lies"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_get_reloc_that_does_not_answer(what: str) -> None:
    code, says = HOSTILE[what]
    answers, (finding,) = _ask(coded(bytes.fromhex(code)))
    assert answers == ()
    assert finding.startswith("get_reloc for CPUID, WRMSR, RDMSR and 71 more: ")
    assert re.search(says, finding), finding


def test_some_numbers_only() -> None:
    """cmp $40, %eax; je .; xor %eax, %eax; xor %edx, %edx; ret"""
    answers, (finding,) = _ask(coded(bytes.fromhex("83f828 74fe 31c0 31d2 c3")))
    assert len(answers) == 73 and "get_reloc for UpdatePxE: it does not return within" in finding


def test_slow_for_all_numbers() -> None:
    """mov $2000, %ecx; loop .; xor %eax, %eax; xor %edx, %edx; ret"""
    answers, (finding,) = _ask(coded(bytes.fromhex("b9d0070000 e2fe 31c0 31d2 c3")))
    assert len(answers) == -(-TOTAL_BUDGET // 2004)
    assert f"all queries together take more than {TOTAL_BUDGET} instructions" in finding


def test_much_code() -> None:
    """and $15, %eax; imul $7000, %eax, %eax; call .; pop %edx; lea 80(%eax, %edx), %eax; jmp *%eax; inc %eax ..."""
    data = bytearray(coded(bytes.fromhex("83e00f 69c0581b0000 e800000000 5a 8d441050 ffe0"))).ljust(255 * 512, b"\x40")
    data[2], data[-1] = 255, 0
    data[-1] = -sum(data) & 0xFF
    start = time.process_time()
    answers, (finding,) = _ask(bytes(data))
    assert time.process_time() - start < 1 and not answers
    assert f"it does not return within {BUDGET} instructions" in finding


@pytest.mark.parametrize("code", ["f00fa3c0", "f00fabc1", "f0660fb3d8", "f00fbbe0", "f00fbafa07"])
def test_what_ends_unicorn(code: str) -> None:
    """What is refused unasked, because no handler could tell of it. Should this fail, Unicorn has learnt better."""
    program = ("import sys, unicorn; it = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_32); it.mem_map(0, 4096); "
               "it.mem_write(0, bytes.fromhex(sys.argv[1])); it.emu_start(0, 4)")
    assert subprocess.run([sys.executable, "-c", program, code], check=False).returncode == -signal.SIGABRT


def test_a_hypervisor_may_have_its_code_elsewhere() -> None:
    """mov $0xfc001000, %eax; mov $1, %dl; ret"""
    answers, findings = _ask(coded(bytes.fromhex("b8001000fc b201 c3")))
    assert findings == [] and set(answers) == {Answer(call, CALL, 0xFC001000, outside=True) for call in Call}


#: Answers, what is said about them.
BROKEN: dict[str, tuple[Answers, str]] = {
    "no IRET": ({Call.SYSEXIT: (JUMP, LEAVE)}, "answer NONE for IRET, expected CALL_REL or JUMP_REL: clients have no"),
    "no SYSEXIT": ({Call.IRET: (CALL, LEAVE)}, "answer NONE for SYSEXIT"),
    "NOP": ({**LEAST, Call.IRET: (NOP, 0)}, "answer NOP for IRET"),
    "jump": ({**LEAST, Call.GetInterruptMask: (JUMP, LEAVE)},
             "answer JUMP_REL for GetInterruptMask, expected NONE or CALL_REL: only IRET and SYSEXIT do not return"),
    "result": ({**LEAST, Call.GetInterruptMask: (NOP, 0)},
               "answer NOP for GetInterruptMask, expected NONE or CALL_REL: it has a result"),
    "time": ({**LEAST, Call.GetCycleFrequency: (CALL, INIT)},
             "answer GetCycleFrequency without GetCycleCounter, SetAlarm, CancelAlarm, GetWallclockTime, expected"),
    "pae": ({**LEAST, Call.SetPxELong: (CALL, INIT), Call.UpdatePxELong: (NOP, 0)},
            "answer SetPxELong without UpdatePxELong"),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_answers_that_clients_do_not_take(rule: str) -> None:
    answers, says = BROKEN[rule]
    found = _ask(image(answers))[1]
    assert any(text.startswith(says) for text in found), found


def test_unknown_types() -> None:
    """xor %eax, %eax; mov $7, %dl; ret"""
    found = _ask(coded(bytes.fromhex("31c0 b207 c3")))[1]
    assert len(found) == 74 and found[0].startswith("answer type 7 for CPUID, expected NONE or CALL_REL")


def test_table_out_of_range() -> None:
    """The entry of call 1 points behind the image; at other entries it may point at anything inside."""
    found = _ask(put(image(), 0x94, bytes.fromhex("ffff0100")))[1]
    assert [text.partition(" for a ROM")[0] for text in found] == ["get_reloc for WRMSR: its target is 0xc00d7fff"]


def test_a_rom_as_large_as_one_can_be() -> None:
    data = bytearray(image() + bytes(255 * 512 - 1024))
    data[2] = 255
    answers, findings = _ask(bytes(data))
    assert len(answers) == 74 and findings == []


def test_image_limit() -> None:
    with pytest.raises(BuildError, match="the image would have 8704 bytes, expected at most 8192"):
        coded(bytes(8192 - 0x1C0))


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=1, max_size=64))
def test_random_code(code: bytes) -> None:
    """Whatever it does: answers or findings, nothing else."""
    answers, findings = _ask(coded(code))
    assert findings or len(answers) == 74


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(GET_RELOC) - 1), st.binary(min_size=1, max_size=3))
def test_mutated_code(at: int, new: bytes) -> None:
    answers, findings = _ask(put(image(), 0x1C0 + at, new[:len(GET_RELOC) - at]))
    assert findings or {answer.target for answer in answers if answer.type == JUMP and not answer.outside} <= set(
        range(1024)), BASES
