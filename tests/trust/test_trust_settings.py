# SPDX-License-Identifier: MIT
"""The user's configuration: what it may say, and what is said of everything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from openvmi.abi.names import LicenceClass
from openvmi.errors import RefusedError, UsageError
from openvmi.trust import settings
from openvmi.trust.settings import SIZE_LIMIT, Settings


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it is looked for."""
    monkeypatch.setenv("OPENVMI_CONFIG", str(tmp_path))
    return tmp_path / "config.toml"


def test_without_a_file_nothing_is_asked(file: Path) -> None:
    assert settings.read() == Settings(LicenceClass.UNKNOWN, False, None)


@pytest.mark.parametrize(("text", "licence", "signed"), [
    ("", "UNKNOWN", False), ("[trust]\n", "UNKNOWN", False), ('[trust]\nlicence = "any"', "UNKNOWN", False),
    ('[trust]\nlicence = "osi"\nsigned = true', "OSI", True), ('trust = { licence = "gpl" }', "GPL", False),
])
def test_what_it_may_say(text: str, licence: str, signed: bool, file: Path) -> None:
    file.write_text(text)
    assert settings.read() == Settings(LicenceClass[licence], signed, file)


@pytest.mark.parametrize(("data", "says"), [
    (b'[trust]\nlicence = "free"', "[trust] licence = 'free', expected one of any, osi, gpl"),
    (b"[trust]\nlicence = 3", "licence = 3, expected one of"),
    (b'[trust]\nlicence = ["gpl"]', "licence = ['gpl'], expected one of"),
    (b'[trust]\nsigned = "yes"', "signed = 'yes', expected true or false"),
    (b"[trust]\nsigned = 1", "signed = 1, expected true or false"),
    (b'[trust]\nlicense = "gpl"', "unknown key 'license'; known are licence and signed"),
    (b'licence = "gpl"', "unknown 'licence'; the one table of this file is [trust]"),
    (b"[trusted]\n", "unknown 'trusted'"), (b"trust = 1", "trust is 1, expected the table [trust]"),
    (b"[[trust]]\n", "expected the table [trust]"), (b"[trust", "not TOML"), (b"\xff\xfe", "not TOML"),
    (b"a = " + b"[" * 20000, "not TOML"), (b"a = " + b"1" * 5000, "not TOML"), (b"[trust]\0", "not TOML"),
    (b"#" * (SIZE_LIMIT + 1), "65536"),
])
def test_what_it_may_not_say(data: bytes, says: str, file: Path) -> None:
    file.write_bytes(data)
    with pytest.raises(UsageError) as refused:
        settings.read()
    assert says in str(refused.value) and str(refused.value).startswith(str(file)), refused.value
    assert len(str(refused.value)) < 500


def test_a_link(file: Path, tmp_path: Path) -> None:
    """One that leads nowhere does not mean that nothing is asked."""
    file.symlink_to(tmp_path / "elsewhere.toml")
    with pytest.raises(UsageError, match=r"elsewhere\.toml"):
        settings.read()
    (tmp_path / "elsewhere.toml").write_text("[trust]\nsigned = true")
    assert settings.read().signed


def test_a_folder_out_of_sight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENVMI_CONFIG", str(tmp_path / "link" / "below"))
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match=f"^{tmp_path}/link: a link that leads nowhere"):
        settings.read()
    (tmp_path / "elsewhere").mkdir()
    assert settings.read() == Settings()


def test_what_others_could_have_written(file: Path) -> None:
    file.write_text("")
    file.chmod(0o666)
    with pytest.raises(RefusedError, match=r"others can write this configuration; if none did, run: chmod go-w"):
        settings.read()
    file.chmod(0o600)
    file.parent.chmod(0o777)
    with pytest.raises(RefusedError, match=r"others can write this folder of the configuration"):
        settings.read()


def test_what_is_no_file(file: Path) -> None:
    file.mkdir()
    with pytest.raises(UsageError, match=r"config\.toml"):
        settings.read()
