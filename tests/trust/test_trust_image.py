# SPDX-License-Identifier: MIT
"""Images say what was put into them, and what was said of it then."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from openvmi.abi.names import BOOT_FORCED
from openvmi.cli import main
from openvmi.hypervisors.xen.package import unpack
from openvmi.rom.image import RomImage

Capture = pytest.CaptureFixture[str]


def test_for_a_xen_host(top: Path, tmp_path: Path, capfd: Capture) -> None:
    folder = tmp_path / "out"
    rom = RomImage.load(top / "build" / "roms" / "xen.rom")
    assert main.run(["image", "hello", "--xen", "-o", str(folder), "--append", "a=b", "--json"]) == 0
    about, kept = json.loads(capfd.readouterr().out), json.loads((folder / "hello-about.json").read_text())
    assert kept.items() <= about.items()
    assert (kept["guest"], kept["guest_licence"], kept["options"]) == ("hello", "MIT", "a=b")
    assert (kept["rom"], kept["rom_sha256"], kept["rom_licence_class"]) == ("xen", rom.sha256, "GPL")
    assert kept["taint"].endswith("UR") and list(kept["taint_means"]) == list(kept["taint"])
    assert unpack((folder / "hello-xen.package").read_bytes()).flags == 0


def test_refused_and_forced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture) -> None:
    monkeypatch.setenv("OPENVMI_CONFIG", str(tmp_path))
    (tmp_path / "config.toml").write_text("[trust]\nsigned = true\n")
    make = ["image", "hello", "--xen", "-o", str(tmp_path / "out")]
    assert main.run(make) == 121 and not (tmp_path / "out").exists()
    assert "the ROM is not signed, the user (" in capfd.readouterr().err
    assert main.run([*make, "--append", "vmi.force"]) == 0
    assert "a refusal was overridden" in capfd.readouterr().out
    assert unpack((tmp_path / "out" / "hello-xen.package").read_bytes()).flags == BOOT_FORCED
    assert json.loads((tmp_path / "out" / "hello-about.json").read_text())["trust"]["forced"]


@pytest.mark.needs("grub-mkrescue", "lib/grub/i386-pc", "xorriso")
def test_for_a_pc(tmp_path: Path, capfd: Capture) -> None:
    assert main.run(["image", "hello", "-o", str(tmp_path / "o.iso"), "--json"]) == 0
    about = json.loads(capfd.readouterr().out)
    subprocess.run(["xorriso", "-osirrox", "on", "-indev", tmp_path / "o.iso", "-extract", "/openvmi.json",
                    tmp_path / "kept"], check=True, capture_output=True)
    kept = json.loads((tmp_path / "kept").read_text())
    assert kept.items() <= about.items() and kept["guest_sha256"]
    assert kept["rom"] is kept["taint"] is kept["trust"] is None
    assert kept["taint_means"].startswith("no ROM is in it: ")
