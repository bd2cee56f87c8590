# SPDX-License-Identifier: MIT
"""The real ROM with one thing wrong in it. Each rule of the format has a case in tests/rom/test_rom_hostile.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from openvmi.abi.layouts import RomDescriptor
from openvmi.abi.names import DATA_LIMIT, TEXT_LIMIT
from openvmi.status import Status
from tests.bad_input.command import HELLO, Done, openvmi, refused, together
from tests.bad_input.damage import Rom

FAR = 0xFFFFFFFF

CASES: dict[str, tuple[Callable[[Rom], Rom], str]] = {
    "flipped signature": (lambda r: r.flip(0), "this is not a VMI ROM"),
    "flipped text": (lambda r: r.flip(RomDescriptor.unpack(bytes(r.data), r.descriptor_at).text), "byte sum"),
    "flipped last byte": (lambda r: r.flip(-1), "byte sum 0x01 at offset"),
    "flipped text, sealed": (
        lambda r: r.flip(RomDescriptor.unpack(bytes(r.data), r.descriptor_at).text).seal(), "build id"),
    "major version 5": (lambda r: r.header("major", 5), "interface version 5.1 at offset 0xd, expected version 4"),
    "length": (lambda r: r.header("length", 1), "a length of 512 bytes"),
    "descriptor outside": (lambda r: r.header("descriptor", FAR, "I"), "descriptor at 0xffffffff"),
    "text outside": (lambda r: r.descriptor("text", FAR - 15), "text of"),
    "text over two pages": (lambda r: r.descriptor("text_size", TEXT_LIMIT + 1), "text"),
    "data over one page": (lambda r: r.descriptor("data_memory", DATA_LIMIT + 1), f"at most {DATA_LIMIT}"),
    "calls outside": (lambda r: r.descriptor("call_count", FAR), "calls of"),
    "no licence": (lambda r: r.header("licence", 0, "H"), "licence"),
    "manifest": (lambda r: r.replace(b'"hypervisor"', b'"hypervisxr"'), "manifest entry hypervisor"),
}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Done]:
    """What each case came to."""
    folder = tmp_path_factory.mktemp("roms")
    commands = {}
    for number, (name, (spoil, _)) in enumerate(CASES.items()):
        path = folder / f"bad{number}.rom"
        path.write_bytes(spoil(Rom()).data)
        commands[name] = [*HELLO, "--rom", path]
    return together(commands)


@pytest.mark.parametrize("name", CASES)
def test_refused(name: str, done: dict[str, Done]) -> None:
    refused(done[name], Status.BAD_FILE, f"bad{list(CASES).index(name)}.rom: ", CASES[name][1], " at offset 0x",
            ", expected ", "(ROM check ")


def test_inspect_refuses_as_run_does(tmp_path: Path) -> None:
    path = tmp_path / "bad.rom"
    path.write_bytes(Rom().flip(-1).data)
    assert openvmi("rom", "inspect", path) == openvmi(*HELLO, "--rom", path)
