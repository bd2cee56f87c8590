# SPDX-License-Identifier: MIT
"""The client of the classic interface on the ROMs of this project: every call used as Linux used it, and compared."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from openvmi.classic.image import ClassicRom
from openvmi.guest.linux import LinuxImage
from openvmi.hypervisors.bare import linux
from openvmi.hypervisors.base import Ending
from tests.classic.booted import Booted, boot

#: What the client is told, and processors.
KERNELS = {"UP": ("", 1), "PAE": ("pae", 1), "SMP": ("smp", 2), "SMP PAE": ("smp pae", 2), "noapic": ("noapic", 1),
           "UP on two processors": ("", 2)}  # fmt: skip
NATIVE = {"irq", "irq/sites", "irq/pointers", "irq/other data segments", "iret", "sysexit", "cpu", "tables", "mmu",
          "ports"}  # fmt: skip
TIME = {"time", "wallclock", "alarms", "alarms/IRQ0"}
SUBJECTS = {
    "UP": NATIVE | TIME | {"link", "apic", "alarms/LVTT"}, "noapic": NATIVE | TIME | {"link", "apic"},
    "SMP": NATIVE | TIME | {"link", "apic", "alarms/LVTT", "smp"},
}  # fmt: skip
AT_LEAST = {"UP": 180, "SMP": 195, "noapic": 160}
Whole = Callable[[str, str], Booted]
FOUND = "VMI: Found OpenVMI {}, API version 3.0, ROM version 1.0"


@pytest.fixture(scope="module")
def whole(client: LinuxImage, roms: dict[str, ClassicRom]) -> Whole:
    """A run of every subject on a variant, once for all tests."""

    @cache
    def run(variant: str, kernel: str) -> Booted:
        options, cpus = KERNELS[kernel]
        return boot(client, roms.get(variant), options, cpus=cpus)

    return run


def subjects(booted: Booted) -> set[str]:
    return {sentence.rpartition("/")[0] for sentence in booted.checks}


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_call_of_the_full_rom(whole: Whole, kernel: str) -> None:
    booted = whole("classic-full", kernel)
    assert booted.good and not booted.failures, booted.tail
    kind = kernel.split()[0] if kernel.split()[0] in SUBJECTS else "UP"
    assert subjects(booted) == SUBJECTS[kind]
    assert len(booted.checks) >= AT_LEAST[kind]
    assert len(booted.checks) == len(set(booted.checks)), "a sentence comes twice"
    assert f"checks: {len(booted.checks)} passed, 0 failed\n" in booted.said


@pytest.mark.parametrize("kernel", KERNELS)
def test_what_the_kernel_says_of_the_rom(whole: Whole, kernel: str) -> None:
    booted = whole("classic-full", kernel)
    assert booted.messages.found == FOUND.format("classic-full")
    assert booted.messages.activated and booted.messages.timer and not booted.messages.refused
    assert booted.placed is not None and f"client: ROM at {booted.placed:#x}\n" in booted.said
    assert "client: kernel runs in ring 0\n" in booted.said


@pytest.mark.parametrize("kernel", ["UP", "PAE", "SMP", "noapic"])
def test_the_minimal_rom_leaves_the_rest_native(whole: Whole, kernel: str) -> None:
    booted = whole("classic-minimal", kernel)
    assert booted.good and not booted.failures, booted.tail
    assert booted.messages.found == FOUND.format("classic-minimal")
    assert booted.messages.activated and not booted.messages.timer
    assert NATIVE | {"link"} <= subjects(booted) <= NATIVE | {"link", "apic"}
    assert "client: no VMI timer\n" in booted.said


@pytest.mark.parametrize("kernel", ["UP", "PAE", "SMP"])
def test_the_same_kernel_without_a_rom(whole: Whole, kernel: str) -> None:
    booted = whole("none", kernel)
    assert booted.good and not booted.failures, booted.tail
    assert booted.messages.found is None and not booted.messages.activated
    assert "client: no ROM\nBooting paravirtualized kernel on bare hardware\n" in booted.said
    assert subjects(booted) == NATIVE | {"apic"}


@pytest.mark.parametrize("options", ["pae", "pae smp"])
def test_pages_without_execution(client: LinuxImage, full: ClassicRom, options: str,
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linux, "_CPU", "qemu32,+nx")
    booted = boot(client, full, options, cpus=2)
    assert "client: no-execute is on\n" in booted.said
    assert booted.good and not booted.failures, booted.tail
    assert "mmu/a page without execution" in booted.checks


@pytest.mark.parametrize("options", ["", "pae smp"])
def test_in_the_hosts_time(client: LinuxImage, full: ClassicRom, options: str) -> None:
    """No alarm is early or too many; frequencies are right. How late they are is the host's business."""
    booted = boot(client, full, options, cpus=2, deterministic=False)
    assert booted.good and not booted.failures, booted.tail


@pytest.mark.parametrize("subject", ["irq", "iret", "sysexit", "cpu", "tables", "mmu", "ports", "apic", "time",
                                     "alarms", "smp"])  # fmt: skip
def test_one_subject_alone(client: LinuxImage, full: ClassicRom, subject: str) -> None:
    """No subject needs what another left behind."""
    booted = boot(client, full, f"smp pae only={subject}", cpus=2)
    assert booted.good and not booted.failures, booted.tail
    assert {name.partition("/")[0] for name in subjects(booted)} == {"link", subject}


@pytest.mark.parametrize("how", ["hard", "soft"])
def test_reboot(client: LinuxImage, full: ClassicRom, how: str) -> None:
    """A call that does not come back, so it has a run of its own."""
    booted = boot(client, full, f"only=reboot reboot={how}", timeout=20)
    assert booted.said.endswith(f"client: reboot {how}\n")
    assert booted.outcome.ending in (Ending.REBOOT, Ending.CRASH)
