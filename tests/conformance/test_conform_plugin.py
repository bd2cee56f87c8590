# SPDX-License-Identifier: MIT
"""The kit as a pytest plugin, as a ROM's author has it: pytest in a repository of their own, the package installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from openvmi.cli import main
from openvmi.conformance.tests import Subject

PROBE = "openvmi::conform/base/probe~what-is-no-group-gives-0"


@pytest.fixture(scope="module")
def foreign(top: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a ROM of its own, built there, one that is wrong, a test of its own, and nothing else."""
    folder = tmp_path_factory.mktemp("foreign")
    shutil.copytree(top / "roms" / "emu", folder / "mine")
    about = folder / "mine" / "rom.toml"
    about.write_text(about.read_text().replace('name = "emu"', 'name = "mine"'))
    assert main.run(["rom", "build", str(folder / "mine"), "-o", str(folder / "mine.rom")]) == 0
    code = folder / "mine" / "calls.S"
    code.write_text(code.read_text().replace("\tjae 1f\n", "", 1))  # Probe takes any number
    assert main.run(["rom", "build", str(folder / "mine"), "-o", str(folder / "wrong.rom")]) == 0
    (folder / "sub").mkdir()
    (folder / "sub" / "test_own.py").write_text("def test_own(): pass\n")
    return folder


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The program that is installed, which finds the plugin by itself."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    program = Path(sys.executable).with_name("pytest")
    return subprocess.run([str(program), "-p", "no:cacheprovider", *arguments], cwd=folder, text=True, timeout=120,
                          env={**environment, "COLUMNS": "200"}, capture_output=True)


