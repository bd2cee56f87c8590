# SPDX-License-Identifier: MIT
"""ROMs that are wrong on purpose: the client refuses each, or fails, with the line that says why."""

from __future__ import annotations

import re
import struct

import pytest

from openvmi.abi.classic import Call, Relocation
from openvmi.classic.image import ClassicRom
from openvmi.guest.linux import LinuxImage
from openvmi.hypervisors.base import Ending
from tests.classic.booted import boot
from tests.classic.wrong import RET, Change, answer, bad_sum, before, clobber, code, header, init, licence, wrong

TIMEOUT = 30.0
UNKNOWN = 9  #: no type of relocation
#: WriteGDTEntry, but with `ret $4`.
POPPING = b"\x89\x0c\xd0\x8b\x4c\x24\x04\x89\x4c\xd0\x04\xc2\x04\0"

#: What a client refuses: it says the line, or nothing, and goes on natively.
REFUSED: dict[str, tuple[tuple[Change, ...], str]] = {
    "licence": ((licence(b"BSD"),), "VMI: Non GPL license BSD, the ROM OpenVMI classic-full is not used"),
    "licence's beginning": ((licence(b"GP"),), "VMI: Non GPL license GP, the ROM OpenVMI classic-full is not used"),
    "no licence": ((header("license_offs", 0),), "VMI: Non GPL license , the ROM OpenVMI classic-full is not used"),
    "major 2": ((header("api_version_maj", 2),), "VMI: Found mismatched rom version 2.0"),
    "major 4": ((header("api_version_maj", 4),), "VMI: Found mismatched rom version 4.0"),
    "no PCI structure": ((header("pci_header_offs", 0),), "VMI: ROM does not contain PCI header"),
    "Init fails": ((init(b"\x83\xc8\xff\xc3"),), "VMI: ROM failed to initialize"),
    "signature": ((lambda data: data.__setitem__(8, ord("C")),), "client: no ROM"),
}

#: What it links and cannot live with: changes, options, the line.
BROKEN: dict[str, tuple[tuple[Change, ...], str, str]] = {
    "31 is a jump": ((answer(Call.GetInterruptMask, Relocation.JUMP_REL),), "",
                     "FAIL link/GetInterruptMask: JUMP_REL goes into a call site and never comes back"),
    "29 is of no type": ((answer(Call.EnableInterrupts, UNKNOWN),), "",  # type: ignore[arg-type]
                         "FAIL link/EnableInterrupts: unknown relocation 9"),
    "33 is none": ((answer(Call.IRET, Relocation.NONE),), "",
                   "FAIL link/IRET: the site was not patched and its operation is poison"),
    "34 is none": ((answer(Call.SYSEXIT, Relocation.NONE),), "only=sysexit",
                   "FAIL link/SYSEXIT: the site was not patched and its operation is poison"),
    "44 is a jump": ((answer(Call.AllocatePage, Relocation.JUMP_REL),), "",
                     "FAIL link/AllocatePage: answer 2 where the client takes none of that kind"),
    "41 is none, 39 is not": ((answer(Call.UpdatePxELong, Relocation.NONE),), "pae",
                              "FAIL link/UpdatePxELong: no function, and SetPxELong is one"),
    **{f"{call.value} is none, 66 is not": ((answer(call, Relocation.NONE),), "", f"FAIL link/{call.name}: no function")
       for call in (Call.GetCycleCounter, Call.SetAlarm, Call.CancelAlarm, Call.GetWallclockTime)},
    "27 loses EBX": ((before(Call.RDTSC, clobber("EBX")),), "only=cpu", "FAIL convention/RDTSC: ebx deaddead"),
    "3 loses ESI": ((before(Call.SetGDT, clobber("ESI")),), "only=tables", "FAIL convention/SetGDT: "),
    "11 pops its argument": ((code(Call.WriteGDTEntry, POPPING),), "only=tables", "FAIL convention/WriteGDTEntry: "),
    "32 takes all bits": ((code(Call.SetInterruptMask, b"\x50\x9d\xc3"),), "only=irq",
                          "FAIL irq/sites/SetInterruptMask "),
    "29 reads data": ((code(Call.EnableInterrupts, b"\x85\x05\0\x06\0\xc0\xfb\xc3"),), "only=irq",
                      "FAIL irq/they need no data segment"),
    "39 writes one word": ((code(Call.SetPxELong, b"\x89\x01\xc3"),), "pae only=mmu",
                           "FAIL mmu/both words of an entry are stored"),
    "33 is the instruction": ((code(Call.IRET, b"\xcf", Relocation.JUMP_REL),), "only=iret",
                              "client dies: vector 13 at 0xc00c"),
    "63 is the store": ((code(Call.APICWrite, b"\x89\x90\x00\xb0\xff\xff\xc3"),), "only=alarms",
                        "FAIL alarms/ticks go on when LVTT is programmed after the alarm"),
    "64 wants addresses": ((code(Call.APICRead, b"\x8b\0\xc3"),), "only=apic", "unexpected trap 14 on processor 0"),
    "66 is 1 % off": ((code(Call.GetCycleFrequency, b"\xb8" + struct.pack("<I", 1_010_000_000) + b"\x31\xd2\xc3"),),
                      "only=time", "FAIL time/REAL runs at that rate, to 0.5 %"),
    "69 always says 1": ((code(Call.CancelAlarm, b"\xb8\1\0\0\0\xc3"),), "only=alarms noapic",
                         "FAIL alarms/IRQ0/cancelled alarms do not come, and CancelAlarm says so"),
    "67 has one counter": ((code(Call.GetCycleCounter, b"\x0f\x31\xc3"),), "only=time",
                           "FAIL time/an unknown counter gives 0"),
}

