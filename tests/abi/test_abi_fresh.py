# SPDX-License-Identifier: MIT
"""Generated files are what the definition says, and a stale one is found."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from openvmi.abi import generate
from openvmi.errors import AbiError
from openvmi.status import Status


@pytest.fixture
def copy(tmp_path: Path, top: Path) -> Path:
    """The generated files alone."""
    for name in generate.OUTPUTS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(top / name, tmp_path / name)
    return tmp_path


def test_fresh(top: Path) -> None:
    assert generate.check_fresh(top) == len(generate.OUTPUTS) == 12


@pytest.mark.parametrize("name", generate.OUTPUTS)
def test_each_stale_file_is_named(copy: Path, name: str) -> None:
    (copy / name).write_text((copy / name).read_text() + " ")
    with pytest.raises(AbiError, match=name.replace("+", r"\+")):
        generate.check_fresh(copy)


def test_generate_writes_only_what_changed(copy: Path) -> None:
    names = list(generate.OUTPUTS)
    (copy / names[0]).unlink()
    (copy / names[1]).write_text("")
    assert generate.write(copy) == names[:2]
    assert generate.write(copy) == []
    assert generate.check_fresh(copy) == len(names)


@pytest.mark.parametrize(("file", "old", "new", "named"), [
    ("4.1/irq.toml", "revision = 2", "revision = 3", "libvmi/src/forms.c"),
    ("4.0/irq.toml", "revision = 1", "revision = 2", "docs/reference/vmi-4.0.md"),
    ("3.0/notice.toml", 'name = "SetCallbacks"', 'name = "SetCallback"', "libvmi/include/vmi/classic.h"),
])
def test_command_fails_when_the_definition_was_edited(tmp_path: Path, top: Path, file: str, old: str, new: str,
                                                      named: str) -> None:
    """The whole way: a tree of its own, an edited number, the command."""
    for part in ("abi", "src", "libvmi", "docs", "pyproject.toml"):
        (shutil.copytree if (top / part).is_dir() else shutil.copy)(top / part, tmp_path / part)
    edited = tmp_path / "abi" / file
    assert old in edited.read_text()
    edited.write_text(edited.read_text().replace(old, new, 1))

    def openvmi(verb: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "openvmi.cli.main", "abi", verb], text=True, capture_output=True,
                              env={**os.environ, "PYTHONPATH": str(tmp_path / "src")}, check=False)

    stale = openvmi("check")
    assert stale.returncode == Status.BAD_FILE
    assert "stale: " in stale.stderr and named in stale.stderr and "openvmi abi generate" in stale.stderr
    assert openvmi("generate").returncode == 0
    assert openvmi("check").stdout == "12 generated files are fresh\n"
