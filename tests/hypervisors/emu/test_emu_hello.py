# SPDX-License-Identifier: MIT
"""The real guest with the real ROM: linked, native, and in between."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from openvmi import resources
from openvmi.guest.image import GuestImage, load
from openvmi.hypervisors import get
from openvmi.hypervisors.base import Ending, MachineConfig, Outcome
from openvmi.rom.image import RomImage
from openvmi.status import Status


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


def test_what_unicorn_cannot_translate(hello: GuestImage, tmp_path: Path) -> None:
    """LOCK BT of a register in the guest's first function ends the process, but not without a word."""
    segment = next(each for each in hello.segments if each.virtual <= hello.entry < each.virtual + len(each.data))
    code = segment.data[hello.entry - segment.virtual:][:64]
    assert hello.data.count(code) == 1
    guest = tmp_path / "guest.elf"
    guest.write_bytes(hello.data.replace(code, bytes.fromhex("f00fa3c0") + code[4:]))
    done = subprocess.run([sys.executable, "-m", "openvmi.cli.main", "run", str(guest), "--on", "emu"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == Status.TOOL
    assert done.stderr.startswith("openvmi: Unicorn, ") and done.stderr.count("\n") == 1


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