#: Calls whose effect a subject sees; each is a plain return here.
EFFECTS = {
    "irq": [Call.EnableInterrupts, Call.DisableInterrupts, Call.GetInterruptMask, Call.SetInterruptMask],
    "cpu": [Call.CPUID, Call.WRMSR, Call.RDMSR, Call.SetCR0, Call.SetCR2, Call.SetCR4, Call.GetCR0, Call.GetCR2,
            Call.GetCR3, Call.GetCR4, Call.SetDR, Call.GetDR, Call.RDPMC, Call.RDTSC, Call.CLTS, Call.Halt,
            Call.SetIOPLMask],
    "tables": [Call.SetGDT, Call.SetLDT, Call.SetIDT, Call.SetTR, Call.GetGDT, Call.GetLDT, Call.GetIDT, Call.GetTR,
               Call.WriteGDTEntry, Call.WriteLDTEntry, Call.WriteIDTEntry, Call.UpdateKernelStack],
    "mmu": [Call.SetPxE, Call.InvalPage, Call.FlushTLB, Call.SetCR3],
    "ports": [Call.INL, Call.INB, Call.INW, Call.INSL, Call.INSB, Call.INSW, Call.OUTL, Call.OUTB, Call.OUTW,
              Call.OUTSL, Call.OUTSB, Call.OUTSW],
    "apic": [Call.APICWrite, Call.APICRead],
    "time": [Call.GetCycleFrequency, Call.GetCycleCounter],
    "alarms": [Call.SetAlarm, Call.CancelAlarm],
    "wallclock": [Call.GetWallclockTime],
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(client: LinuxImage, full: ClassicRom, what: str) -> None:
    changes, line = REFUSED[what]
    booted = boot(client, wrong(full, *changes), "only=irq")
    assert line in booted.said.splitlines()
    assert booted.placed is not None, "firmware has to place it, or nothing is tested"
    assert "Booting paravirtualized kernel on bare hardware\n" in booted.said and not booted.messages.activated
    assert booted.good and not booted.failures, booted.tail


def test_a_bad_sum_is_not_placed(client: LinuxImage, full: ClassicRom) -> None:
    booted = boot(client, bad_sum(full), "only=irq")
    assert booted.placed is None and booted.messages.found is None
    assert "client: no ROM\n" in booted.said and booted.good


@pytest.mark.parametrize("what", BROKEN)
def test_broken(client: LinuxImage, full: ClassicRom, what: str) -> None:
    changes, options, line = BROKEN[what]
    booted = boot(client, wrong(full, *changes), options, timeout=TIMEOUT)
    assert booted.placed is not None and booted.messages.found
    assert [said for said in booted.said.splitlines() if said.startswith(line)], booted.tail
    assert (booted.outcome.ending, booted.outcome.code) == (Ending.EXIT, 1)


@pytest.mark.parametrize("register", ["EAX", "ECX", "EDX", "EBX", "ESI", "EDI", "EBP"])
@pytest.mark.parametrize("call", [Call.EnableInterrupts, Call.DisableInterrupts, Call.SetInterruptMask])
def test_a_register_lost_at_a_site(client: LinuxImage, full: ClassicRom, call: Call, register: str) -> None:
    """`mov $0xdeaddead, register` in front of it; in front of 32, its argument would be lost with EAX."""
    change = code(call, b"\xfb" + clobber(register) + RET) if register == "EAX" else before(call, clobber(register))
    booted = boot(client, wrong(full, change), "only=irq", timeout=TIMEOUT)
    line = rf"^  {call.value}: {register} was 0x\w+, became 0xdeaddead$"
    assert re.search(line, booted.said, re.MULTILINE), booted.tail
    assert f"\nFAIL irq/sites/{call.name} " in booted.said
    assert not booted.good


@pytest.mark.parametrize(("subject", "call"), [(subject, call) for subject, calls in EFFECTS.items() for call in calls],
                         ids=lambda value: value.name if isinstance(value, Call) else value)
def test_a_call_that_does_nothing(client: LinuxImage, full: ClassicRom, subject: str, call: Call) -> None:
    booted = boot(client, wrong(full, code(call, RET)), f"only={subject}", timeout=TIMEOUT)
    assert booted.failures, booted.tail
    assert (booted.outcome.ending, booted.outcome.code) == (Ending.EXIT, 1)


@pytest.mark.parametrize(("options", "call"), [("pae only=mmu", Call.SetPxELong),
                                               ("smp only=smp", Call.SetInitialAPState)], ids=["PAE", "SMP"])
def test_a_call_of_some_kernels_that_does_nothing(client: LinuxImage, full: ClassicRom, options: str,
                                                  call: Call) -> None:
    booted = boot(client, wrong(full, code(call, RET)), options, cpus=2, timeout=TIMEOUT)
    assert booted.failures, booted.tail
    assert (booted.outcome.ending, booted.outcome.code) == (Ending.EXIT, 1)


def test_no_time_group_is_no_mistake(client: LinuxImage, full: ClassicRom) -> None:
    booted = boot(client, wrong(full, answer(Call.GetCycleFrequency, Relocation.NONE)), "only=time")
    assert booted.good and "client: no VMI timer\n" in booted.said


@pytest.mark.parametrize("call", [Call.WBINVD, Call.IODelay])
def test_nothing_to_do_is_no_mistake(client: LinuxImage, full: ClassicRom, call: Call) -> None:
    assert boot(client, wrong(full, answer(call, Relocation.NOP)), "only=cpu").good


def test_another_device_is_a_warning(client: LinuxImage, full: ClassicRom) -> None:
    def change(data: bytearray) -> None:
        at = full.header.pci_header_offs + 6
        data[at:at + 2] = b"\x02\x08"

    booted = boot(client, wrong(full, change), "only=irq")
    assert "VMI: ROM is for device 15ad:0802, not the VMI device\n" in booted.said
    assert booted.messages.activated and booted.good


def test_a_right_rom_of_the_same_making(client: LinuxImage, full: ClassicRom) -> None:
    """What makes the others wrong is not the unit at the end."""
    booted = boot(client, wrong(full), "only=irq")
    assert booted.messages.activated and booted.good
