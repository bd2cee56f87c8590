# SPDX-License-Identifier: MIT
"""Which QEMU is found, and what is said about the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from openvmi.errors import UnavailableError
from openvmi.hypervisors import get
from openvmi.machine.qemu import installation
from openvmi.running import choose

HOW = "apt install qemu-system-x86"


def _fake(folder: Path, text: str, mode: int = 0o755) -> None:
    path = folder / installation.PROGRAM
    path.write_text(text)
    path.chmod(mode)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_the_real_one() -> None:
    state = installation.availability()
    assert state.usable, f"{state.reason} {state.remedy}"
    found = installation.find()
    assert tuple(map(int, found.version.split(".")[:2])) >= installation.LEAST
    assert state.versions == {installation.PROGRAM: found.version}


def test_missing(path: Path) -> None:
    with pytest.raises(UnavailableError, match=f"not on PATH; QEMU 6.0 or newer.*{HOW}"):
        installation.find()
    state = get("bare").available()
    assert not state.usable and HOW in state.remedy
    with pytest.raises(UnavailableError, match=HOW):
        choose("bare")
    assert choose(None).name == "emu"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("#!/bin/sh\necho QEMU emulator version 5.2.0 '(Debian)'\n", "is QEMU 5.2.0; QEMU 6.0 or newer"),
        ("#!/bin/sh\necho QEMU emulator version 6.0\n", ""),
        ("#!/bin/sh\necho QEMU emulator version 10.1.0\n", ""),
        ("#!/bin/sh\necho something else\n", "'something else'"),
        ("#!/bin/sh\necho QEMU emulator version 7.2.0; exit 3\n", "status 3"),
        ("#!/bin/sh\nexit 0\n", "'nothing'"),
        ("#!/nowhere/at/all\n", "does not run"),
        ("\x7fELF", "does not run"),
    ],
)
def test_fakes(path: Path, script: str, words: str) -> None:
    _fake(path, script)
    if words:
        with pytest.raises(UnavailableError, match=words) as caught:
            installation.find()
        assert HOW in str(caught.value)
    else:
        assert installation.find().program == str(path / installation.PROGRAM)


def test_one_that_never_answers(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "_ANSWER_SECONDS", 0.2)
    _fake(path, "#!/bin/sh\nexec /bin/sleep 100\n")
    with pytest.raises(UnavailableError, match=r"does not run .*0.2 seconds"):
        installation.find()


def test_asked_once_and_again_when_replaced(path: Path) -> None:
    asked = path / "asked"
    script = f"#!/bin/sh\necho x >> {asked}\necho QEMU emulator version "
    _fake(path, script + "7.0.0\n")
    for _ in range(3):
        assert installation.find().version == "7.0.0"
    assert asked.read_text() == "x\n"
    (path / installation.PROGRAM).rename(path / "old")
    _fake(path, script + "8.0.0\n")
    assert installation.find().version == "8.0.0"


def test_either_will_do_for_32_bits(path: Path) -> None:
    with pytest.raises(UnavailableError, match="qemu-system-x86_64 is not on PATH"):
        installation.find(installation.PROGRAMS_I386)
    _fake(path, "#!/bin/sh\necho QEMU emulator version 7.0.0\n")
    assert installation.find(installation.PROGRAMS_I386).program == str(path / installation.PROGRAM)
    (path / "qemu-system-i386").symlink_to(installation.PROGRAM)
    assert installation.find(installation.PROGRAMS_I386).program == str(path / "qemu-system-i386")
