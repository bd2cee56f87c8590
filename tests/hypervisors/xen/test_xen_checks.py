# SPDX-License-Identifier: MIT
"""What is refused before a Xen is started. None is needed."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import define, evolve, field

from openvmi.errors import RefusedError
from openvmi.guest.symbols import Symbols
from openvmi.hypervisors.base import MachineConfig
from openvmi.hypervisors.xen import checks
from tests.machine.fakes import FakeGuest, FakeRom, config

MIB = 1 << 20
ROM = FakeRom(hypervisor="xen")
NATIVE = Symbols([(0x4000_3000, 0, "vmi_backends_start"), (0x4000_3000, 0, "vmi_backends_end")])
KNOWING = Symbols([(0x4000_3000, 0, "vmi_backends_start"), (0x4000_3008, 0, "vmi_backends_end")])


@define
class Guest:
    """As FakeGuest, with symbols."""

    fake: FakeGuest = field(factory=FakeGuest)
    names: Symbols = NATIVE

    def symbols(self) -> Symbols:
        """As GuestImage."""
        return self.names

    def __getattr__(self, name: str) -> Any:
        return getattr(self.fake, name)


def make(guest: Any = None, rom: Any = ROM, **values: Any) -> MachineConfig:
    """A configuration that is refused for what is given only."""
    return config(guest or Guest(), rom, **values)


def place(**values: Any) -> Guest:
    """A guest that is linked elsewhere."""
    return Guest(evolve(FakeGuest(), **values))


@pytest.mark.parametrize("values", [
    {}, {"memory": 8 * MIB}, {"memory": 3072 * MIB}, {"memory": 17 * MIB}, {"command_line": "x" * 4096},
    {"command_line": "a=vmi vmi.disable=mmu xvmi=off vmi=on vmi=off"}, {"modules": (("m", b""),) * 64},
    {"rom": None, "guest": Guest(names=KNOWING)}, {"command_line": "vmi=off", "guest": Guest(names=KNOWING)},
    {"guest": place(direct_map=0xFFFF_8800_0000_0000)}, {"guest": place(direct_map=0xFFFF_C080_0000_0000)},
])  # fmt: skip
def test_fine(values: dict[str, Any]) -> None:
    checks.check(make(**values))


@pytest.mark.parametrize(("values", "words"), [
    ({"rom": FakeRom(hypervisor="emu")}, "ROM fake is for the hypervisor emu"),
    ({"rom": None}, "fake.elf: Xen runs no kernel that stays native, and this one has no code for Xen.*--rom none"),
    ({"rom": None, "guest": Guest(names=Symbols([]))}, "stays native"),
    ({"command_line": "a vmi=off"}, "vmi=off makes it stay native"),
    ({"command_line": "vmi=off vmi=on"}, "vmi=off"),
    ({"memory": 7 * MIB}, "7340032 bytes.*8 to 3072 MiB.*--memory"),
    ({"memory": 3073 * MIB}, "--memory"),
    ({"memory": 64 * MIB + 4096}, "multiple of 1 MiB"),
    ({"command_line": "x" * 4097}, "4097 bytes.*at most 4096"),
    ({"command_line": "a\0b"}, "without NUL"),
    ({"command_line": "\u00e4"}, "ASCII"),
    ({"modules": (("m", b""),) * 65}, "65 boot modules given, a guest takes at most 64"),
    ({"guest": place(direct_map=0xFFFF_8000_0000_0000)}, "direct map at 0xffff800000000000 is where Xen is"),
    ({"guest": place(direct_map=0xFFFF_87FF_C000_0000), "memory": 2048 * MIB}, "direct map .*where Xen is"),
    ({"guest": place(direct_map=0xFFFF_C000_0000_0000)}, "direct map .*where the boot shim is"),
    ({"guest": place(direct_map=0xFFFF_C07F_C000_0000)}, "direct map .*where the boot shim is"),
    ({"guest": place(image_start=0xFFFF_8700_0000_0000, image_end=0xFFFF_8700_0010_0000,
                     window=0xFFFF_8700_0010_0000)}, "image at 0xffff870000000000 is where Xen is"),
])  # fmt: skip
def test_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        checks.check(make(**values))


@pytest.mark.parametrize(("memory", "package", "words"), [
    (8, 2, ""), (16, 10, ""), (16, 11, "package of 11534336 bytes.* 16777216 bytes .*another 20480.*--memory 19M"),
    (19, 11, ""), (3072, 256, ""), (3072, 257, "at most 268435456"), (64, 200, "--memory 230M"), (230, 200, ""),
])  # fmt: skip
def test_package(memory: int, package: int, words: str) -> None:
    if not words:
        checks.check_package(make(memory=memory * MIB), 100_000, package * MIB)
        return
    with pytest.raises(RefusedError, match=words):
        checks.check_package(make(memory=memory * MIB), 100_000, package * MIB)
