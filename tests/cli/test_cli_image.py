# SPDX-License-Identifier: MIT
"""openvmi image: what is refused, what is left behind when GRUB fails, and that a PC boots the result."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import time
from pathlib import Path

import pytest

from openvmi import iso, resources
from openvmi.cli import main

GRUB = pytest.mark.needs("grub-mkrescue", "lib/grub/i386-pc", "xorriso")
PC = ["qemu-system-x86_64", "-machine", "pc", "-accel", "tcg", "-m", "64", "-nodefaults", "-display", "none",
      "-vga", "std", "-serial", "stdio", "-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=1"]
ODD = "$x;{*}#&|<>!~%[a]()`?"

Capture = pytest.CaptureFixture[str]


def header(magic: int = 0xE85250D6, architecture: int = 0, length: int = 16, off: int = 0) -> bytes:
    """A Multiboot2 header whose checksum is wrong by `off`."""
    return struct.pack("<4I", magic, architecture, length, (off - magic - architecture - length) % (1 << 32))


@pytest.mark.parametrize(("data", "there"), [
    (header(), True), (b"\0" * 8 + header(), True), (b"\0" * (32768 - 16) + header(), True),
    (b"", False), (b"\0" * 4 + header(), False), (b"\0" * 32768 + header(), False), (header()[:-1], False),
    (header(off=1), False), (header(magic=0x1BADB002), False), (header(architecture=4), False),
    (header(length=32), False), (header(length=8), False), (b"\0" * (32768 - 8) + header(), False),
])
def test_multiboot2_header(data: bytes, there: bool) -> None:
    assert iso.has_multiboot2_header(data) is there


def booted(folder: Path, options: str, *drive: str) -> subprocess.CompletedProcess[str]:
    """The guest hello with these options, on a PC that has the image in such a drive and nothing else to boot from."""
    assert main.run(["image", "hello", "-o", str(folder / "hello.iso"), "--append", options]) == 0
    return subprocess.run([*PC, *drive], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60)


@GRUB
@pytest.mark.needs("qemu-system-x86_64")
@pytest.mark.parametrize("drive", [
    ["-cdrom", "hello.iso", "-boot", "d"], ["-drive", "file=hello.iso,format=raw,if=ide", "-boot", "c"],
], ids=["CD", "disk"])
def test_a_pc_boots_it(drive: list[str], tmp_path: Path) -> None:
    pc = booted(tmp_path, "hello.exit=3", *drive)
    assert pc.returncode == (3 << 1) | 1, pc.stderr
    assert "on bare, native" in pc.stdout and pc.stdout.rstrip().endswith("0 checks failed")


@GRUB
@pytest.mark.needs("qemu-system-x86_64")
def test_options_arrive_as_they_are(tmp_path: Path) -> None:
    pc = booted(tmp_path, f"  a=b  vmi.disable={ODD}", "-cdrom", "hello.iso", "-boot", "d")
    assert f"vmi.disable={ODD}: there is no such group" in pc.stdout


@GRUB
def test_json(tmp_path: Path, capfd: Capture) -> None:
    file = tmp_path / "hello.iso"
    assert main.run(["image", "hello", "-o", str(file), "--append", "a  b=c", "--json"]) == 0
    about = json.loads(capfd.readouterr().out)
    assert about["command"] == "multiboot2 /boot/hello.elf 'a' 'b=c'" and about["bytes"] == file.stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == ["hello.iso"]


@GRUB
def test_an_odd_name_is_made_plain(tmp_path: Path, capfd: Capture) -> None:
    guest = tmp_path / "it's {odd}.elf"
    guest.write_bytes((resources.built("guests") / "hello.elf").read_bytes())
    assert main.run(["image", str(guest), "-o", str(tmp_path / "o.iso")]) == 0
    assert "multiboot2 /boot/it_s__odd_.elf\n" in capfd.readouterr().out


@pytest.mark.parametrize(("arguments", "status", "said"), [
    (["no-such", "-o", "{tmp}/o"], 64, "no guest 'no-such'"),
    (["hello"], 64, "Missing option"),
    (["{tiny}", "-o", "{tmp}/o"], 121, "no Multiboot2 header in its first 32768 bytes"),
    (["hello", "-o", "{tmp}/o", "--append", "a'b"], 64, "without quotes"),
    (["hello", "-o", "{tmp}/o", "--append", 'a"b'], 64, "without quotes"),
    (["hello", "-o", "{tmp}/o", "--append", "a\\b"], 64, "and backslashes"),
    (["hello", "-o", "{tmp}/o", "--append", "a\nreboot"], 64, "option 'a\\nreboot'"),
    (["hello", "-o", "{tmp}/o", "--append", "f\u00fcnf"], 64, "printable ASCII"),
    (["hello", "-o", "{tmp}/o", "--append", "x" * 4097], 64, "options of 4097 bytes"),
])
def test_refused(arguments: list[str], status: int, said: str, tiny_file: Path, tmp_path: Path, capfd: Capture) -> None:
    assert main.run(["image", *[a.format(tmp=tmp_path, tiny=tiny_file) for a in arguments]]) == status
    out, told = capfd.readouterr()
    assert out == "" and said in told and told.count("\n") == 1 and not list(tmp_path.iterdir())


@GRUB
@pytest.mark.parametrize("output", ["no/such/folder/o.iso", "."])
def test_output_that_cannot_be_written(output: str, tmp_path: Path, capfd: Capture) -> None:
    assert main.run(["image", "hello", "-o", str(tmp_path / output)]) == 64
    assert "cannot write the image" in capfd.readouterr().err and not list(tmp_path.iterdir())


def test_nothing_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main.run(["image", "hello", "-o", str(tmp_path / "o.iso")]) == 69
    told = capfd.readouterr().err
    assert "needs grub-mkrescue and xorriso, not found here" in told
    assert all(package in told for package in ("grub-pc-bin", "grub-common", "xorriso", "mtools"))


@pytest.fixture
def grub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with nothing but a grub-mkrescue for a test to write, and an image from better days."""
    for name in ("grub-mkrescue", "xorriso"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).touch(0o755)
    (tmp_path / "lib" / "grub" / "i386-pc").mkdir(parents=True)
    (tmp_path / "o.iso").write_text("old")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    return tmp_path


