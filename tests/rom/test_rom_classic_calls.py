# SPDX-License-Identifier: MIT
"""Each call of the ROM classic/classic-full, executed at two places: registers, memory and ports after it."""

from __future__ import annotations

from collections.abc import Callable

import capstone
import capstone.x86
import pytest
from classic_cpu import BASES, KEPT, PAGE_OFFSET, REGISTERS, TABLES, Cpu
from unicorn import x86_const as x

from openvmi.abi.classic import Call
from openvmi.classic.image import ClassicRom

NONE = {Call.Shutdown, Call.MachineToPhysical, Call.PhysicalToMachine, Call.SetCallbacks}
JUMP = {Call.IRET, Call.SYSEXIT}
NOTHING = (
    Call.UpdatePxE, Call.UpdatePxELong, Call.AllocatePage, Call.ReleasePage, Call.SetLinearMapping, Call.SetLazyMode,
)
IF = 0x200


@pytest.fixture(params=BASES, ids=hex)
def cpu(classic: Callable[[str], ClassicRom], request: pytest.FixtureRequest) -> Cpu:
    return Cpu(classic("classic-full"), request.param)


def changed(cpu: Cpu, after: dict[str, int]) -> dict[str, int]:
    return {name: after[name] for name in REGISTERS if after[name] != cpu.before[name]}


def test_the_image_is_small(classic: Callable[[str], ClassicRom]) -> None:
    assert len(classic("classic-full").data) <= 8192


def test_every_number_has_an_answer(cpu: Cpu) -> None:
    for number in [*range(81), 0xFFFFFFFF]:
        kind, address = cpu.reloc(number)
        expected = 0 if number in NONE or number > 73 else 2 if number in JUMP else 1
        assert (kind, number) == (expected, number)
        assert address == 0 if kind == 0 else cpu.base + 0x1C0 <= address < cpu.base + 8192
        assert changed(cpu, {name: cpu.get(name) for name in REGISTERS}).keys() <= {"eax", "ecx", "edx"}


def test_minimal_answers_what_no_client_can_miss(classic: Callable[[str], ClassicRom]) -> None:
    cpu = Cpu(classic("classic-minimal"), BASES[1])
    kinds = {number: cpu.reloc(number)[0] for number in range(74)}
    assert {number: kind for number, kind in kinds.items() if kind} == {30: 1, 31: 1, 33: 2, 34: 2}
    assert cpu.init() == 0
    assert cpu.stores == [] and cpu.clocks.written == []


@pytest.mark.parametrize(("call", "flags", "eax", "expected", "result"), [
    (Call.EnableInterrupts, 0x002, 5, 0x202, 5),
    (Call.EnableInterrupts, 0x202, 5, 0x202, 5),
    (Call.DisableInterrupts, 0x202, 5, 0x002, 5),
    (Call.GetInterruptMask, 0x202, 5, 0x202, 0x202),
    (Call.GetInterruptMask, 0x002, 5, 0x002, 0x002),
    (Call.SetInterruptMask, 0x002, 0x200, 0x202, 0x200),
    (Call.SetInterruptMask, 0x202, 0xFFFFFDFF, 0x002, 0xFFFFFDFF),
    (Call.SetInterruptMask, 0x002, 0xFFFFFFFF, 0x202, 0xFFFFFFFF),
])
def test_interrupt_flag(cpu: Cpu, call: Call, flags: int, eax: int, expected: int, result: int) -> None:
    after = cpu.call(call, flags=flags, eax=eax)
    assert after["eflags"] & IF == expected & IF
    assert after["eflags"] & ~0x8D5 == expected & ~0x8D5, "of the others only the arithmetic ones may change"
    assert after["eax"] == result
    assert changed(cpu, after).keys() <= {"eax"}
    assert cpu.stores == []
    native = 1 if call in (Call.EnableInterrupts, Call.DisableInterrupts) else 2
    assert 1 + cpu.count - native <= 3, "instructions over the native form, the CALL included"


