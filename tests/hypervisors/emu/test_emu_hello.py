# SPDX-License-Identifier: MIT
"""The real guest with the real ROM: linked, native, and in between."""

from __future__ import annotations

import pytest

from openvmi import resources
from openvmi.guest.image import GuestImage, load
from openvmi.hypervisors import get
from openvmi.hypervisors.base import Ending, MachineConfig, Outcome
from openvmi.rom.image import RomImage


@pytest.fixture(scope="module")
def hello() -> GuestImage:
    """The guest that `make` builds."""
    return load(resources.built("guests") / "hello.elf")


@pytest.fixture(scope="module")
def rom() -> RomImage:
    """The ROM that `make` builds."""
    return RomImage.load(resources.built("roms") / "emu.rom")


def _run(guest: GuestImage, rom: RomImage | None, line: str = "", deterministic: bool = True) -> tuple[Outcome, bytes]:
    said = bytearray()
    setup = MachineConfig(guest=guest, rom=rom, command_line=line, timeout=30.0, deterministic=deterministic,
                          console=said.extend)  # fmt: skip
    with get("emu").create(setup) as machine:
        return machine.run(), bytes(said)


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize("line", ["", "vmi=off", "vmi.disable=irq,trap", "vmi.disable=time,event", "vmi.disable=mmu",
                                  "vmi.disable=sys", "vmi.disable=irq,trap,mmu,time,event,sys,debug"])  # fmt: skip
def test_every_check_passes(hello: GuestImage, rom: RomImage, line: str, deterministic: bool) -> None:
    outcome, said = _run(hello, rom, line, deterministic)
    assert (outcome.ending, outcome.code) == (Ending.EXIT, 0), outcome.message + said.decode(errors="replace")
    assert b"FAIL" not in said


def test_without_rom(hello: GuestImage) -> None:
    outcome, _ = _run(hello, None)
    assert (outcome.ending, outcome.code) == (Ending.EXIT, 0), outcome.message


@pytest.mark.parametrize("line", ["", "vmi=off"])
def test_two_runs_are_equal(hello: GuestImage, rom: RomImage, line: str) -> None:
    (one, said), (other, said_too) = _run(hello, rom, line), _run(hello, rom, line)
    assert said == said_too and one.exits == other.exits and one.instructions == other.instructions


def test_native_leaves_far_more_often(hello: GuestImage, rom: RomImage) -> None:
    linked, native = _run(hello, rom)[0], _run(hello, rom, "vmi=off")[0]
    assert sum(native.exits.values()) >= 20 * sum(linked.exits.values())
