# SPDX-License-Identifier: MIT
"""openvmi conform, and the kit as a pytest plugin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from openvmi.cli import main
from openvmi.conformance.tests import Subject
from openvmi.status import Status


def test_a_good_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    junit, record = tmp_path / "out.xml", tmp_path / "out.json"
    files = ["--junit", str(junit), "--json", str(record)]
    assert main.run(["conform", "--on", "emu", "--only", "base/probe", *files]) == 0
    lines = capsys.readouterr().out.splitlines()
    count = len(json.loads(record.read_text())["places"][0]["tests"])
    said, seconds = lines[-1].rsplit(" seconds=", 1)
    assert said == f"conform: ran={count} success={count} skip=0 xfail=0 failure=0 crash=0 on=emu rom=emu"
    assert 0 <= float(seconds) < 60
    assert count >= 3 and junit.read_bytes().count(b"<testcase") == count


def test_json_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["conform", "--on", "emu", "--only", "conform/base/probe", "--json", "-"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["places"][0]["hypervisor"] == "emu"
    assert captured.err.splitlines()[-1].startswith("conform: ran=")


def test_nothing_ran(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["conform", "--on", "emu", "--only", "suspend/"]) == 2
    assert "ran=0" in capsys.readouterr().out.splitlines()[-1]


def test_a_claim_that_does_not_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["conform", "--on", "emu", "--only", "smp/vcpu-id", "--profile", "smp"]) == 1
    assert "no group smp, which the profile has" not in capsys.readouterr().out


def test_list_and_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["conform", "--list", "--only", "base/probe"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines and all(line.startswith("conform/base/probe~") for line in lines)
    assert {line.split()[1] for line in lines} == {"POSITIVE", "BOUNDARY", "HOSTILE"}
    assert main.run(["conform", "--check", "--only", "base/probe"]) == 1
    assert "openvmi: irq/halt has no POSITIVE test\n" in capsys.readouterr().err
    assert main.run(["conform", "--check"]) == 0


@pytest.mark.parametrize(("arguments", "status", "words"), [
    (["--only", "nothing"], Status.USAGE, "no test's id begins with conform/nothing"),
    (["--on", "nowhere"], Status.USAGE, "nowhere"),
    (["--on", "all", "--rom", "emu"], Status.USAGE, "leave --rom and --native away"),
    (["--profile", "best"], Status.USAGE, "no profile 'best'"),
    (["--rom", "no-such"], Status.USAGE, "no ROM 'no-such'"),
    (["--rom", "classic-full"], Status.REFUSED, "classic"),
])
def test_wrong_usage(capsys: pytest.CaptureFixture[str], arguments: list[str], status: Status, words: str) -> None:
    assert main.run(["conform", *arguments]) == status
    assert words in capsys.readouterr().err


def test_a_rom_says_where_it_runs(capsys: pytest.CaptureFixture[str], top: Path) -> None:
    assert main.run(["conform", "--rom", str(top / "build/roms/linux.rom"), "--only", "base/probe"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].partition(" seconds=")[0].endswith("on=linux rom=linux")


# ---- the plugin, in a process of its own ----

MUTANT = """
[[mutant]]
group = "base"
kind = "wrong error"
wrong = "{0}"
file = "calls.S"
old = "	jae 1f\\n"
new = "{1}"
tests = "base/probe"
"""


def test_mutants(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    table = tmp_path / "table.toml"
    table.write_text('rom = "emu"\n' + MUTANT.format("Probe takes any number", ""))
    assert main.run(["conform", "--mutants", str(table)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "CAUGHT   emu base, wrong error: Probe takes any number"
    assert lines[1].lstrip().startswith(("FAILURE conform/base/probe~", "CRASH conform/base/probe~"))
    assert lines[2:] == ["mutants: rom=emu made=1 caught=1 refused=0 survived=0 rate=100%"]
    table.write_text('rom = "emu"\n' + MUTANT.format("nothing", "	jnc 1f\\n"))
    assert main.run(["conform", "--mutants", str(table)]) == 1
    assert capsys.readouterr().out.splitlines()[0].startswith("SURVIVED")
    assert main.run(["conform", "--mutants", str(table), "--on", "emu"]) == Status.USAGE
    assert "leave the other options away" in capsys.readouterr().err


def kit(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """pytest in an empty folder."""
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "200",
                   "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run([sys.executable, "-m", "pytest", "-p", "openvmi.conformance.plugin", "-rA", *arguments],
                          cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def test_the_plugin_runs_a_rom(tmp_path: Path, top: Path) -> None:
    done = kit(tmp_path, f"--openvmi-rom={top}/build/roms/emu.rom", "-k", "probe or vcpu-id")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASSED conform/base/probe~what-is-no-group-gives-0" in done.stdout and "no group smp" in done.stdout


def test_the_plugin_tells_a_failure(tmp_path: Path, wrong: Subject) -> None:
    script = (f"from pathlib import Path\nfrom openvmi.conformance import plan\n"
              f"plan.subjects = lambda: (plan.read(Path({str(wrong.path)!r})),)\n")
    (tmp_path / "conftest.py").write_text(script)
    done = kit(tmp_path, "--openvmi-rom", "emu", "--openvmi-on", "emu", "-k", "failure-of-a-check")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILURE conform/base/probe~failure-of-a-check: two is three: found 0x2, expected 0x3" in done.stdout
    assert "Traceback" not in done.stdout and "1 failed" in done.stdout


def test_the_plugin_is_silent_without_the_option(tmp_path: Path) -> None:
    done = kit(tmp_path)
    assert done.returncode == 5 and "collected 0 items" in done.stdout


def test_the_plugin_tells_what_cannot_be(tmp_path: Path) -> None:
    done = kit(tmp_path, "--openvmi-rom", "no-such", "-k", "probe")
    assert done.returncode == 1 and "no ROM 'no-such'" in done.stdout and "Traceback" not in done.stdout
