# SPDX-License-Identifier: MIT
"""A guest of the current version on a PC whose firmware has put a ROM of the classic interface where both are found."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from openvmi import resources
from openvmi.errors import RefusedError
from openvmi.hypervisors import get
from openvmi.hypervisors.base import Ending
from openvmi.machine import exit_port
from openvmi.running import find_rom
from tests.rom.classic_rom import image


@pytest.fixture
def rom(tmp_path: Path) -> Path:
    path = tmp_path / "classic.rom"
    path.write_bytes(image())
    return path


def _by_hand(rom: Path, line: str) -> tuple[Ending, int, bytes]:
    """QEMU without this project's help, which would not offer such a ROM."""
    done = subprocess.run(
        ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-accel", "tcg", "-m", "64",
         "-no-reboot", "-serial", "stdio", "-device", f"isa-debug-exit,iobase={exit_port.EXIT_PORT:#x},iosize=1",
         "-kernel", str(resources.built("guests") / "hello.elf"), "-append", line, "-option-rom", str(rom)],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
    )
    assert done.returncode & 1, done.stderr
    return (*exit_port.decode(done.returncode >> 1), done.stdout)


def test_the_guest_refuses(rom: Path) -> None:
    ending, _, said = _by_hand(rom, "")
    assert ending is Ending.REFUSED
    assert said == (b"vmi: refused: the ROM speaks VMI 3.0, this guest needs 4.n; use a ROM of major version 4, or"
                    b" vmi=off\n")


def test_the_guest_runs_without_it(rom: Path) -> None:
    ending, code, said = _by_hand(rom, "vmi=off")
    assert (ending, code) == (Ending.EXIT, 0) and b"native" in said.partition(b"\n")[0]


@pytest.mark.parametrize("name", ["emu", "bare", "xen"])
def test_the_host_offers_none(name: str, rom: Path) -> None:
    with pytest.raises(RefusedError, match=r"classic.rom: a ROM of VMI 3.0, and a guest of VMI 4.1 needs one of"):
        find_rom(get(name), str(rom))
