# SPDX-License-Identifier: MIT
"""What all verbs about trust have in common: JSON, pages, and what they say of files that are none of theirs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

from openvmi import resources
from openvmi.audit import folder
from openvmi.audit.read import audit_found
from openvmi.cli import main
from openvmi.status import Status

Capture = pytest.CaptureFixture[str]
#: Verb and title of its page; each takes the file of a ROM.
VERBS = {
    ("rom", "inspect"): "ROM {}", ("rom", "source"): "Source of {}", ("rom", "rebuild"): "Rebuild of {}",
    ("rom", "lint"): "Lint of {}", ("rom", "verify"): "Signature of {}", ("audit",): "Audit of {}",
}
_VOID = {"meta", "br", "hr"}


class _Page(HTMLParser):
    """Fails for a page whose elements are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.title = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        assert not {"src", "href", "onload"} & dict(attrs).keys()
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["title"]:
            self.title += data


@pytest.fixture
def rom(tmp_path: Path) -> Path:
    """A ROM, under a name that a terminal would obey."""
    path = tmp_path / "a\x1b[31m <b>.rom"
    path.write_bytes((resources.built("roms") / "emu.rom").read_bytes())
    return path


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_page_replaces_nothing_but_a_page(verb: tuple[str, ...], rom: Path, tmp_path: Path, capsys: Capture) -> None:
    data = rom.read_bytes()
    assert main.run([*verb, str(rom), "--html", str(rom)]) == Status.USAGE
    assert "a file that is no page is there" in capsys.readouterr().err and rom.read_bytes() == data
    assert os.listdir(tmp_path) == [rom.name]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_whoever_ends_a_rebuild_leaves_nothing(number: signal.Signals, rom: Path, tmp_path: Path) -> None:
    """Not the source of somebody else, either, which was unpacked for it."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with subprocess.Popen([Path(sys.executable).with_name("openvmi"), "rom", "rebuild", rom], stderr=subprocess.PIPE,
                          env=os.environ | {"TMPDIR": str(scratch)}) as process:
        assert process.stderr
        while not list(scratch.glob("openvmi-rebuild-*/source")):
            assert process.poll() is None
            time.sleep(0.001)
        process.send_signal(number)
        assert process.wait(30) == Status.INTERRUPTED and process.stderr.read() == b""
    assert os.listdir(scratch) == []


def test_a_page_about_a_rom_that_is_built(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert main.run(["rom", "build", "template", "-o", str(tmp_path / "it.rom"), "--html", str(page)]) == 0
    assert _Page(page.read_text()).title == "ROM it.rom"


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_text_json_and_page(verb: tuple[str, ...], rom: Path, tmp_path: Path, capsys: Capture) -> None:
    page = tmp_path / "page.html"
    status = 1 if verb[-1] == "verify" else 0
    assert main.run([*verb, str(rom), "--html", str(page)]) == status
    text, told = capsys.readouterr()
    assert text and "\x1b" not in text and told == ""
    found = _Page(page.read_text())
    shown = rom.name.replace("\x1b", "\\x1b")
    assert VERBS[verb].format(shown) in (found.title, found.title.replace(f"{tmp_path}/", ""))
    assert found.seen.count("title") == found.seen.count("h1") == 1 and "table" in found.seen
    assert not {"script", "img", "link", "iframe", "b"} & set(found.seen)
    assert main.run([*verb, str(rom), "--json"]) == status
    assert rom.name in json.dumps(json.loads(capsys.readouterr().out), ensure_ascii=False).replace("\\u001b", "\x1b")


def test_a_page_of_a_classic_rom(tmp_path: Path, capsys: Capture) -> None:
    page = tmp_path / "page.html"
    assert main.run(["rom", "inspect", str(resources.built("roms") / "classic-full.rom"), "--html", str(page)]) == 0
    assert _Page(page.read_text()).title == "ROM classic-full.rom"


@pytest.mark.parametrize("verb", [*VERBS, ("rom", "sign", "--remove"), ("key", "trust"), ("key", "show")], ids=" ".join)
def test_files_that_are_none(verb: tuple[str, ...], tmp_path: Path, capsys: Capture) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "empty").touch()
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", 1 << 32)
    wrong = {tmp_path / "missing\x1b": 64, tmp_path / "pipe": 64, tmp_path / "loop": 64, Path("/dev/zero"): 64,
             tmp_path / "empty": 65, tmp_path / "large": 65}
    for path, status in wrong.items() if verb == ("audit",) else [*wrong.items(), (tmp_path, 64)]:
        assert main.run([*verb, str(path)]) == status, path
        text, told = capsys.readouterr()
        if path.name != "empty" or verb != ("audit",):  # which says what it found, as of any file
            assert text == "" and told.startswith("openvmi: ") and told.count("\n") == 1, path
        assert "Traceback" not in told and "\x1b" not in told


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_page_that_cannot_be_written_is_named(verb: tuple[str, ...], rom: Path, capfd: Capture) -> None:
    target = rom.parent / "nowhere" / "page.html"
    assert main.run([*verb, str(rom), "--html", str(target)]) == Status.TOOL
    text, told = capfd.readouterr()
    assert text == "" and told.startswith(f"openvmi: {target}: No such file or directory; ") and told.count("\n") == 1
    assert [path.name for path in rom.parent.iterdir()] == [rom.name]


def test_a_rebuild_that_cannot_be_remembered(rom: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Its result counts all the same."""
    monkeypatch.setenv("OPENVMI_STATE", str(rom))
    assert main.run(["rom", "rebuild", str(rom)]) == 0
    text, told = capsys.readouterr()
    assert "identical" in text and told.startswith("not remembered, so guests are still tainted R: ")


def test_folders_that_cannot_be_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in them was audited, so nobody may take the rest for all."""
    inner, scan = tmp_path / "inner", os.scandir
    inner.mkdir()

    def scandir(path: str) -> object:
        if path == str(inner):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert folder.files(tmp_path) == [str(inner)]
    blob = audit_found(str(inner))
    assert blob and blob.problem.startswith("cannot be read: ") and blob.damaged
