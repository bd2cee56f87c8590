# SPDX-License-Identifier: MIT
"""The wheel: what is in it, and that it runs a guest in a clean environment without a compiler."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command with nothing of this process's Python settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return subprocess.run([str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=600)


@pytest.fixture(scope="module")
def wheel(top: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    done = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, top, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


def test_contents(wheel: Path, top: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        rom = archive.read("openvmi/_data/roms/emu.rom")
        entries = archive.read(next(name for name in names if name.endswith("/entry_points.txt")))
    assert rom == (top / "build" / "roms" / "emu.rom").read_bytes()
    assert {"openvmi/_data/guests/hello.elf", "openvmi/_data/abi/4.0/interface.toml", "openvmi/py.typed",
            "openvmi/_data/abi/3.0/interface.toml", "openvmi/_data/roms/classic-full.rom",
            "openvmi/abi/templates/classic.md.j2", "openvmi/_data/runner/linux", "openvmi/_data/programs/times",
            "openvmi/_data/guests/conform-sys.elf", "openvmi/conformance/expected.toml",
            "openvmi/rom/rom.lds", "openvmi/abi/templates/abi.h.j2", "openvmi/cli/main.py"} <= names
    assert b"openvmi = openvmi.conformance.plugin" in entries
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.endswith((".c", ".S", ".pyc")) or "/linux/runner/" in name for name in names)


def test_its_plugin_checks_a_rom_in_another_repository(wheel: Path, top: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "mine.rom").write_bytes((top / "build" / "roms" / "emu.rom").read_bytes())
    # Before this checkout; what the wheel depends on is where the tests have it.
    environment = {**{name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
                   "PYTHONPATH": str(tmp_path / "installed")}
    done = subprocess.run([sys.executable, "-m", "pytest", "-rA", "--openvmi-rom=mine.rom", "-k", "conform/base/probe"],
                          cwd=foreign, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASSED openvmi::conform/base/probe~what-is-no-group-gives-0" in done.stdout
    where = subprocess.run([sys.executable, "-c", "import openvmi; print(openvmi.__file__)"], cwd=foreign,
                           env=environment, capture_output=True, text=True, timeout=60)
    assert Path(where.stdout.strip()).is_relative_to(tmp_path)


def test_runs_a_guest_where_there_is_no_compiler(wheel: Path, top: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    assert run(sys.executable, "-m", "venv", venv, cwd=tmp_path).returncode == 0
    python, openvmi = venv / "bin" / "python", venv / "bin" / "openvmi"
    done = run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", top / "constraints.txt",
               wheel, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert run(python, "-c", "import ziglang", cwd=tmp_path).returncode == 1

    ran = run(openvmi, "run", "hello", "--json", "record.json", cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "hello" in ran.stdout
    record = json.loads((tmp_path / "record.json").read_text())
    assert (record["rom"], record["exit_reason"]) == ("emu", "exit") and record["link"]["inline"] > 0

    conform = run(openvmi, "conform", "--on", "emu", "--only", "base/", cwd=tmp_path)
    assert conform.returncode == 0 and " failure=0 " in conform.stdout.splitlines()[-1], conform.stdout + conform.stderr

    assert run(openvmi, "doctor", cwd=tmp_path).returncode == 0
    assert "IrqSaveDisable" in run(openvmi, "abi", "list", cwd=tmp_path).stdout
    for verb in (("abi", "check"), ("guest", "build", "hello")):
        refused = run(openvmi, *verb, cwd=tmp_path)
        assert refused.returncode == 69 and "needs the source tree" in refused.stderr
