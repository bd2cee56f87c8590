# SPDX-License-Identifier: MIT
"""The entry: help, what it imports, and one message and status for every kind of error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from openvmi import errors
from openvmi.cli import main, verbs
from openvmi.status import Status


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str], top: Path) -> None:
    assert main.run(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {verb}  " in text.replace("\n", "  \n") or f"  {verb} " in text for verb in verbs.VERBS)
    modules = {path.stem for path in (top / "src/openvmi/cli").glob("*.py") if not path.stem.startswith("rom_")}
    assert set(verbs.VERBS) == modules - {"__init__", "entry", "main", "options", "verbs", "terminal"}


@pytest.mark.parametrize("verb", verbs.VERBS)
def test_every_verb_has_help_and_json(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run([verb, "--help"]) == 0
    text = capsys.readouterr().out
    subverbs = [line.split()[0] for line in text.partition("Commands:")[2].splitlines() if line.strip()]
    for subverb in subverbs:
        assert main.run([verb, subverb, "--help"]) == 0
        assert "--json" in capsys.readouterr().out, f"{verb} {subverb}"
    assert subverbs or "--json" in text


def test_no_arguments_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run([]) == 0
    assert "Verbs:" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-X", "importtime", "-m", "openvmi.cli.main", *arguments],
                          capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "typer" in imported
    assert not imported & {"unicorn", "capstone", "elftools", "jinja2", "rich", "license_expression", "ziglang"}


@pytest.mark.parametrize(("error", "status"), [
    (errors.UsageError, 64), (errors.BadRomError, 65), (errors.BadGuestError, 65), (errors.AbiError, 65),
    (errors.UnavailableError, 69), (errors.RefusedError, 121), (errors.BuildError, 125), (errors.OpenVmiError, 125),
])
def test_errors(error: type[Exception], status: int, monkeypatch: pytest.MonkeyPatch,
                capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise error("what, where, expected, what to do")

    monkeypatch.setattr("openvmi.diagnosis.diagnose", fail)
    assert main.run(["doctor"]) == status
    assert capsys.readouterr() == ("", "openvmi: what, where, expected, what to do\n")


def test_internal_errors_show_a_traceback_on_demand_only(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("openvmi.diagnosis.diagnose", lambda: 1 // 0)
    monkeypatch.delenv("OPENVMI_DEBUG", raising=False)
    assert main.run(["doctor"]) == Status.TOOL
    text = capsys.readouterr().err
    assert text.startswith("openvmi: internal error: ZeroDivisionError") and text.count("\n") == 1
    monkeypatch.setenv("OPENVMI_DEBUG", "1")
    assert main.run(["doctor"]) == Status.TOOL
    assert "Traceback" in capsys.readouterr().err


def test_interrupt(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("openvmi.diagnosis.diagnose", interrupt)
    assert main.run(["doctor"]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("arguments", [["nothing"], ["--nothing"], ["run"], ["run", "x", "--timeout", "soon"],
                                       ["guest"], ["guest", "nothing"], ["abi", "show", "Nothing"],
                                       ["abi", "list", "--version", "9.9"], ["guest", "inspect", "/does/not/exist"]])
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(arguments) == 64
    told = capsys.readouterr().err
    assert told.startswith("openvmi: ") and told.count("\n") == 1


def test_closed_output() -> None:
    """As in `openvmi abi list | head -1`: no complaint."""
    command = "import sys, os; os.close(0); r, w = os.pipe(); os.dup2(w, 1); os.close(r); os.close(w); " \
              "from openvmi.cli.main import main; sys.argv = ['openvmi', 'abi', 'list']; main()"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (141, "")
