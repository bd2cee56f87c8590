# SPDX-License-Identifier: MIT
"""The processor's quirks are as expected, and a Unicorn in which they are not is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from openvmi.errors import UnavailableError
from openvmi.hypervisors.emu import selftest
from openvmi.hypervisors.emu.cpu import RBX, RCX, RDI, RSI, Cpu, Stop, StopKind
from openvmi.hypervisors.emu.segments import KERNEL_CS, KERNEL_SS, LIMIT, DescriptorTable
from openvmi.machine.memory import Memory
from openvmi.units import Gpa, Gva

CODE = 0x10000


@pytest.fixture
def machine() -> Iterator[tuple[Cpu, Memory]]:
    """A processor in ring 1 with 4 MiB mapped at 0, code at CODE, and nothing else."""
    cpu = Cpu()
    selftest.check(cpu)
    memory = Memory(4 << 20)
    for place, entry in ((0x1000, 0x2007), (0x2000, 0x3007), (0x3000, 0x83), (0x3008, 0x20_0083),
                         (0x2018, 0x4007), (0x4000 + 8 * 503, 0xFEE0_0083)):  # fmt: skip
        memory.write(Gpa(place), entry.to_bytes(8, "little"))
    cpu.attach(memory)
    table = DescriptorTable(memory.ram.view[0x5000:0x6000])
    table.emulate_loads(False)
    cpu.enter_long_mode(Gva(0x5000), LIMIT, Gpa(0x1000))
    code, stack = table.code(KERNEL_CS), table.stack(KERNEL_SS)
    assert code and stack
    cpu.load_code(KERNEL_CS, code, KERNEL_SS, stack)
    yield cpu, memory
    cpu.close()
    table.close()
    memory.close()


def _program(machine: tuple[Cpu, Memory], code: str) -> Cpu:
    cpu, memory = machine
    memory.write(Gpa(CODE), bytes.fromhex(code))
    cpu.forget_code()
    cpu.rip = CODE
    return cpu


@pytest.mark.parametrize("count", [1, 2, 3, 1000, 12_345])
def test_budget_is_exact(machine: tuple[Cpu, Memory], count: int) -> None:
    cpu = _program(machine, "48 ff c3 eb fb")  # 1: inc rbx; jmp 1b
    cpu.general[RBX] = 0
    for round_ in range(1, 4):
        assert cpu.run(count) == Stop(StopKind.BUDGET, value=count)
        assert cpu.instructions == round_ * count
    assert cpu.general[RBX] == (3 * count + 1) // 2


def test_budget_stops_inside_a_repeated_instruction(machine: tuple[Cpu, Memory]) -> None:
    cpu = _program(machine, "f3 a4 eb fe")  # rep movsb; jmp .
    cpu.general[RCX], cpu.general[RSI], cpu.general[RDI] = 100_000, 0x10_0000, 0x20_0000
    assert cpu.run(5000).kind is StopKind.BUDGET
    assert 94_000 < cpu.general[RCX] < 96_000 and cpu.rip == CODE


def test_faults_do_not_count_and_never_become_double(machine: tuple[Cpu, Memory]) -> None:
    cpu = _program(machine, "90 fa")  # nop; cli
    for _ in range(5):
        cpu.rip = CODE
        assert cpu.run(10) == Stop(StopKind.FAULT, 13)
    assert cpu.instructions == 5


def test_device_access_happens_once_and_can_stop_the_run(machine: tuple[Cpu, Memory]) -> None:
    cpu, _ = machine
    seen: list[tuple[int, ...]] = []

    def write(offset: int, value: int) -> None:
        seen.append((offset, value, cpu.executed))
        cpu.interrupt()

    cpu.attach_device(Gpa(0xFEE0_0000), 0x1000, lambda offset: offset + 1, write)
    # mov ebx, 0xfee00000; mov ecx, [rbx + 0x20]; mov [rbx + 0xb0], ecx; inc rcx; jmp .
    _program(machine, "bb 00 00 e0 fe 8b 4b 20 89 8b b0 00 00 00 48 ff c1 eb fe")
    stop = cpu.run(1000)
    assert seen == [(0xB0, 0x21, 2)]
    assert stop == Stop(StopKind.BUDGET, value=3) and cpu.rip == CODE + 14 and cpu.instructions == 3
    cpu.run(1)
    assert cpu.general[RCX] == 0x22


def test_floating_point_trap(machine: tuple[Cpu, Memory]) -> None:
    cpu = _program(machine, "d9 e8 eb fe")  # fld1; jmp .
    cpu.set_fpu_trap(True)
    assert cpu.run(10) == Stop(StopKind.FAULT, 7)
    cpu.set_fpu_trap(False)
    assert cpu.run(10).kind is StopKind.BUDGET


def test_bases_and_flags_last(machine: tuple[Cpu, Memory]) -> None:
    cpu = _program(machine, "65 48 8b 1c 25 08 00 00 00 9c 59 eb fe")  # mov rbx, gs:8; pushfq; pop rcx; jmp .
    machine[1].write(Gpa(0x7008), b"12345678")
    cpu.gs_base, cpu.fs_base = Gva(0x7000), Gva(0x9000)
    cpu.flags = 0x8D5 | 1 << 12 | 1 << 21
    cpu.interrupt_flag = True
    cpu.general[4] = 0x9_0000
    cpu.run(10)
    assert cpu.general[RBX].to_bytes(8, "little") == b"12345678"
    assert cpu.general[RCX] == 0x8D7 | 0x200 | 1 << 21, "IOPL cannot be set"
    assert (cpu.gs_base, cpu.fs_base, cpu.flags) == (0x7000, 0x9000, cpu.general[RCX])


def test_page_root_switch_forgets_translations(machine: tuple[Cpu, Memory]) -> None:
    cpu = _program(machine, "48 8b 1c 25 00 00 20 00 eb fe")  # mov rbx, [0x200000]; jmp .
    memory = machine[1]
    memory.write(Gpa(0x20_0000), b"before..")
    cpu.run(3)
    memory.write(Gpa(0x3008), (0x83).to_bytes(8, "little"))  # now the same as 0
    memory.write(Gpa(0), b"after...")
    cpu.set_page_root(Gpa(0x1000))
    cpu.rip = CODE
    cpu.run(3)
    assert cpu.general[RBX].to_bytes(8, "little") == b"after..."


def test_another_unicorn_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    strange = (("a thing", "90 fa", Stop(StopKind.FAULT, 12), 1, 1),)
    monkeypatch.setattr(selftest, "_PROGRAMS", strange)
    with pytest.raises(UnavailableError, match="a thing in ring 1 differently"):
        selftest.check(Cpu())
