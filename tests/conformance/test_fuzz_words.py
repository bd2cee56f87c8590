# SPDX-License-Identifier: MIT
"""A divergence in words. Logs by hand, but for the values, which a guest tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from openvmi.conformance import fuzz, mutants
from openvmi.conformance.fuzz_places import Place
from openvmi.conformance.fuzz_words import differs, permitted
from openvmi.conformance.model.compare import compare, legal
from openvmi.conformance.sequence import Values, read_line, tokens, values

_BOUND = "call event_bind number:0x8 number:0x28\n"


def said(text: str, log: str, told: str = "") -> tuple[list[str], list[str]]:
    """What differs, and what would be permitted; `told` is what a guest says that tells values."""
    given = tuple(read_line(line) for line in text.strip().split("\n"))
    assert legal(given) == given
    found = compare(given, tokens(log.replace(" ", "")))
    assert found
    return list(differs(found, "", values(tokens(told.replace(" ", ""))))), list(permitted(found))


def test_a_register_by_name_with_both_values() -> None:
    differ, permit = said("call irq_disable", "R0,802; D0W0", "R0,802 Q1,21,22 Qb,2b,0; D0")
    assert differ == ["IrqDisable: register rbx is 0x22; permitted: 0x21, as it was",
                      "IrqDisable: register r12 is 0x0; permitted: 0x2b, as it was"]
    assert permit == ["the call's return: result anything, changed registers none"]
    assert said("call irq_disable", "R0,802; D0W0")[0][0] == (
        "IrqDisable: register rbx is no longer what it was; permitted: as it was")


def test_a_register_that_must_change_and_does_not() -> None:
    differ, _ = said("call address_space_set root:1\nuser divide", "R0,0; F0,0,0,0,2,0; D0W0")
    assert differ == ["user: register rdx is what it was; it must change"]


def test_a_result_with_its_error() -> None:
    differ, permit = said("call event_send number:0x3", "R0,0; D0W0")
    assert differ == ["EventSend: result of the call's return is 0x0; permitted: 0xfffffffffffffffe (INVALID)"]
    assert permit[0].startswith("the call's return: result 0xfffffffffffffffe (INVALID), changed registers any of rax")
    assert said("call probe number:0x1", "R0,0; D0W0")[0] == [
        "Probe: result of the call's return is 0x0; permitted: 0x1 to 0xff"]


def test_an_event() -> None:
    text = f"{_BOUND}call irq_enable\ncall event_send number:0x8"
    differ, permit = said(text, "R0,0; R0,0; R0,0; D0W0")
    assert differ == ["EventSend: observed the call's return: result 0x0, changed registers none; permitted: the event"]
    assert permit == ["the event: vector 40, flags 0x1 (interrupts enabled)"]
    assert said(text, "R0,0; R0,0; V29,1R0,0; D0W0")[0] == [
        "EventSend: vector of the event is 41; permitted: 40"]
    assert said(text, "R0,0; R0,0; V28,9R0,0; D0W0")[0] == [
        "EventSend: flags of the event is 0x9 (interrupts enabled, interrupts enabled in the handler); "
        "permitted: 0x1 (interrupts enabled)"]


def test_an_exception() -> None:
    differ, permit = said("load 0 number:0x8000000000", "Fe,0,8000000008,0,0; D0W0")
    assert differ == ["load: address of the exception is 0x8000000008; permitted: 0x8000000000"]
    assert permit == ["the exception: vector 14 (page fault), error code 0x0, address 0x8000000000, "
                      "place at the instruction itself, flags 0x0 (interrupts disabled)"]
    assert said("load 0 number:0x8000000000", "L5; D0W0")[0] == [
        "load: observed what was read: value 0x5; permitted: the exception"]
    assert said("load 0 direct:0x8", "L5; D0W0")[0] == ["load: value of what was read is 0x5; permitted: 0x0"]
    assert said("int 1", "Fd,7,0,0,0; D0W0")[0] == [
        "int: error code of the exception is 0x7; permitted: 0x2 in bits 0x7"]


@pytest.mark.parametrize(("told", "says"), [
    (";M1,5 D1", ["memory at direct:0x8 is 0x5; permitted: 0x2"]),
    (";D1", ["memory at direct:0x8 is 0x0; permitted: 0x2"]),
    (";M1,2 M1800,7 M1a00,8 M1c00,9 D1", [
        "memory at span_direct:0x0 is 0x7; permitted: 0x0", "memory at span_direct:0x1000 is 0x8; permitted: 0x0",
        "memory at span_direct:0x1ff000 is 0x9; permitted: 0x0"]),
    (";" + "".join(f"M{n:x},2" for n in range(1, 14)) + "D1", [
        *(f"memory at direct:{8 * n:#x} is 0x2; permitted: 0x0" for n in range(2, 10)),
        "and 4 words more of the memory differ"]),
    (";M1,2 D1", ["the memory differed; in another boot it did not"]),
    ("", ["the memory differs; another boot did not tell where"]),
])  # fmt: skip
def test_memory_by_its_place(told: str, says: list[str]) -> None:
    assert said("store 0 direct:0x8 number:0x2", "; D1W0", told)[0] == says


def test_what_came_on_the_console() -> None:
    text = "call console_write text:0 number:0x3"
    hashed = compare(tuple([read_line(text)]), tokens("R3,0;D0W3"))
    assert hashed and hashed.expected[0].startswith("D")
    assert said(text, f"R3,0;{hashed.expected[0]}W2")[0] == ["text bytes of the console is 2; permitted: 3"]


@pytest.mark.parametrize("log", ["", "R0,0", "Q1;", "F;", f"F{'1,' * 30}1;", "R;", "X;", "R0,ffffffff;", "D0", ";"])
def test_there_are_words_for_whatever_is_observed(log: str) -> None:
    differ, permit = said("call irq_disable", log)
    assert all(differ) and differ and permit
    assert not any("condition" in line or "object at" in line for line in [*differ, *permit])


def test_many_alternatives_are_cut() -> None:
    from openvmi.conformance.model.compare import Divergence
    from openvmi.conformance.model.wanted import Want

    found = Divergence(0, None, "", (), tuple(Want("L", (number,)) for number in range(12)), tokens("L99")[0])
    assert list(permitted(found))[-1] == "and 4 more" and len(list(permitted(found))) == 9
    assert next(differs(found, "", Values())).endswith("0x99; permitted: 0x0 or 0x1 or 0x2 or 0x3 or 0x4 or 0x5 or 0x6 "
                                                       "or 0x7 or 0x8 or 0x9 or 0xa or 0xb")


def test_how_a_guest_ended() -> None:
    assert list(differs(None, "crash: why", Values())) == ["the guest ended too early: crash: why"]


def test_a_rom_that_writes_something_else(top: Path) -> None:
    """The guest's own values: the place in memory is told."""
    old = "\tmovq VMI_PTE_UPDATE_VALUE(%rdi), %rdx\n"
    mutant = mutants.Mutant("emu", "mmu", "wrong frame", "w", "calls.S", old, f"{old}\torq $0x10, %rdx\n", "mmu/")
    lines = ("call page_table_add page:0x2000 number:0x1", "poke 0 direct:0x2008", "poke 1 entry:0x7003",
             "call pte_set_batch scratch:0x0 number:0x1")
    given = tuple(map(read_line, lines))
    place = Place("emu", str(mutants.made(mutant)))
    found = fuzz.check(place, [given])[0]
    assert found and legal(given) == given
    (line,) = fuzz.explained(found).differs
    assert line == "memory at direct:0x2008 is 0xf000007013; permitted: 0xf000007003"
    assert fuzz.check(Place("emu"), [given]) == [None]
