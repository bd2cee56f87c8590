# SPDX-License-Identifier: MIT
"""The real guest on a PC: the file that emu runs, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from openvmi import resources
from openvmi.guest.image import GuestImage
from openvmi.hypervisors import get
from openvmi.hypervisors.base import Ending, MachineConfig
from openvmi.rom.image import RomImage
from openvmi.running import NO_ROM, Request, choose, read_link
from openvmi.running import run as run_request
from tests.hypervisors.bare.conftest import Ran

Run = Callable[..., Ran]


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize("line", ["", "vmi=off vmi.verbose", "vmi.disable=irq,trap"])
def test_every_check_passes(run: Run, hello: GuestImage, line: str, deterministic: bool) -> None:
    ran = run(hello, line, deterministic=deterministic)
    assert (ran.outcome.ending, ran.outcome.code) == (Ending.EXIT, 0), ran.outcome.message + ran.said.decode()
    assert b"FAIL" not in ran.said and b"hello from ring 0 on bare" in ran.said
    assert 0 < ran.outcome.boot_ms <= ran.outcome.run_ms
    assert (ran.outcome.exits, ran.outcome.instructions, ran.outcome.crash) == ({}, None, None)


def test_status(run: Run, hello: GuestImage) -> None:
    ran = run(hello, "hello.exit=7")
    assert (ran.outcome.ending, ran.outcome.code, ran.outcome.message) == (Ending.EXIT, 7, "")


def test_two_runs_are_equal(run: Run, hello: GuestImage) -> None:
    one, other = (run(hello, "vmi.verbose", deterministic=True) for _ in range(2))
    assert one.said and one.said == other.said
    assert one.outcome.ending is other.outcome.ending is Ending.EXIT


def test_one_file_for_emu_and_bare(hello: GuestImage) -> None:
    """What QEMU gets are the bytes that were parsed, not a file that may have changed."""
    on_disk = hashlib.sha256((resources.built("guests") / "hello.elf").read_bytes()).hexdigest()
    runs = {name: run_request(Request("hello", on=name), lambda _: True) for name in ("bare", "emu")}
    assert {run.guest.sha256 for run in runs.values()} == {on_disk} == {hello.sha256}
    assert {run.status for run in runs.values()} == {0}
    link = runs["bare"].link
    emu = runs["emu"].link
    assert link and emu and link.sites == emu.sites == link.native and emu.inline > 0


def test_emu_stays_the_default() -> None:
    assert choose(None).name == "emu" and get("bare").default_rom is None


def test_through_the_front_end_without_rom() -> None:
    assert run_request(Request("hello", on="bare", rom=NO_ROM, options="hello.exit=9"), lambda _: True).status == 9


def test_rom_of_a_hypervisor_is_refused(hello: GuestImage) -> None:
    from openvmi.errors import RefusedError

    rom = RomImage.load(resources.built("roms") / "emu.rom")
    with pytest.raises(RefusedError, match=r"ROM emu is for the hypervisor emu.*template"):
        get("bare").create(MachineConfig(guest=hello, rom=rom))


def test_the_template_rom_is_found_and_linked(hello: GuestImage) -> None:
    """As an option ROM that firmware has put where the classic interface looked for one."""
    rom = RomImage.load(resources.built("roms") / "template.rom")
    said = bytearray()
    with get("bare").create(MachineConfig(guest=hello, rom=rom, console=said.extend)) as machine:
        outcome = machine.run()
        link = read_link(hello, machine)
    assert (outcome.ending, outcome.code) == (Ending.EXIT, 0), said.decode()
    assert link is not None and link.inline and link.call and link.jump and link.native
    assert b"ROM template 1.0" in said and b"FAILED" not in said


@pytest.mark.parametrize("guest", ["bench", "sites"])
def test_other_guests_with_the_template(guest: str) -> None:
    """All that measures runs to its end with this ROM, too; tests/conformance checks the contracts."""
    result = run_request(Request(guest, on="bare", rom="template", deterministic=True), lambda data: True)
    assert (result.outcome.ending, result.status) == (Ending.EXIT, 0) and result.link and result.link.inline
