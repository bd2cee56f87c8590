# SPDX-License-Identifier: MIT
"""openvmi fuzz as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from openvmi.errors import UnavailableError

_FUZZ = [sys.executable, "-m", "openvmi.cli.main", "fuzz"]
_FLUSH_TWICE = Path(__file__).parent / "sequences" / "linux-flush-twice.json"


def fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*_FUZZ, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)


def test_a_short_campaign() -> None:
    done = fuzz("--on", "emu", "--count", "30")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("fuzz: sequences=30 operations=") and done.stdout.rstrip().endswith(" on=emu")
    assert "30 sequences, " in done.stderr
    again = fuzz("--on", "emu", "--count", "30")
    assert again.stdout.split(" per_minute")[0] == done.stdout.split(" per_minute")[0]


def test_the_result_for_machines(tmp_path: Path) -> None:
    done = fuzz("--on", "emu", "--count", "5", "--json", "-")
    found = json.loads(done.stdout)
    assert (found["on"], found["sequences"], found["divergences"]) == (["emu"], 5, [])
    done = fuzz("--on", "emu", "--count", "5", "--json", str(tmp_path / "a.json"))
    assert done.stdout.startswith("fuzz: sequences=5 ")
    assert json.loads((tmp_path / "a.json").read_text())["operations"] == found["operations"]


def test_a_replay() -> None:
    done = fuzz("--on", "emu", "--replay", str(_FLUSH_TWICE))
    assert done.returncode == 0 and "sequences=1 " in done.stdout and "divergences=0" in done.stdout


def test_what_is_no_sequence_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"format": "openvmi-sequence-1", "sequences": [["call halt"]]}')
    done = fuzz("--on", "emu", "--replay", str(file))
    assert done.returncode == 65 and "does not say what happens" in done.stderr
    file.write_text("nothing")
    assert fuzz("--on", "emu", "--replay", str(file)).returncode == 65


@pytest.mark.parametrize("arguments", [("--on", "nosuch"), ("--seed", "-1"), ("--count", "0"), ("--time", "0")])
def test_what_makes_no_sense(arguments: tuple[str, ...]) -> None:
    done = fuzz(*arguments)
    assert done.returncode == 64 and not done.stdout and "Traceback" not in done.stderr


def test_without_hypothesis_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from openvmi.conformance.fuzz import generate

    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(UnavailableError, match=r"openvmi\[fuzz\]"):
        generate(0, 1)
