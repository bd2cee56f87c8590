# SPDX-License-Identifier: MIT
"""openvmi bench classic: the figures of the built ROM, and what it says of ROMs that are worse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from wrong import bad_sum, code, wrong

from openvmi import resources
from openvmi.abi.classic import Call
from openvmi.classic.image import ClassicRom
from openvmi.cli import main
from openvmi.guest.build import build

Capture = pytest.CaptureFixture[str]
Bench = Callable[..., int]


@pytest.fixture(scope="session")
def kernel(top: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The benchmark's kernel, from its sources."""
    output = tmp_path_factory.mktemp("bench") / "classic-bench.bzimage"
    return build(top / "kernels" / "classic-bench", output, top / "build" / "cache").data


@pytest.fixture
def bench(kernel: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Runs the command with a ROM in the place of classic-full."""
    def command(rom: ClassicRom, *arguments: str) -> int:
        for folder, name, data in (("guests", "classic-bench.bzimage", kernel), ("roms", "classic-full.rom", rom.data)):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / name).write_bytes(data)
        monkeypatch.setattr(resources, "built", lambda kind: tmp_path / kind)
        return main.run(["bench", "classic", *arguments])

    return command


def test_figures(bench: Bench, full: ClassicRom, tmp_path: Path, capfd: Capture) -> None:
    assert bench(full, "--json", str(tmp_path / "record")) == 0
    out, told = capfd.readouterr()
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "30 DisableInterrupts 3.0 5.0 +2.0 +3 ok" in lines and "73 SetLazyMode - 5.0 +2.0 none reported" in lines
    assert f"ROM image: {len(full.data):,} bytes, at most 8,192: ok" in lines and len(full.data) <= 8192
    assert "MISSED" not in out and "ratio" not in out and max(map(len, out.splitlines())) <= 110
    assert out.count("SHA-256") == 2 and "classic-bench with classic-full: exit 0" in told
    record = json.loads((tmp_path / "record").read_text())
    rows = {row["row"]: row for row in record["rows"]}
    more = {name: row["difference"] for name, row in rows.items()}
    # The call and its return, and what is not in the native form: a test of the bit, a jump. Or one jump, and for
    # IRET a look at the selectors.
    assert {name: more[name] for name in (
        "enable-interrupts", "disable-interrupts", "get-interrupt-mask", "set-interrupt-mask-on",
        "set-interrupt-mask-off", "iret", "iret-user", "sysexit", "halt", "cpuid", "set-cr3", "inb", "wbinvd",
        "allocate-page")} == {
        "enable-interrupts": 2, "disable-interrupts": 2, "get-interrupt-mask": 2, "set-interrupt-mask-on": 3,
        "set-interrupt-mask-off": 3, "iret": 3, "iret-user": 7, "sysexit": 1, "halt": 2, "cpuid": 2, "set-cr3": 2,
        "inb": 2, "wbinvd": 2, "allocate-page": 2}
    assert all(difference is not None and 0 <= difference < 1000 for difference in more.values())
    # One tick an instruction: a turn that does nothing counts down and jumps.
    assert round(rows["empty-turn"]["direct"]) == round(rows["empty-turn"]["linked"]) == 2
    assert not rows["set-alarm-lvtt"]["native"] and (record["direct"]["rom"], record["linked"]["rom"]) == (
        None, "classic-full")


def test_two_instructions_too_many(bench: Bench, full: ClassicRom, capfd: Capture) -> None:
    slow = wrong(full, code(Call.DisableInterrupts, b"\x90\xfa\x90\xc3"))
    assert bench(slow) == 1
    lines = [" ".join(line.split()) for line in capfd.readouterr().out.splitlines()]
    assert "30 DisableInterrupts 3.0 7.0 +4.0 +3 MISSED" in lines and "29 EnableInterrupts 3.0 5.0 +2.0 +3 ok" in lines


def test_calls_that_are_not_answered(bench: Bench, roms: dict[str, ClassicRom], capfd: Capture) -> None:
    assert bench(roms["classic-minimal"]) == 1
    lines = [" ".join(line.split()) for line in capfd.readouterr().out.splitlines()]
    assert "29 EnableInterrupts 3.0 missing missing +3 MISSED" in lines
    assert "33 IRET in the kernel 6.0 9.0 +3.0 +3 ok" in lines


def test_a_rom_that_is_not_used(bench: Bench, full: ClassicRom, capfd: Capture) -> None:
    """Without it the kernel would be as fast as native."""
    assert bench(bad_sum(full)) == 125
    assert "the kernel did not use the ROM, and nothing can be compared" in capfd.readouterr().err