def test_grub_for_another_platform_only(grub: Path, capfd: Capture) -> None:
    (grub / "lib" / "grub" / "i386-pc").rmdir()
    assert main.run(["image", "hello", "-o", str(grub / "o.iso")]) == 69
    assert "needs GRUB for PCs (lib/grub/i386-pc), not found here" in capfd.readouterr().err


def test_grub_fails(grub: Path, capfd: Capture) -> None:
    (grub / "bin" / "grub-mkrescue").write_text(
        "#!/bin/sh\necho 'grub-mkrescue: error: no luck.' >&2\necho bye >&2\nexit 3\n")
    assert main.run(["image", "hello", "-o", str(grub / "o.iso")]) == 125
    assert "failed (status 3) and said 'grub-mkrescue: error: no luck.'" in capfd.readouterr().err
    assert (grub / "o.iso").read_text() == "old"


def test_grub_hangs(grub: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture) -> None:
    """What it started is ended with it."""
    (grub / "bin" / "grub-mkrescue").write_text(f"#!/bin/sh\nsleep 60 &\necho $! >{grub}/child\nwait\n")
    monkeypatch.setattr(iso, "_SECONDS", 0.5)
    assert main.run(["image", "hello", "-o", str(grub / "o.iso")]) == 125
    assert "did not end within 0.5 s" in capfd.readouterr().err and (grub / "o.iso").read_text() == "old"
    deadline = time.monotonic() + 5
    while _runs(int((grub / "child").read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _runs(process: int) -> bool:
    """A process that nobody has waited for yet counts as ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
