# SPDX-License-Identifier: MIT
"""Building the runner: what comes out depends on the sources only."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from openvmi import resources
from openvmi.errors import BuildError, UnavailableError
from openvmi.hypervisors.linux import build

WORK = resources.built("cache")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sources of a program that ends at once, with status 5."""
    folder = tmp_path / "runner"
    (folder / "inner").mkdir(parents=True)
    (folder / "start.S").write_text(".globl _start\n_start: call main\nmovl %eax, %edi\nmovl $60, %eax\nsyscall\n")
    (folder / "inner" / "main.c").write_text('#include "main.h"\n#include <vmi/abi.h>\nint main(void) { return N; }\n')
    (folder / "main.h").write_text("#define N 5\nint main(void);\n")
    (folder / "runner.lds").write_text(
        "ENTRY(_start) PHDRS { text PT_LOAD FLAGS(5); }\nSECTIONS { . = 0x400000; .text : { *(.text*) } :text }\n")
    return folder


def test_same_bytes_from_another_folder(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out" / "linux"
    data = build.build(folder, output, WORK)
    assert output.read_bytes() == data and data.startswith(b"\x7fELF") and os.access(output, os.X_OK)
    assert str(tmp_path).encode() not in data
    assert subprocess.run([output], timeout=20).returncode == 5
    other = tmp_path / "elsewhere" / "sources"
    shutil.copytree(folder, other)
    assert build.build(other, tmp_path / "other", WORK) == data


@pytest.mark.parametrize("name", ["start.S", "inner/main.c"])
def test_what_is_wrong_with_the_sources(folder: Path, tmp_path: Path, name: str) -> None:
    with (folder / name).open("a") as file:
        file.write("nonsense here\n")
    with pytest.raises(BuildError, match=Path(name).name):
        build.build(folder, tmp_path / "linux", WORK)
    assert not (tmp_path / "linux").exists()


def test_without_script_or_sources(folder: Path, tmp_path: Path) -> None:
    (folder / "runner.lds").unlink()
    with pytest.raises(BuildError, match=r"2 sources and no runner\.lds"):
        build.build(folder, tmp_path / "linux", WORK)
    with pytest.raises(BuildError, match="0 sources"):
        build.build(tmp_path / "nowhere", tmp_path / "linux", WORK)


def test_installed_package_has_no_sources(monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path) -> None:
    monkeypatch.setattr(resources, "checkout", lambda: None)
    with pytest.raises(UnavailableError, match="needs the source tree"):
        build.build(folder, tmp_path / "linux", WORK)