def listed(folder: Path, *arguments: str) -> list[str]:
    """The ids that --collect-only tells."""
    done = pytest_in(folder, "--openvmi-rom=mine.rom", "--collect-only", "-q", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    found = [line for line in done.stdout.splitlines() if "::" in line]
    counts = re.search(r"(\d+)(?:/\d+)? tests? collected", done.stdout)
    assert counts and int(counts[1]) == len(found)
    return found


def test_a_foreign_repository_checks_its_own_rom(foreign: Path) -> None:
    done = pytest_in(foreign, "--openvmi-rom=mine.rom", "-rA", "-k", "probe or vcpu-id or test_own")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\nopenvmi: ROM mine.rom on emu\n" in done.stdout and f"PASSED {PROBE}\n" in done.stdout
    assert "PASSED sub/test_own.py::test_own\n" in done.stdout and "no group smp" in done.stdout


def test_a_wrong_rom_is_found(foreign: Path) -> None:
    done = pytest_in(foreign, "--openvmi-rom=wrong.rom", "openvmi::conform/base/probe")
    assert done.returncode == 1 and f"FAILED {PROBE}" in done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stdout


def test_it_is_silent_without_the_option(foreign: Path) -> None:
    done = pytest_in(foreign)
    assert done.returncode == 0 and "collected 1 item\n" in done.stdout and "ROM" not in done.stdout


# ---- which tests ----

def test_the_kit_is_collected_as_tests_are(foreign: Path) -> None:
    everything = listed(foreign)
    kit = [name for name in everything if name.startswith("openvmi::conform/")]
    assert len(kit) > 500 and sorted(set(everything) - set(kit)) == ["sub/test_own.py::test_own"]
    assert listed(foreign, ".") == everything and listed(foreign, "openvmi") == kit
    done = pytest_in(foreign, "--openvmi-rom=mine.rom", "-k", "conform/base/probe")
    selected = [name for name in kit if name.startswith("openvmi::conform/base/probe")]
    collected = f"collected {len(everything)} items / {len(everything) - len(selected)} deselected"
    assert f"{collected} / {len(selected)} selected\n" in done.stdout and f"{len(selected)} passed" in done.stdout


def test_what_is_told_can_be_named(foreign: Path) -> None:
    probes = [name for name in listed(foreign, "-k", "conform/base/probe")]
    assert PROBE in probes and len(probes) > 2
    assert listed(foreign, PROBE, probes[0]) == [probes[0], PROBE]
    assert listed(foreign, "openvmi::conform/base/probe") == listed(foreign, "conform/base/probe") == probes
    assert listed(foreign, "sub/test_own.py", PROBE) == ["sub/test_own.py::test_own", PROBE]
    assert listed(foreign, "openvmi", "--deselect", "openvmi::conform/base") == [
        name for name in listed(foreign, "openvmi") if not name.startswith("openvmi::conform/base")]
    below = pytest_in(foreign / "sub", "--openvmi-rom=../mine.rom", "--rootdir=..", "-rA", f"../{PROBE}")
    assert below.returncode == 0 and f"PASSED ../{PROBE}" in below.stdout, below.stdout + below.stderr


def test_where_another_file_is_named_only_that_runs(foreign: Path) -> None:
    done = pytest_in(foreign, "--openvmi-rom=mine.rom", "sub/test_own.py")
    assert done.returncode == 0 and "collected 1 item\n" in done.stdout
    assert "ROM mine.rom is not checked, since other tests are named; name openvmi, too" in done.stdout


def test_a_profile_selects(foreign: Path) -> None:
    base = listed(foreign, "openvmi", "--openvmi-profile=base")
    assert {name.split("/")[1] for name in base} == {"base", "irq", "trap", "time", "event", "sys"}
    done = pytest_in(foreign, "--openvmi-rom=mine.rom", "--openvmi-profile=smp", "-k", "vcpu-id")
    assert done.returncode == 1 and "no group smp, which the profile has" in done.stdout


# ---- what comes of them ----

def test_a_run_in_which_nothing_ran_fails(foreign: Path) -> None:
    done = pytest_in(foreign, "--openvmi-rom=mine.rom", "-k", "conform/smp or test_own")
    assert done.returncode == 1 and re.search(r"1 passed, \d+ skipped", done.stdout), done.stdout + done.stderr
    assert re.search(r"openvmi: not one of \d+ tests ran, which is a failure", done.stdout)
    assert listed(foreign, "-k", "conform/smp")


@pytest.fixture
def patched(tmp_path: Path, wrong: Subject) -> Path:
    """A folder in which the kit is tests/conformance/guest."""
    (tmp_path / "conftest.py").write_text(
        f"from pathlib import Path\nfrom openvmi.conformance import plan, tests\n"
        f"plan.subjects = lambda: (tests.read(Path({str(wrong.path)!r})),)\n")
    return tmp_path


def test_a_failure_is_told(patched: Path) -> None:
    done = pytest_in(patched, "--openvmi-rom", "emu", "--openvmi-on", "emu", "-k", "failure-of-a-check")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILURE conform/base/probe~failure-of-a-check: two is three: found 0x2, expected 0x3" in done.stdout
    assert "Traceback" not in done.stdout and "1 failed" in done.stdout


def test_a_boot_may_take_so_long(patched: Path) -> None:
    done = pytest_in(patched, "--openvmi-rom", "emu", "--openvmi-timeout", "0.5", "-k", "crash-by-a-hang")
    assert done.returncode == 1 and "the guest did not end within 0.5 s" in done.stdout, done.stdout + done.stderr


def test_what_cannot_be_run_fails_once(patched: Path) -> None:
    with (patched / "conftest.py").open("a") as file:
        file.write("from openvmi.conformance.run import Runner\nfrom openvmi.errors import RefusedError\n"
                   "def refuse(self, subjects): raise RefusedError('nothing runs here')\nRunner.run = refuse\n")
    done = pytest_in(patched, "--openvmi-rom", "emu", "-k", "success")
    assert done.returncode == 1 and re.search(r"1 failed, \d+ skipped", done.stdout), done.stdout + done.stderr
    assert "nothing runs here" in done.stdout and "Traceback" not in done.stdout


# ---- what cannot be ----

def damaged(how: str, rom: bytes) -> bytes:
    """A ROM that is none."""
    return {"cut": rom[:700], "empty": b"", "corrupt": rom[:900] + bytes([rom[900] ^ 1]) + rom[901:]}[how]


@pytest.mark.parametrize("how", ["cut", "empty", "corrupt"])
def test_a_bad_rom_is_told_once(foreign: Path, tmp_path: Path, how: str) -> None:
    (tmp_path / "bad.rom").write_bytes(damaged(how, (foreign / "mine.rom").read_bytes()))
    told_once(pytest_in(tmp_path, "--openvmi-rom=bad.rom"), "bad.rom: ")


@pytest.mark.parametrize(("arguments", "words"), [
    (["--openvmi-rom=no-such"], "no ROM 'no-such'"),
    (["--openvmi-rom=mine.rom", "--openvmi-on=all"], "one hypervisor at a time here, and not all"),
    (["--openvmi-rom=mine.rom", "--openvmi-on=nowhere"], "no hypervisor 'nowhere'"),
    (["--openvmi-rom=mine.rom", "--openvmi-on=linux"], "is for the hypervisor emu, and not for linux"),
    (["--openvmi-rom=mine.rom", "--openvmi-profile=best"], "no profile 'best'"),
    (["--openvmi-rom=mine.rom", "openvmi::conform/nothing"], "no test begins with conform/nothing"),
    (["--openvmi-rom=mine.rom", "--openvmi-profile=base", "conform/mmu"], "no test of that profile begins with"),
    (["--openvmi-on=emu", "--openvmi-timeout=2"], "--openvmi-on and --openvmi-timeout: say with --openvmi-rom what"),
])
def test_what_makes_no_sense_is_told_once(foreign: Path, arguments: list[str], words: str) -> None:
    told_once(pytest_in(foreign, *arguments), words)


def test_a_timeout_is_seconds(foreign: Path) -> None:
    for value in ("0", "nan", "soon"):
        done = pytest_in(foreign, "--openvmi-rom=mine.rom", f"--openvmi-timeout={value}")
        assert done.returncode == 4 and "expected seconds, at least 0.001" in done.stderr


def told_once(done: subprocess.CompletedProcess[str], words: str) -> None:
    """One line, as of any wrong use of pytest, before any test."""
    assert done.returncode == 4, done.stdout + done.stderr
    error, = done.stderr.strip().splitlines()
    assert error.startswith("ERROR: ") and words in error
    assert "collected" not in done.stdout and "failed" not in done.stdout
