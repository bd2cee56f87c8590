# SPDX-License-Identifier: MIT
"""Guests, and a way to run one. All tests here need QEMU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from openvmi import resources
from openvmi.guest.build import build
from openvmi.guest.image import GuestImage, load
from openvmi.hypervisors import get
from openvmi.hypervisors.bare.machine import BareMachine
from openvmi.hypervisors.base import MachineConfig, Outcome


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For the tests of this folder; pytest passes all that there are."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.needs("qemu-system-x86_64"))


@define
class Ran:
    """A run that is over; the memory of its machine can still be read."""

    machine: BareMachine
    outcome: Outcome
    said: bytes

    @property
    def own(self) -> bytes:
        """What the guest's own code said, after libvmi's line."""
        return after_banner(self.said)


def after_banner(said: bytes) -> bytes:
    """Console output after the line that libvmi begins with."""
    banner, _, rest = said.partition(b"\n")
    assert banner.startswith(b"vmi: "), said
    return rest


@pytest.fixture(scope="session")
def hello() -> GuestImage:
    """The guest that `make` builds."""
    return load(resources.built("guests") / "hello.elf")


@pytest.fixture(scope="session")
def hostile() -> GuestImage:
    """The guest that misbehaves."""
    return load(resources.built("guests") / "hostile.elf")


@pytest.fixture(scope="session")
def case(top: Path, tmp_path_factory: pytest.TempPathFactory) -> GuestImage:
    """The guest of these tests."""
    output = tmp_path_factory.mktemp("case") / "case.elf"
    build(Path(__file__).parent / "guest", output, top / "build" / "cache")
    return load(output)


@pytest.fixture
def make() -> Iterator[Callable[..., BareMachine]]:
    """Makes machines that end with the test."""
    with ExitStack() as stack:

        def create(guest: GuestImage, line: str = "", **values: Any) -> BareMachine:
            hypervisor = get("bare")
            state = hypervisor.available()
            assert state.usable, f"{state.reason} {state.remedy}"
            values = {"rom": None, "timeout": 30.0, **values}
            return stack.enter_context(hypervisor.create(MachineConfig(guest=guest, command_line=line, **values)))

        yield create


@pytest.fixture
def run(make: Callable[..., BareMachine]) -> Callable[..., Ran]:
    """Runs a guest to its end."""

    def start(guest: GuestImage, line: str = "", **values: Any) -> Ran:
        said = bytearray()
        machine = make(guest, line, console=said.extend, **values)
        return Ran(machine, machine.run(), bytes(said))

    return start
