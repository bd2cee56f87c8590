# SPDX-License-Identifier: MIT
"""The model says what the contract says, and does it: quotes, calls, and logs written by hand."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from openvmi.abi.load import interface
from openvmi.abi.names import Call
from openvmi.conformance.fuzz_report import read
from openvmi.conformance.model.base import Outside
from openvmi.conformance.model.choice import Choices, Rejected, explore
from openvmi.conformance.model.compare import compare, legal, step
from openvmi.conformance.model.machine import Machine, clobbered
from openvmi.conformance.model.state import State
from openvmi.conformance.model.without import WITHOUT
from openvmi.conformance.sequence import OPERATIONS, Kind, Op, Program, Sequence, operation, read_line, tokens

_KEPT = Path(__file__).parent / "sequences"
_EMPTY = "Dcbf29ce484222325"  #: hash of an empty pool: FNV-1a's start

MAP = """
call page_table_add page:0x4000 number:1
call pte_set direct:0x4000 entry:0x6003
call page_table_add page:0x2000 number:2
call pte_set direct:0x2000 entry:0x4003
call page_table_add page:0x0 number:3
call pte_set direct:0x0 entry:0x2003
call pte_set anchor:0 entry:0x3
"""  #: 0x8000000000 -> page 6
MAPPED = "R0,0;" * 7
BOUND = "call event_bind number:8 number:40"


def sequence(text: str) -> Sequence:
    return tuple(read_line(line) for line in text.strip().split("\n"))


def judge(text: str, log: str) -> str:
    """"" for a log that is permitted, else what would have been; the hash at the end is left out."""
    given = sequence(text)
    assert legal(given) == given
    found = compare(given, tokens(log.replace(" ", "") + "D0"))
    return "" if found is None or found.operation is None else f"{found.step}: {' '.join(found.expected)}"


def contracts() -> dict[str, str]:
    calls = {call.snake: call.contract for call in interface().calls}
    return {name: " ".join(text.split()) for name, text in calls.items()}


def test_every_quote_is_the_contracts() -> None:
    known, quoted = contracts(), 0
    for name, contract in known.items():
        method = getattr(Machine, name, None)
        if method is None:
            continue
        paragraphs = re.split(r"\n\s*\n", (inspect.getdoc(method) or "").strip())
        assert paragraphs and all(line.startswith(">") for line in "\n".join(paragraphs).split("\n") if line), name
        for paragraph in paragraphs:
            text = " ".join(line.lstrip("> ") for line in paragraph.split("\n"))
            for sentence in re.split(r"(?<=[.:]) ", text):  # what lies between two that are quoted may be left out
                assert sentence.strip().rstrip(".") in contract, f"{name}: {sentence}"
                quoted += 1
    assert quoted > 60


def test_every_call_is_in_the_model() -> None:
    missing = {call.name for call in interface().calls if not hasattr(Machine, call.snake)}
    assert missing == set(WITHOUT) and all(len(reason) > 20 for reason in WITHOUT.values())


def test_every_call_is_in_a_sequence_that_is_kept() -> None:
    kept = [one for path in sorted(_KEPT.glob("*.json")) for sequence in read(path) for one in sequence]
    called = {Call(one.number) for one in kept if one.op is Op.CALL}
    known = {Call(call.number) for call in interface().calls if call.name not in WITHOUT}
    assert not known - called
    assert {one.number for one in kept if one.op is Op.USER} == set(Program)
    assert {one.op for one in kept} == set(Op)
    assert {value.kind for one in kept for value in one.values} == set(Kind)


def test_every_call_that_the_model_has_can_be_made_by_the_guest(top: Path) -> None:
    text = (top / "kernels" / "conform" / "sequence" / "invoke.S").read_text()
    made = set(re.findall(r"THUNK VMI_CALL_(\w+),", text))
    assert made == {call.snake.upper() for call in interface().calls if call.name not in WITHOUT}


@pytest.mark.parametrize(("call", "registers"), [
    (Call.IRQ_DISABLE, 0), (Call.IRQ_SAVE, 1), (Call.TLB_FLUSH, 1), (Call.PTE_SET, 0), (Call.EVENT_SEND, 0xF3D),
    (Call.CPUID, 0xF3D | 1)])  # fmt: skip
def test_registers_that_a_call_may_change(call: Call, registers: int) -> None:
    """In the order rax rbx rcx rdx rsi rdi rbp r8 to r15: by the conventions of abi/4.0/interface.toml."""
    wanted = 0b000_0111_1011_1101 if registers > 1 else registers  # rax rcx rdx rsi rdi r8-r11
    assert clobbered(call) == wanted


# ---- choices ----


def test_every_way_is_taken_once() -> None:
    def go(choices: Choices) -> str:
        first = choices.pick("ab")
        if first == "b" and choices.pick("xy") == "x":
            raise Rejected
        return first + choices.pick("123")

    assert list(explore(go)) == ["a1", "a2", "a3", "b1", "b2", "b3"]


# ---- events ----


@pytest.mark.parametrize(("log", "good"), [
    ("R0,0; R0,0; V28,1 R0,0;", True),
    ("R0,0; R0,0; R0,0 V28,1;", False),  # "delivered before it returns"
    ("R0,0; R0,0; R0,0;", False),  # not at all
    ("R0,0; R0,0; V28,0 R0,0;", False),  # the saved flag is wrong
    ("R0,0; R0,0; V28,5 R0,0;", False),  # on another stack
    ("R0,0; R0,0; V29,1 R0,0;", False),  # at another vector
    ("R0,0; R0,0; V28,1 V28,1 R0,0;", False),  # twice
    ("R0,2; R0,0; V28,1 R0,0;", False),  # RBX was lost
    ("R0,0; R7,1; V28,1 R0,0;", False),  # IrqEnable preserves RAX
    ("Rfffffffffffffffe,0; R0,0; V28,1 R0,0;", False),  # EventBind failed
])  # fmt: skip
def test_an_event_comes_before_event_send_returns(log: str, good: bool) -> None:
    assert (not judge(f"{BOUND}\ncall irq_enable\ncall event_send number:8", log)) == good


def test_interrupts_that_are_disabled_hold_an_event() -> None:
    text = f"{BOUND}\ncall event_send number:8\ncall irq_save\ncall irq_enable"
    assert not judge(text, "R0,0; R0,0; R0,1; V28,1 R0,0;")
    assert not judge(text, "R0,0; R0,0; R0,1; R0,0 V28,1;")  # "the instruction behind it may come first"
    assert judge(text, "R0,0; V28,1 R0,0; R0,1; R0,0;").startswith("1: ")
    assert judge(text, "R0,0; R0,0; R200,1; V28,1 R0,0;").startswith("2: R0")


def test_events_come_in_any_order_each_once() -> None:
    text = f"{BOUND}\ncall event_bind number:9 number:41\ncall event_send number:8\ncall event_send number:9\n"
    text += "call irq_enable"
    for order in ("V28,1 V29,1", "V29,1 V28,1"):
        assert not judge(text, f"R0,0; R0,0; R0,0; R0,0; {order} R0,0;")
    assert judge(text, "R0,0; R0,0; R0,0; R0,0; V29,1 R0,0;")


def test_one_that_is_being_handled_waits_for_event_ack() -> None:
    text = f"handler 8 number:1\n{BOUND}\ncall irq_enable\ncall event_send number:8\ncall event_send number:8\n"
    text += "call event_ack number:8"
    assert not judge(text, "; R0,0; R0,0; V28,1 R0,0; R0,0; V28,1 R0,0;")
    assert judge(text, "; R0,0; R0,0; V28,1 R0,0; V28,1 R0,0; R0,0;").startswith("4: ")


def test_the_timer_is_not_early() -> None:
    text = "call event_bind number:0 number:32\ncall irq_enable\ncall timer_set clock:0x100\ncall halt"
    given = sequence(text)
    assert legal(given) == given[:3]  # it might come before Halt, which then would wait for ever
    text = "call event_bind number:0 number:32\ncall timer_set clock:0x100\ncall halt"
    assert not judge(text, "R0,0; T200 R0,0; V20,1,200 R0,0;")
    assert judge(text, "R0,0; T200 R0,0; V20,1,1ff R0,0;")
    assert judge(text, "R0,0; T200 R0,0; R0,0;")


def test_the_clock_does_not_go_back() -> None:
    assert not judge("call clock_read\ncall clock_read", "R10,1; R10,1;")
    assert judge("call clock_read\ncall clock_read", "R10,1; Rf,1;")


# ---- tables ----


def test_a_page_is_there_when_pte_set_returns() -> None:
    text = f"{MAP}store 0 number:0x8000000008 number:2\nload 0 number:0x8000000008\nload 0 direct:0x6008"
    assert not judge(text, f"{MAPPED}; L2; L2;")
    assert judge(text, f"{MAPPED}; L0; L2;")
    assert judge(text, f"{MAPPED}Fe,2,8000000008,0,0; L2; L2;")


def test_a_translation_may_stay_until_it_is_flushed() -> None:
    text = f"{MAP}call pte_set direct:0x4000 entry:0x7001\nload 0 number:0x8000000000\n"
    text += "store 0 number:0x8000000000 number:2\ncall tlb_flush\nstore 0 number:0x8000000000 number:2"
    fault = "Fe,3,8000000000,0,0;"
    for first in ("L0;;", f"L0;{fault}"):
        assert not judge(text, f"{MAPPED}R0,0;{first}R0,1;{fault}")
    assert judge(text, f"{MAPPED}R0,0;L0;;R0,1;;").startswith("11: ")


def test_what_waits_is_done_by_lazy_leave() -> None:
    text = f"{MAP}call lazy_enter\ncall pte_update_deferred direct:0x4008 entry:0x7003\nload 0 number:0x8000001000\n"
    text += "call lazy_leave\nload 0 number:0x8000001000"
    for first in ("L0;", "Fe,0,8000001000,0,0;"):
        assert not judge(text, f"{MAPPED}R0,0;R0,0;{first}R0,0;L0;")
    assert judge(text, f"{MAPPED}R0,0;R0,0;L0;R0,0;Fe,0,8000001000,0,0;")


def test_rights_of_user_mode() -> None:
    text = MAP.replace("anchor:0", "anchor:1") + "call address_space_set root:1\nuser load number:0 number:0x8000000000"
    for error in ("4", "5"):  # "may say not present"
        assert not judge(text, f"{MAPPED}R0,0;Fe,{error},8000000000,0,2,0;")
    assert judge(text, f"{MAPPED}R0,0;S0,0,2;")  # the kernel's
    assert judge(text, f"{MAPPED}R0,0;Fe,0,8000000000,0,2,0;")  # not of the kernel
    assert judge(text, f"{MAPPED}R0,0;Fe,4,8000000000,0,2,8;")  # a register is lost


def test_the_hash_is_of_place_and_contents() -> None:
    """By hand: (start ^ place) * prime, then (that ^ contents) * prime, modulo 2^64."""
    given = sequence("store 0 direct:0x6008 number:2")
    value = 0xCBF2_9CE4_8422_2325
    for part in (6 * 512 + 1, 2):
        value = (value ^ part) * 0x100_0000_01B3 % (1 << 64)
    assert compare(given, tokens(f";D{value:x}W0")) is None
    for wrong, right in ((f";{_EMPTY}W0", f"D{value:x}"), (f";D{value:x}W1", "W0"), (f";D{value:x}", "W0")):
        found = compare(given, tokens(wrong))
        assert found is not None and found.expected == (right,)


def test_an_event_may_come_at_the_very_end() -> None:
    given = sequence("call event_bind number:0 number:32\ncall irq_enable\ncall timer_set clock:0x100")
    for end in (f"R0,0;V20,1,200{_EMPTY}W0", f"V20,1,200R0,0;{_EMPTY}W0", f"R0,0;{_EMPTY}W0"):
        assert compare(given, tokens(f"R0,0;R0,0;T200{end}")) is None
    for end in (f"R0,0;V20,1,1ff{_EMPTY}W0", f"V20,1,200R0,0;V20,1,200{_EMPTY}W0"):
        assert compare(given, tokens(f"R0,0;R0,0;T200{end}")) is not None


# ---- what is outside ----


@pytest.mark.parametrize("text", [
    "call pte_set direct:0x8 number:0x1",  # no value from PteMake
    "call pte_set anchor:0 entry:0x7003",  # no table
    f"{MAP}call page_table_add page:0x6000 number:1",  # mapped as memory
    f"{MAP}call page_table_remove page:0x4000 number:1",  # referred to
    "call address_space_set number:0x1000", "call halt", "call shutdown number:0", "user spin number:0",
    "call lazy_enter\ncall lazy_enter", "call irq_enable\ncall irq_restore number:0x200",
    "call console_write buffer:0 number:1", "call vcpu_init number:0 buffer:0", "call init number:0x40000",
    f"{MAP}call pte_set direct:0x2000 number:0\nload 0 number:0x8000000000",  # nothing was flushed
    "call lazy_enter\ncall pte_update_deferred direct:0x9008 entry:0xa003\nstore 0 direct:0x9008",
    "poke 0 anchor:0\npoke 1 entry:0x6003\npoke 2 anchor:0\ncall pte_set_batch scratch:0 number:2",  # no table
    "poke 128", "int 4", "handler 8 number:9", "call trap_table_set number:0x5a0000000000 number:1",
])  # fmt: skip
def test_what_the_contract_is_silent_about_is_left_out(text: str) -> None:
    given = sequence(text)
    assert legal(given) == given[:-1]


def test_a_log_that_ends_too_early_is_one() -> None:
    found = compare(sequence("call irq_save\ncall irq_save"), tokens("R0,1;"))
    assert found is not None and found.step == 1


def test_too_many_possibilities_are_outside() -> None:
    states = [State(clock=number) for number in range(OPERATIONS + 1)]
    with pytest.raises(Outside, match="too many"):
        step(states, operation(Op.POKE, 0), None)
