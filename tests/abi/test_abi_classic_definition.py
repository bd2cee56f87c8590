# SPDX-License-Identifier: MIT
"""The definition of the classic interface: its numbers, and for each rule a definition that breaks it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve

from openvmi.abi import classic, load
from openvmi.abi.classic_model import ClassicCall, ClassicInterface, Operand
from openvmi.abi.model import Field, Native
from openvmi.errors import AbiError

#: Every call, literally: what kernels of twenty years ago have compiled in (Linux arch/x86/include/asm/vmi.h and
#: vmi_time.h; 49 to 60 and 72 from VMware's vmiCalls.h).
NAMES = """\
CPUID WRMSR RDMSR SetGDT SetLDT SetIDT SetTR GetGDT GetLDT GetIDT GetTR WriteGDTEntry WriteLDTEntry WriteIDTEntry
UpdateKernelStack SetCR0 SetCR2 SetCR3 SetCR4 GetCR0 GetCR2 GetCR3 GetCR4 WBINVD SetDR GetDR RDPMC RDTSC CLTS
EnableInterrupts DisableInterrupts GetInterruptMask SetInterruptMask IRET SYSEXIT Halt Reboot Shutdown SetPxE SetPxELong
UpdatePxE UpdatePxELong MachineToPhysical PhysicalToMachine AllocatePage ReleasePage InvalPage FlushTLB SetLinearMapping
INL INB INW INSL INSB INSW OUTL OUTB OUTW OUTSL OUTSB OUTSW SetIOPLMask SetInitialAPState APICWrite APICRead IODelay
GetCycleFrequency GetCycleCounter SetAlarm CancelAlarm GetWallclockTime WallclockUpdated SetCallbacks SetLazyMode
"""

CALLS = {call.name: call for call in load.classic().calls}


def test_numbers() -> None:
    assert list(load.problems(load.classic())) == []
    assert [call.name for call in load.classic().calls] == [call.name for call in classic.Call] == NAMES.split()
    assert [call.number for call in load.classic().calls] == list(range(74)) == list(classic.Call)
    assert (classic.Call.EnableInterrupts, classic.Call.IRET, classic.Call.SetPxELong, classic.Call.SetIOPLMask,
            classic.Call.GetCycleFrequency, classic.Call.SetLazyMode) == (29, 33, 39, 61, 66, 73)
    assert {r.name: r.value for r in classic.Relocation} == {"NONE": 0, "CALL_REL": 1, "JUMP_REL": 2, "NOP": 3}


@pytest.mark.parametrize(("name", "value"), {
    "MAJOR": 3, "MINOR": 0, "ROM_SIGNATURE": 0xAA55, "SIGNATURE": int.from_bytes(b"cVmi", "little"),
    "PCI_VENDOR": 0x15AD, "PCI_DEVICE": 0x0801, "SCAN_START": 0xC0000, "SCAN_END": 0xE0000, "SCAN_STEP": 2048,
    "PAGE_PT": 1, "PAGE_PD": 2, "PAGE_PDP": 4, "PAGE_PML4": 8, "PAGE_PAE": 0x10, "PAGE_CLONE": 0x20,
    "PAGE_ZEROED": 0x40, "PAGE_CURRENT_AS": 0x10, "PAGE_DEFER": 0x20, "PAGE_VA_MASK": 0xFFFFF000,
    "FLUSH_TLB": 1, "FLUSH_GLOBAL": 2, "LINEAR_MAP_SLOTS": 4,
    "CYCLES_REAL": 0, "CYCLES_AVAILABLE": 1, "CYCLES_STOLEN": 2, "ALARM_COUNTERS": 2,
    "ALARM_COUNTER_MASK": 0xFF, "ALARM_IS_ONESHOT": 0, "ALARM_IS_PERIODIC": 0x100, "ALARM_WIRED_IRQ0": 0,
    "ALARM_WIRED_LVTT": 0x10000, "LAZY_OFF": 0, "LAZY_MMU": 1, "LAZY_CPU": 2,
}.items())
def test_constants(name: str, value: int) -> None:
    assert getattr(classic, name) == value


def test_what_clients_take() -> None:
    """Literally: jumps for the two that do not return, no NOP for a result, nothing but a call in whole groups."""
    assert {c for c, answers in classic.ANSWERS.items() if classic.Relocation.JUMP_REL in answers} == {33, 34}
    assert {c for c, answers in classic.ANSWERS.items() if classic.Relocation.NONE not in answers} == {33, 34}
    assert {int(c) for c in classic.RESULTS} == {0, 2, 7, 8, 9, 10, 19, 20, 21, 22, 25, 26, 27, 31, *range(49, 55), 64,
                                                 66, 67, 69, 70, 71}
    assert not {c for c in classic.RESULTS if classic.Relocation.NOP in classic.ANSWERS[c]}
    assert classic.WHOLE == {"pae": (39, 41), "time": (66, 67, 68, 69, 70)}
    # What Linux 2.6.21 to 2.6.36 asks for (query order of real kernels), whatever their configuration.
    asked = {0, *range(3, 8), *range(9, 26), *range(27, 36), *range(38, 42), *range(44, 49), *range(61, 72), 73}
    assert {c.number for c in CALLS.values() if c.uses} == asked


@pytest.mark.parametrize(("name", "changed"), {
    "CPUID": {"eax", "ebx", "ecx", "edx", "flags"}, "EnableInterrupts": {"flags"}, "DisableInterrupts": {"flags"},
    "GetInterruptMask": {"eax", "flags"}, "SetInterruptMask": {"flags"}, "IRET": set(),
    "GetGDT": {"eax", "ecx", "edx", "flags"}, "Halt": {"eax", "ecx", "edx", "flags"},
}.items())
def test_what_calls_change(name: str, changed: set[str]) -> None:
    assert set(load.classic().changed(CALLS[name])) == changed


@pytest.mark.parametrize(("name", "places"), {
    "SetAlarm": "eax edx ecx stack1 stack2", "AllocatePage": "eax edx ecx stack1 stack2",
    "WriteGDTEntry": "eax edx ecx stack1", "SetPxELong": "eax edx ecx stack1", "SetPxE": "eax edx ecx",
    "SetLinearMapping": "eax edx ecx stack1", "UpdateKernelStack": "eax edx", "WRMSR": "ecx eax edx",
    "SYSEXIT": "edx ecx", "OUTB": "eax edx", "INSL": "edx edi ecx", "APICWrite": "eax edx",
}.items())
def test_where_arguments_are(name: str, places: str) -> None:
    assert [argument.register for argument in CALLS[name].arguments] == places.split()


def test_reactions() -> None:
    assert load.classic().reactions(CALLS["GetInterruptMask"]) == (
        ("none", "fill", "keeps its native operation"), ("none", "patch", "leaves the site as it is"),
        ("call", "fill", "the operation is the ROM's"),
        ("call", "patch", "writes E8 rel32, the rest no-operations"),
    )
    assert load.classic().reactions(CALLS["Reboot"]) == ()


Spoil = Callable[[ClassicInterface], ClassicInterface]


def call(name: str, /, **fields: object) -> Spoil:
    """Changes a call."""
    def change(found: ClassicCall) -> ClassicCall:
        return evolve(found, **fields) if found.name == name else found

    return lambda abi: evolve(abi, groups=tuple(evolve(g, calls=tuple(map(change, g.calls))) for g in abi.groups))


def group(name: str, /, **fields: object) -> Spoil:
    """Changes a group."""
    return lambda abi: evolve(abi, groups=tuple(evolve(g, **fields) if g.name == name else g for g in abi.groups))


def struct(**fields: object) -> Spoil:
    """Changes the second structure, pci."""
    return lambda abi: evolve(abi, structs=(abi.structs[0], evolve(abi.structs[1], **fields), *abi.structs[2:]))


def backwards(abi: ClassicInterface) -> ClassicInterface:
    """Turns the calls of group control around."""
    calls = next(g for g in abi.groups if g.name == "control").calls
    return group("control", calls=calls[::-1])(abi)


def entry(**fields: object) -> Spoil:
    """Changes vmi_init."""
    return lambda abi: evolve(abi, entries=(evolve(abi.entries[0], **fields), abi.entries[1]))


EAX = Operand("a", "eax", "")
BROKEN: dict[str, tuple[Spoil, str]] = {
    "number missing": (group("notice", calls=()), "number 71 is used 0 times"),
    "number twice": (call("Halt", number=36), "number 36 is used 2 times"),
    "number too high": (call("SetLazyMode", number=74), "number 74 is used 1 times; expected each of 0 to 73 once"),
    "name twice": (call("Halt", name="IRET"), "IRET: the name is used 2 times"),
    "order": (backwards, "group control: calls are not in the order of their numbers"),
    "convention": (call("Halt", convention="fast"), "Halt: unknown convention 'fast'"),
    "use": (call("Halt", uses=("fold",)), "Halt: uses ['fold']; expected some of ['fill', "),
    "native text only": (call("Halt", native=Native("hlt", b"")), "Halt: a native form has text and bytes"),
    "native bytes only": (call("Halt", native=Native("", b"\xf4")), "Halt: a native form has text and bytes"),
    "unknown answer": (call("Halt", answers=("none", "call", "maybe")), "Halt: answers ['none', 'call', 'maybe']"),
    "answer twice": (call("Halt", answers=("none", "call", "call")), "each once"),
    "jump for a call that returns": (call("GetInterruptMask", answers=("none", "call", "jump")),
                                     "GetInterruptMask: answers ['none', 'call', 'jump']; clients take none and call"),
    "no call": (call("Halt", answers=("none",)), "Halt: answers ['none']; clients take none and call"),
    "none for IRET": (call("IRET", answers=("none", "call", "jump")), "IRET: answers ['none', 'call', 'jump']; cl"),
    "no jump for SYSEXIT": (call("SYSEXIT", answers=("call",)), "SYSEXIT: answers ['call']; clients have no native"),
    "IRET returns": (call("IRET", convention="flags"), "IRET: convention flags; IRET and SYSEXIT do not return"),
    "Halt does not return": (call("Halt", convention="noreturn"), "Halt: convention noreturn"),
    "nop with a result": (call("GetCR0", answers=("none", "call", "nop")), "GetCR0: nop for a call with a result"),
    "nop in a whole group": (call("SetAlarm", answers=("none", "call", "nop")), "SetAlarm: group time is whole"),
    "time not whole": (group("time", whole=False), "whole groups are those of [[39, 41]]; expected [[39, 41], [66, "),
    "more whole": (group("notice", whole=True), "whole groups are those of [[39, 41], [66, 67, 68, 69, 70], [71, 72]]"),
    "register twice": (call("Halt", arguments=(EAX, EAX)), "Halt: operands in ['eax', 'eax']"),
    "unknown register": (call("Halt", arguments=(Operand("a", "rax", ""),)), "Halt: operands in ['rax']"),
    "result on the stack": (call("GetCR0", results=(Operand("a", "stack1", ""),)), "GetCR0: operands in ['stack1']"),
    "operands of a function": (entry(results=(Operand("a", "memory", ""), EAX, EAX)), "vmi_init: operands in"),
    "place of a function": (entry(offset=0x81), "vmi_init: offset 129, in the header 128"),
    "no such place": (entry(name="vmi_exit"), "vmi_exit: offset 128, in the header None"),
    "gap in a structure": (struct(fields=(Field("sig", 4, "u32", 0, ""),), size=24), "pci.sig: offset 4, expected 0"),
    "end of a structure": (struct(fields=(Field("sig", 0, "u32", 0, ""),)), "pci: size 24, but the fields end at 4"),
    "size of a structure": (struct(size=25), "structures are {'header': 144, 'pci': 25, 'pnp': 18, 'ap_state': 92}"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_inconsistent(name: str) -> None:
    spoil, said = BROKEN[name]
    abi = spoil(load.classic())
    assert any(said in problem for problem in load.problems(abi)), list(load.problems(abi))
    with pytest.raises(AbiError, match=r"^here: "):
        load.check(abi, "here")


@pytest.mark.parametrize(("file", "old", "new", "said"), [
    ("power.toml", None, None, "No such file"),
    ("power.toml", "whole = false", "whole = 0", "group.whole is 0; expected true or false"),
    ("power.toml", "whole = false", "whole = false\nid = 1", "group.id: unknown key; expected name, whole, doc"),
    ("power.toml", "number = 36", "number = 35", "number 35 is used 2 times"),
    ("power.toml", "uses = []", "use = []", "call[0].use: unknown key; expected name, number"),
    ("power.toml", 'register = "eax"', 'register = "eax", type = "u32"',
     "call[0].arguments[0].type: unknown key; expected name, register, doc"),
    ("power.toml", "native = {}", 'native = { jump = "x" }', "call[0].native.jump: unknown key; expected asm, bytes"),
    ("power.toml", "native = {}", 'native = { bytes = "f" }', "call[0].native.bytes: non-hexadecimal number"),
    ("power.toml", 'unverified = "', "unverified = 1 # ", "call[0].unverified is 1; expected a string"),
    ("interface.toml", "calls = 74", "calls = 75", "number 74 is used 0 times; expected each of 0 to 74 once"),
    ("interface.toml", "calls = 74", "", "interface.calls is missing; expected a whole number"),
    ("interface.toml", 'jump = "BUG", ', "", "use[1].answers.jump is missing; expected a string"),
    ("interface.toml", 'jump = "BUG", ', 'leap = "BUG", ', "use[1].answers.leap: unknown key; expected none, call"),
    ("interface.toml", "offset = 0x80", "", "entry[0].offset is missing; expected a whole number"),
    ("layouts.toml", "size = 92", "size = 90", "ap_state: size 90, but the fields end at 92"),
])
def test_bad_files(tmp_path: Path, top: Path, file: str, old: str | None, new: str | None, said: str) -> None:
    folder = Path(shutil.copytree(top / "abi" / load.CLASSIC, tmp_path / load.CLASSIC))
    path = folder / file
    if old is None or new is None:
        path.unlink()
    else:
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(AbiError) as caught:
        load.load(folder)
    assert said in str(caught.value) and str(caught.value).startswith(str(folder))
