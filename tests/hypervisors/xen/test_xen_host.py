# SPDX-License-Identifier: MIT
"""openvmi image --xen: the files for a Xen host, all of them or none."""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path

import pytest

from openvmi import resources
from openvmi.cli import main
from openvmi.guest.image import GuestImage
from openvmi.hypervisors.xen import host
from openvmi.hypervisors.xen.package import Package, unpack
from openvmi.rom.image import RomImage

NAMES = {"hello-xen.elf", "hello-xen.package", "hello.cfg", "hello-grub.cfg", "hello-about.json"}

Capture = pytest.CaptureFixture[str]


def make(folder: Path, *arguments: str) -> int:
    """Exit status of the verb."""
    return main.run(["image", "hello", "--xen", "-o", str(folder), *arguments])


def parsed(path: Path) -> dict[str, object]:
    """An xl configuration: `key = value` in the syntax of Python (xl.cfg(5))."""
    tree = ast.parse(path.read_text())
    found: dict[str, object] = {}
    for statement in tree.body:
        assert isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
        found[statement.targets[0].id] = ast.literal_eval(statement.value)
    return found


def test_files(tmp_path: Path, hello: GuestImage, rom: RomImage, capfd: Capture) -> None:
    module = tmp_path / "a.img"
    module.write_bytes(b"contents")
    folder = tmp_path / "out"
    assert make(folder, "--memory", "96M", "--append", "hello.exit=3", "--module", str(module), "--json") == 0
    about = json.loads(capfd.readouterr().out)
    assert {path.name for path in folder.iterdir()} == NAMES == set(about["files"])
    assert all((folder / name).stat().st_size == size for name, size in about["files"].items())
    assert (about["guest"], about["guest_sha256"], about["options"]) == ("hello", hello.sha256, "hello.exit=3")
    assert (about["modules"], about["rom_bytes"]) == ([{"name": "a.img", "bytes": 8}], len(rom.data))
    assert about["command"] == "xl create -c hello.cfg"
    assert parsed(folder / "hello.cfg") == {
        "name": "hello", "type": "pv", "kernel": "hello-xen.elf", "ramdisk": "hello-xen.package", "extra": "",
        "memory": 96, "vcpus": 1, "on_crash": "preserve", "on_reboot": "destroy",
    }  # fmt: skip
    assert unpack((folder / "hello-xen.package").read_bytes()) == Package(
        hello.data, rom.data, b"hello.exit=3", ((b"a.img", b"contents"),))
    assert (folder / "hello-xen.elf").read_bytes() == (resources.built("roms") / "xen.shim").read_bytes()
    grub = (folder / "hello-grub.cfg").read_text()
    assert "dom0_mem=96M,max:96M" in grub
    assert grub.index("hello-xen.elf") < grub.index("module2 /boot/hello-xen.package")


def test_for_people(tmp_path: Path, capfd: Capture) -> None:
    assert make(tmp_path / "out") == 0
    out = capfd.readouterr().out
    assert out.count("\n") == 1 and "on a Xen host: xl create -c hello.cfg" in out and all(n in out for n in NAMES)


def test_again_and_into_an_empty_folder(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    assert make(folder, "--memory", "32M") == 0 and make(folder, "--memory", "48M") == 0
    assert parsed(folder / "hello.cfg")["memory"] == 48
    assert list(tmp_path.iterdir()) == [folder] and {path.name for path in folder.iterdir()} == NAMES


def test_an_odd_name_is_made_plain(tmp_path: Path, hello: GuestImage) -> None:
    guest = tmp_path / "it's \"odd\".elf"
    guest.write_bytes(hello.data)
    assert main.run(["image", str(guest), "--xen", "-o", str(tmp_path / "out")]) == 0
    assert parsed(tmp_path / "out" / "it_s__odd_.cfg")["kernel"] == "it_s__odd_-xen.elf"


@pytest.mark.parametrize(("output", "arguments", "status", "said"), [
    ("o.iso", [], 64, "name of a CD image; --xen writes a folder, such as o"),
    ("file", [], 64, "--xen writes a folder, and this is a file"),
    ("full", [], 64, "this folder has other files (a, b, c, ...)"),
    ("no/such/o", [], 64, "cannot write the folder: No such file"),
    ("o", ["--memory", "7M"], 121, "multiple of 1 MiB"),
    ("o", ["--rom", "none"], 121, "stays native"),
    ("o", ["--rom", "emu"], 121, "for the hypervisor emu"),
    ("o", ["--append", "vmi=off"], 121, "vmi=off"),
    ("o", ["--module", "{tmp}/none"], 64, "cannot read this module"),
])  # fmt: skip
def test_refused(output: str, arguments: list[str], status: int, said: str, tmp_path: Path, capfd: Capture) -> None:
    (tmp_path / "full").mkdir()
    for name in ("a", "b", "c", "hello.cfg", "d"):
        (tmp_path / "full" / name).touch()
    (tmp_path / "file").touch()
    before = sorted(tmp_path.rglob("*"))
    assert make(tmp_path / output, *[argument.format(tmp=tmp_path) for argument in arguments]) == status
    out, told = capfd.readouterr()
    assert out == "" and said in told and told.count("\n") == 1 and sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("option", [["--memory", "64M"], ["--rom", "xen"], ["--module", "x"]])
def test_options_that_go_with_xen(option: list[str], tmp_path: Path, capfd: Capture) -> None:
    assert main.run(["image", "hello", "-o", str(tmp_path / "o.iso"), *option]) == 64
    assert "are for --xen" in capfd.readouterr().err and not list(tmp_path.iterdir())


@pytest.mark.parametrize("fails", [1, 2])
def test_the_old_folder_stays_when_it_cannot_be_replaced(
    fails: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    folder = tmp_path / "out"
    assert make(folder, "--memory", "32M") == 0
    count = 0
    rename = os.rename

    def failing(source: Path, target: Path) -> None:
        nonlocal count
        count += 1
        if count == fails:
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(host.os, "rename", failing)
    assert make(folder, "--memory", "48M") == 64
    assert "No space left" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == [folder] and parsed(folder / "hello.cfg")["memory"] == 32
