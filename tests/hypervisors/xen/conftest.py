# SPDX-License-Identifier: MIT
"""Guests, a kernel that stands in for the boot shim, and a way to run them. What needs Xen says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from openvmi import resources
from openvmi.guest.image import GuestImage, load
from openvmi.hypervisors import get
from openvmi.hypervisors.base import MachineConfig, Outcome
from openvmi.hypervisors.xen import machine as xen
from openvmi.hypervisors.xen.machine import XenMachine
from openvmi.rom.image import RomImage
from openvmi.toolchain import FREESTANDING, Toolchain

KERNEL = Path(__file__).parent / "kernel"
FLAGS = (*(flag for flag in FREESTANDING if flag not in ("-fno-pic", "-fno-pie")), "-fPIC")  # it is linked high


@define
class Ran:
    """A run that is over; the memory of its machine can still be read."""

    machine: XenMachine
    outcome: Outcome
    said: bytes


@pytest.fixture(scope="session")
def hello() -> GuestImage:
    """The guest that `make` builds."""
    return load(resources.built("guests") / "hello.elf")


@pytest.fixture(scope="session")
def hostile() -> GuestImage:
    """The guest that misbehaves."""
    return load(resources.built("guests") / "hostile.elf")


@pytest.fixture(scope="session")
def rom() -> RomImage:
    """The ROM that `make` builds."""
    return RomImage.load(resources.built("roms") / "xen.rom")


@pytest.fixture(scope="session")
def kernel(top: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The PV kernel of these tests, compiled."""
    folder = tmp_path_factory.mktemp("kernel")
    toolchain = Toolchain(top / "build" / "cache")
    for name in ("entry.S", "kernel.c"):
        toolchain.compile(KERNEL / name, folder / f"{name}.o", FLAGS, (top / "roms" / "xen",))
    toolchain.link([folder / "entry.S.o", folder / "kernel.c.o"], folder / "kernel.elf", KERNEL / "kernel.lds")
    return (folder / "kernel.elf").read_bytes()


@pytest.fixture
def make() -> Iterator[Callable[..., XenMachine]]:
    """Makes machines that end with the test."""
    with ExitStack() as stack:

        def create(guest: GuestImage, rom: RomImage, line: str = "", **values: Any) -> XenMachine:
            hypervisor = get("xen")
            state = hypervisor.available()
            assert state.usable, f"{state.reason} {state.remedy}"
            values = {"timeout": 30.0, "deterministic": True, **values}
            config = MachineConfig(guest=guest, rom=rom, command_line=line, **values)
            return stack.enter_context(hypervisor.create(config))

        yield create


@pytest.fixture
def run(make: Callable[..., XenMachine]) -> Callable[..., Ran]:
    """Runs a guest to its end."""

    def start(guest: GuestImage, rom: RomImage, line: str = "", **values: Any) -> Ran:
        said = bytearray()
        machine = make(guest, rom, line, console=said.extend, **values)
        return Ran(machine, machine.run(), bytes(said))

    return start


@pytest.fixture
def alone(make: Callable[..., XenMachine], kernel: bytes, hello: GuestImage, rom: RomImage,
          monkeypatch: pytest.MonkeyPatch) -> Callable[..., XenMachine]:
    """Makes machines whose Xen starts the kernel of these tests, for a deed."""
    monkeypatch.setattr(xen, "read_shim", lambda rom: kernel)
    return lambda deed, **values: make(hello, rom, deed, **values)
