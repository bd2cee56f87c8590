# SPDX-License-Identifier: MIT
"""contrib/xen-direct: a kernel that brings its own code for Xen, and what the ROM costs compared with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openvmi.bench import known
from openvmi.cli import main
from openvmi.errors import RefusedError
from openvmi.guest import build, definition
from openvmi.hypervisors.base import Ending
from openvmi.running import NO_ROM, Request, Run, run

NEEDS = pytest.mark.needs("qemu-system-x86_64", "/boot/xen*.gz")


@pytest.fixture(scope="module")
def hello_direct(top: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hello with it."""
    about = definition.with_backend(definition.read(top / "kernels" / "hello"),
                                    definition.read_backend(top / "contrib" / "xen-direct"))
    output = tmp_path_factory.mktemp("direct") / "hello.elf"
    build.build_defined(about, output, top / "build" / "cache")
    return output


def start(guest: Path, on: str, rom: str | None, options: str = "") -> tuple[Run, str]:
    """One run, and what the guest said."""
    console = bytearray()

    def keep(data: bytes) -> bool:
        console.extend(data)
        return True

    result = run(Request(str(guest), on=on, rom=rom, options=options, deterministic=True), keep)
    return result, console.decode()


@NEEDS
@pytest.mark.parametrize("rom", [NO_ROM, None])
def test_hello(hello_direct: Path, rom: str | None) -> None:
    """Without a ROM, and instead of one."""
    result, said = start(hello_direct, "xen", rom)
    assert (result.outcome.ending, result.outcome.code) == (Ending.EXIT, 0), said
    assert "on xen, back-end xen-direct" in said and "ROM none" in said and said.count(" ok\n") == 16
    assert result.link and (result.link.native, result.link.jump) == (1, 3) and result.link.inline > 8


@NEEDS
def test_hello_elsewhere(hello_direct: Path) -> None:
    """It is the same kernel on a PC, where the back-end is not for it."""
    result, said = start(hello_direct, "bare", NO_ROM)
    assert result.outcome.code == 0 and "back-end" not in said and said.count(" ok\n") == 16


def test_without_any_code_for_xen(tiny_file: Path) -> None:
    from openvmi.guest.image import load
    from openvmi.hypervisors.base import MachineConfig
    from openvmi.hypervisors.xen import checks

    with pytest.raises(RefusedError, match="--rom none"):
        checks.check(MachineConfig(load(tiny_file), None))


@NEEDS
def test_the_rom_is_as_good(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Two runs of seconds each; what they count is the same every time."""
    plan = known.get("xen")
    status = main.run(["bench", "xen", "--json", str(tmp_path / "record")])
    out, told = capfd.readouterr()
    record = json.loads((tmp_path / "record").read_text())
    assert (record["direct"]["exit_code"], record["linked"]["exit_code"]) == (0, 0), told
    assert (record["direct"]["rom"], record["linked"]["rom"]) == (None, "xen")
    assert [row["row"] for row in record["rows"]] == [plan.empty, *plan.rows, plan.whole]
    assert all(row["direct"] > 0 and row["linked"] > 0 for row in record["rows"])
    assert [entry["title"] for entry in [*record["rows"], *record["bars"]] if not entry["good"]] == [], out
    assert [row["row"] for row in record["rows"] if row["bar"] == "none"] == ["event-to-oneself"] and status == 0


@NEEDS
@pytest.mark.parametrize("direct", [True, False])
def test_events_at_every_moment(direct: bool, top: Path, tmp_path: Path) -> None:
    """Also between the last instructions of a return, and nested on none of them."""
    about = definition.read(Path(__file__).parent / "stress")
    if direct:
        about = definition.with_backend(about, definition.read_backend(top / "contrib" / "xen-direct"))
    build.build_defined(about, tmp_path / "stress.elf", top / "build" / "cache")
    console = bytearray()

    def keep(data: bytes) -> bool:
        console.extend(data)
        return True

    result = run(Request(str(tmp_path / "stress.elf"), on="xen", rom=NO_ROM if direct else None, deterministic=True,
                         exact=True), keep)
    assert result.status == 0 and b"0 wrong" in console, console.decode()
