# SPDX-License-Identifier: MIT
"""The client of the classic interface and the ROMs it is given, each built once."""

from __future__ import annotations

from pathlib import Path

import pytest

from openvmi import resources
from openvmi.classic.build import build as build_rom
from openvmi.classic.definition import read
from openvmi.classic.image import ClassicRom
from openvmi.guest.build import build
from openvmi.guest.linux import LinuxImage


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """To boot the client takes QEMU. One package has both programs, qemu-system-x86_64 and qemu-system-i386."""
    for item in items:
        if item.path.parent == Path(__file__).parent and "client" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.needs("qemu-system-x86_64"))


@pytest.fixture(scope="session")
def client(top: Path, tmp_path_factory: pytest.TempPathFactory) -> LinuxImage:
    """The kernel in tests/classic/client."""
    output = tmp_path_factory.mktemp("client") / "classic-client.bzimage"
    result = build(Path(__file__).parent / "client", output, top / "build" / "cache")
    assert isinstance(result, LinuxImage)
    return result


@pytest.fixture(scope="session")
def roms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ClassicRom]:
    """Every variant of roms/classic by name."""
    top, work = resources.checkout(), tmp_path_factory.mktemp("roms")
    assert top is not None
    definition = read(top / "roms" / "classic")
    return {variant.name: build_rom(definition, variant, work / f"{variant.name}.rom", top / "build" / "cache")
            for variant in definition.variants}


@pytest.fixture(scope="session")
def full(roms: dict[str, ClassicRom]) -> ClassicRom:
    """The ROM that has every call."""
    return roms["classic-full"]
