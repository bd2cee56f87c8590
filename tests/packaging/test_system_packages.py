# SPDX-License-Identifier: MIT
"""tools/system-packages, and what becomes of a test whose tools are missing. No machine is changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import system

PATTERN = "^xen-hypervisor-[0-9.]+-amd64$"
#: Whether this machine has it; that does not depend on PATH.
XEN = system.there("/boot/xen*.gz")
#: A test that needs what cannot be there, under the rules of tests/conftest.py.
CONFTEST = "from tests.conftest import *\n"
TEST = "import pytest\n@pytest.mark.needs('qemu-system-x86_64', 'xorriso')\ndef test_it(): pass\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH that has a shell, what the script needs, and nothing else."""
    folder = tmp_path / "usr" / "bin"
    folder.mkdir(parents=True)
    for name in ("bash", "dirname", "env"):
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    return folder


def command(folder: Path, name: str, script: str) -> None:
    """A program of the test's own."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def install(top: Path, path: Path) -> subprocess.CompletedProcess[str]:
    """Runs the script with that PATH."""
    return subprocess.run([str(top / "tools" / "system-packages")], env={"PATH": str(path)}, capture_output=True,
                          text=True, timeout=60)


def test_says_what_is_missing_where_it_may_not_install(top: Path, path: Path) -> None:
    command(path, "id", "echo 1000")
    command(path, "apt-get", "exit 9")
    done = install(top, path)
    assert done.returncode == 0 and all(
        package in done.stderr for what, package in system.packages().items() if not (XEN and what.startswith("/")))
    assert "MISSING" in done.stderr and "sudo apt-get install" in done.stderr


def test_installs_only_what_is_missing(top: Path, path: Path, tmp_path: Path) -> None:
    command(path, "id", "echo 0")
    command(path, "apt-get", f'echo "$@" >>{tmp_path}/log')
    for name in ("qemu-system-x86_64", "xorriso", "mformat", "openssl"):
        command(path, name, "exit 9")
    assert install(top, path).returncode == 0
    assert (tmp_path / "log").read_text().splitlines() == [
        "update -qq", f"install -y -qq --no-install-recommends grub-common grub-pc-bin{'' if XEN else f' {PATTERN}'}"]
    command(path, "apt-get", "exit 9")
    failed = install(top, path)
    assert failed.returncode == 0 and "could not install grub-pc-bin: tests that need it will fail" in failed.stderr
    command(path, "grub-mkrescue", "exit 9")
    (path.parent / "lib" / "grub" / "i386-pc").mkdir(parents=True)
    assert install(top, path).stderr == "" or not XEN


def test_one_that_cannot_be_had_keeps_no_other_away(top: Path, path: Path, tmp_path: Path) -> None:
    command(path, "id", "echo 0")
    command(path, "apt-get", f'case "$*" in *xorriso*) exit 9;; esac; echo "$@" >>{tmp_path}/log')
    done = install(top, path)
    assert done.returncode == 0 and done.stderr.count("***") == 1 and "could not install xorriso:" in done.stderr
    log = (tmp_path / "log").read_text()
    assert "install -y -qq --no-install-recommends mtools\n" in log and "xorriso" not in log


def test_files_by_pattern(top: Path, path: Path, tmp_path: Path) -> None:
    """A list of its own, beside a copy of the script."""
    shutil.copy(top / "tools" / "system-packages", tmp_path / "system-packages")
    (tmp_path / "system-packages.txt").write_text(f"{tmp_path}/xen-*.gz\t{PATTERN}\n")
    command(path, "id", "echo 1000")
    run = [str(tmp_path / "system-packages")]
    done = subprocess.run(run, env={"PATH": str(path)}, capture_output=True, text=True, timeout=60)
    assert f"--no-install-recommends '{PATTERN}'\n" in done.stderr
    (tmp_path / "xen-4.99.gz").touch()
    done = subprocess.run(run, env={"PATH": str(path)}, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def pytest_with(top: Path, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs that test."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    return subprocess.run(command, cwd=top, env=os.environ | {"CI": ""} | environment, capture_output=True, text=True,
                          timeout=60)


def test_skips_loudly_where_nothing_can_be_installed(top: Path, path: Path, tmp_path: Path) -> None:
    done = pytest_with(top, tmp_path, {"PATH": str(path)})
    assert done.returncode == 0, done.stdout
    assert "1 skipped" in done.stdout
    assert done.stdout.splitlines()[-1] == \
        "NOT TESTED: 1 tests skipped, because these packages are not installed: qemu-system-x86 xorriso"


def test_fails_in_ci(top: Path, path: Path, tmp_path: Path) -> None:
    done = pytest_with(top, tmp_path, {"PATH": str(path), "CI": "true"})
    assert done.returncode == 1
    assert "needs qemu-system-x86_64 and xorriso; on Debian and Ubuntu: apt install qemu-system-x86 xor" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="it is about root")
def test_fails_for_root_where_apt_is(top: Path, path: Path, tmp_path: Path) -> None:
    command(path, "apt-get", "exit 9")
    assert pytest_with(top, tmp_path, {"PATH": str(path)}).returncode == 1


def test_unknown_tools_are_noticed() -> None:
    with pytest.raises(KeyError):
        system.there("no-such-tool")