@pytest.mark.parametrize(("call", "code"), [
    (Call.EnableInterrupts, "fbc3"), (Call.DisableInterrupts, "fac3"), (Call.GetInterruptMask, "9c58c3"),
    (Call.SYSEXIT, "fb0f35"), (Call.Halt, "fbf4c3"),
])
def test_code_that_memory_but_the_stack_does_not_matter_to(cpu: Cpu, call: Call, code: str) -> None:
    """DS and ES may be user mode's."""
    assert bytes(cpu.uc.mem_read(cpu.reloc(call)[1], len(code) // 2)).hex() == code


def test_iret_reaches_memory_by_the_stack_only(cpu: Cpu) -> None:
    """DS and ES may be user mode's, and what is below the frame must survive: no register is left changed."""
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
    decoder.detail = True
    start = cpu.reloc(Call.IRET)[1]
    returns, saved = 0, 0
    for instruction in decoder.disasm(bytes(cpu.uc.mem_read(start, 256)), start):
        for operand in instruction.operands:
            if operand.type == capstone.x86.X86_OP_MEM:
                assert instruction.reg_name(operand.mem.base) == "esp" and not operand.mem.index
        saved += {"push": 1, "pop": -1}.get(instruction.mnemonic, 0)
        returns += instruction.mnemonic == "iretd"
        if returns == 2:
            break
    assert returns == 2 and saved == 0, "of frames as they are, and of the corrected ones"


@pytest.mark.parametrize(("setter", "getter", "register", "value"), [
    (Call.SetCR0, Call.GetCR0, "CR0", 0x33),
    (Call.SetCR2, Call.GetCR2, "CR2", 0xDEADB000),
    (Call.SetCR3, Call.GetCR3, "CR3", 0x00ABC000),
    (Call.SetCR4, Call.GetCR4, "CR4", 0x80),
])
def test_control_registers(cpu: Cpu, setter: Call, getter: Call, register: str, value: int) -> None:
    assert changed(cpu, cpu.call(setter, eax=value)) == {}
    assert cpu.uc.reg_read(getattr(x, f"UC_X86_REG_{register}")) & 0xFFFFFFFF == value
    after = cpu.call(getter)
    assert changed(cpu, after) == {"eax": value}


@pytest.mark.parametrize("number", [0, 1, 2, 3, 6, 7])
def test_debug_registers(cpu: Cpu, number: int) -> None:
    value = 0xFFFF0FF0 if number == 6 else 0x00000400 if number == 7 else 0xC0001000 + number
    after = cpu.call(Call.SetDR, eax=number, edx=value)
    assert changed(cpu, after).keys() <= {"eax", "ecx", "edx"}
    assert cpu.uc.reg_read(getattr(x, f"UC_X86_REG_DR{number}")) & 0xFFFFFFFF == value
    after = cpu.call(Call.GetDR, eax=number)
    assert after["eax"] == value
    assert changed(cpu, after).keys() <= {"eax", "ecx", "edx"}


def test_cpuid_changes_its_outputs_only(cpu: Cpu) -> None:
    assert changed(cpu, cpu.call(Call.CPUID, eax=0, ecx=0)) == {"eax": 0x11, "ebx": 0x22, "ecx": 0x33, "edx": 0x44}


def test_task_switched_flag_is_cleared(cpu: Cpu) -> None:
    cpu.uc.reg_write(x.UC_X86_REG_CR0, 0x3B)
    assert changed(cpu, cpu.call(Call.CLTS)) == {}
    assert cpu.uc.reg_read(x.UC_X86_REG_CR0) == 0x33


@pytest.mark.parametrize(("setter", "getter", "register"), [
    (Call.SetGDT, Call.GetGDT, x.UC_X86_REG_GDTR), (Call.SetIDT, Call.GetIDT, x.UC_X86_REG_IDTR),
])
def test_descriptor_table_registers(cpu: Cpu, setter: Call, getter: Call, register: int) -> None:
    cpu.uc.mem_write(TABLES, bytes.fromhex("ff00 00800cc0"))
    assert changed(cpu, cpu.call(setter, eax=TABLES)) == {}
    assert cpu.uc.reg_read(register)[1:3] == (0xC00C8000, 0xFF)
    assert changed(cpu, cpu.call(getter, eax=TABLES + 8)) == {}
    assert cpu.read(TABLES + 8, 6) == cpu.read(TABLES, 6)
    assert sorted(at for at, _, _ in cpu.stores) == [TABLES + 8, TABLES + 10]


@pytest.mark.parametrize("call", [Call.WriteGDTEntry, Call.WriteLDTEntry, Call.WriteIDTEntry])
def test_descriptors_are_written(cpu: Cpu, call: Call) -> None:
    after = cpu.call(call, 0x00CF9A00, eax=TABLES, edx=12, ecx=0x0000FFFF)
    assert cpu.stores == [(TABLES + 96, 4, 0x0000FFFF), (TABLES + 100, 4, 0x00CF9A00)]
    assert changed(cpu, after).keys() <= {"eax", "ecx", "edx"}


@pytest.mark.parametrize("privilege", [0, 3])
def test_kernel_stack_goes_into_the_task(cpu: Cpu, privilege: int) -> None:
    task = TABLES + 0x1234
    cpu.write(TABLES, 0x1111, 0x2222)
    cpu.write(TABLES + 0x80, (task & 0xFFFF) << 16 | 0x2073, task & 0xFF000000 | 0x00008B00 | task >> 16 & 0xFF)
    cpu.uc.reg_write(x.UC_X86_REG_GDTR, (0, TABLES, 0xFF, 0))
    cpu.uc.reg_write(x.UC_X86_REG_TR, (0x80 | privilege, task, 0x2073, 0))
    after = cpu.call(Call.UpdateKernelStack, eax=0x68, edx=0xC1234560)
    assert cpu.stores == [(task + 4, 4, 0xC1234560), (task + 8, 2, 0x68)]
    assert all(after[name] == cpu.before[name] for name in KEPT)


@pytest.mark.parametrize("rights", [0x00, 0x89, 0x0B, 0x83, 0xCF, 0xEB])
def test_kernel_stack_with_what_a_boot_loader_left_in_tr(cpu: Cpu, rights: int) -> None:
    """The kernel's table has something else there by then: no busy 32-bit task of the kernel."""
    cpu.write(TABLES + 0x20, 0x00001234, rights << 8)
    cpu.uc.reg_write(x.UC_X86_REG_GDTR, (0, TABLES, 0xFF, 0))
    cpu.uc.reg_write(x.UC_X86_REG_TR, (0x20, 0x1000, 0x67, 0))
    after = cpu.call(Call.UpdateKernelStack, eax=0x68, edx=0xC1234560)
    assert cpu.stores == []
    assert all(after[name] == cpu.before[name] for name in KEPT)


def test_kernel_stack_without_a_task(cpu: Cpu) -> None:
    after = cpu.call(Call.UpdateKernelStack, eax=0x68, edx=0xC1234560)
    assert cpu.stores == []
    assert all(after[name] == cpu.before[name] for name in KEPT)


def test_selectors_are_read(cpu: Cpu) -> None:
    cpu.uc.reg_write(x.UC_X86_REG_TR, (0x80, TABLES, 0x67, 0))
    cpu.uc.reg_write(x.UC_X86_REG_LDTR, (0x88, TABLES, 0x67, 0))
    assert changed(cpu, cpu.call(Call.GetTR)) == {"eax": 0x80}
    assert changed(cpu, cpu.call(Call.GetLDT)) == {"eax": 0x88}


def test_selectors_are_loaded(cpu: Cpu) -> None:
    cpu.write(TABLES + 0x80, TABLES << 16 & 0xFFFFFFFF | 0x67, TABLES & 0xFF000000 | 0x8900 | TABLES >> 16 & 0xFF)
    cpu.write(TABLES + 0x88, TABLES << 16 & 0xFFFFFFFF | 0x27, TABLES & 0xFF000000 | 0x8200 | TABLES >> 16 & 0xFF)
    cpu.uc.reg_write(x.UC_X86_REG_GDTR, (0, TABLES, 0xFF, 0))
    assert changed(cpu, cpu.call(Call.SetTR, eax=0x80)) == {}
    assert changed(cpu, cpu.call(Call.SetLDT, eax=0x88)) == {}
    assert cpu.call(Call.GetTR)["eax"] == 0x80
    assert cpu.call(Call.GetLDT)["eax"] == 0x88
    assert cpu.read(TABLES + 0x85, 1) == 0x8B, "the task is busy"


def test_an_entry_is_one_store(cpu: Cpu) -> None:
    assert changed(cpu, cpu.call(Call.SetPxE, eax=0x12345067, edx=TABLES, ecx=1)) == {}
    assert cpu.stores == [(TABLES, 4, 0x12345067)]


def test_an_absent_long_entry_gets_its_high_word_first(cpu: Cpu) -> None:
    cpu.write(TABLES, 0x55550002, 0x3)
    after = cpu.call(Call.SetPxELong, 1, eax=0x12345067, edx=0x80000001, ecx=TABLES)
    assert cpu.stores == [(TABLES + 4, 4, 0x80000001), (TABLES, 4, 0x12345067)]
    assert all(after[name] == cpu.before[name] for name in KEPT)


@pytest.mark.parametrize("new", [0x12345067, 0])
def test_a_present_long_entry_is_never_seen_by_halves(cpu: Cpu, new: int) -> None:
    cpu.write(TABLES, 0x55550003, 0x3)
    after = cpu.call(Call.SetPxELong, 1, eax=new, edx=0x80000001, ecx=TABLES)
    assert cpu.read(TABLES, 8) == 0x80000001 << 32 | new
    assert all(after[name] == cpu.before[name] for name in KEPT)
    code = bytes(cpu.uc.mem_read(cpu.reloc(Call.SetPxELong)[1], 32))
    assert b"\xf0\x0f\xc7\x0e" in code, "lock cmpxchg8b (%esi)"


@pytest.mark.parametrize("call", NOTHING)
def test_what_needs_nothing_does_nothing(cpu: Cpu, call: Call) -> None:
    after = cpu.call(call, 7, 9)
    assert changed(cpu, after) == {}
    assert after["eflags"] == 0x202
    assert cpu.stores == [] and cpu.count == 1


@pytest.mark.parametrize(("flags", "cr4"), [(1, 0), (3, 0), (1, 0x80), (3, 0x80)])
def test_flush(cpu: Cpu, flags: int, cr4: int) -> None:
    cpu.uc.reg_write(x.UC_X86_REG_CR4, cr4)
    cpu.uc.reg_write(x.UC_X86_REG_CR3, 0x5000)
    assert changed(cpu, cpu.call(Call.FlushTLB, eax=flags)).keys() <= {"eax"}
    assert cpu.uc.reg_read(x.UC_X86_REG_CR4) == cr4
    assert cpu.uc.reg_read(x.UC_X86_REG_CR3) == 0x5000
    assert changed(cpu, cpu.call(Call.InvalPage, eax=TABLES)) == {}


@pytest.mark.parametrize(("flags", "mask", "expected"), [
    (0x202, 0x3000, 0x3202), (0x3202, 0, 0x202), (0x1002, 0xFFFFEFFF, 0x2002), (0x2002, 0x1000, 0x1002),
])
def test_io_privilege(cpu: Cpu, flags: int, mask: int, expected: int) -> None:
    after = cpu.call(Call.SetIOPLMask, eax=mask, flags=flags)
    assert after["eflags"] & ~0x8D5 == expected & ~0x8D5
    assert changed(cpu, after).keys() <= {"eax"}


@pytest.mark.parametrize(("call", "port_value", "result"), [
    (Call.INB, 0x5A, 0x77777700 | 0x5A), (Call.INW, 0x5AA5, 0x77770000 | 0x5AA5), (Call.INL, 0x5AA51234, 0x5AA51234),
])
def test_ports_are_read(cpu: Cpu, call: Call, port_value: int, result: int) -> None:
    cpu.clocks.inputs[0x1F0] = lambda: port_value
    assert changed(cpu, cpu.call(call, edx=0x1F0, eax=0x77777777)) == {"eax": result}


@pytest.mark.parametrize(("call", "value"), [(Call.OUTB, 0x44), (Call.OUTW, 0x3344), (Call.OUTL, 0x11223344)])
def test_ports_are_written(cpu: Cpu, call: Call, value: int) -> None:
    assert changed(cpu, cpu.call(call, edx=0x1F0, eax=0x11223344)) == {}
    assert cpu.clocks.written == [(0x1F0, value)]


@pytest.mark.parametrize(("call", "size"), [(Call.INSB, 1), (Call.INSW, 2), (Call.INSL, 4)])
def test_strings_are_read(cpu: Cpu, call: Call, size: int) -> None:
    values = iter((0x11121314, 0x21222324, 0x31323334))
    cpu.clocks.inputs[0x1F0] = lambda: next(values) & (1 << 8 * size) - 1
    after = cpu.call(call, edx=0x1F0, ecx=3, edi=TABLES)
    assert changed(cpu, after) == {"ecx": 0, "edi": TABLES + 3 * size}
    assert cpu.read(TABLES + 2 * size, size) == 0x31323334 & (1 << 8 * size) - 1


@pytest.mark.parametrize(("call", "size"), [(Call.OUTSB, 1), (Call.OUTSW, 2), (Call.OUTSL, 4)])
def test_strings_are_written(cpu: Cpu, call: Call, size: int) -> None:
    cpu.uc.mem_write(TABLES, bytes(range(12)))
    after = cpu.call(call, edx=0x1F0, ecx=3, esi=TABLES)
    assert changed(cpu, after) == {"ecx": 0, "esi": TABLES + 3 * size}
    expected = [int.from_bytes(bytes(range(at * size, (at + 1) * size)), "little") for at in range(3)]
    assert cpu.clocks.written == [(0x1F0, value) for value in expected]


def test_pause_is_one_write(cpu: Cpu) -> None:
    assert changed(cpu, cpu.call(Call.IODelay)) == {}
    assert [port for port, _ in cpu.clocks.written] == [0x80]


@pytest.mark.parametrize(("kind", "flag"), [(0, 0x1234), (1, 0)])
def test_reboot_asks_the_keyboard_controller(cpu: Cpu, kind: int, flag: int) -> None:
    """The BIOS finds the kind of start in its data area; a controller that is busy is waited for."""
    busy = iter([2, 2])
    cpu.clocks.inputs[0x64] = lambda: next(busy, 0)
    address = cpu.reloc(Call.Reboot)[1]
    cpu.put(eax=kind, esp=TABLES)
    cpu.uc.emu_start(address, 0, count=200)
    assert cpu.clocks.outs(0x64) == [(0x64, 0xFE)]
    assert next(busy, None) is None
    assert cpu.read(PAGE_OFFSET + 0x472, 2) == flag
