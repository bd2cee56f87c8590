# SPDX-License-Identifier: MIT
"""openvmi audit: files of any kind, folders, and every way to end."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openvmi.audit import folder, read, unpack
from openvmi.audit.blob import Kind
from openvmi.audit.table import COLUMNS, QUESTIONS
from openvmi.cli import main
from openvmi.errors import BadFileError, UnavailableError
from tests.audit import option_roms

Make = Callable[..., Path]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def closed(make_module: Make) -> Path:
    return make_module("closed", LICENCE='"Proprietary"', IMPORT="printk")


def _lines(capsys: Capture) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_file(closed: Path, capsys: Capture) -> None:
    assert main.run(["audit", str(closed)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for part in ("closed: kernel module", "is open source NO MAYBE MAYBE NO NO, it claims",
                 "source is available cannot be known from the bytes", "imports 1 symbol: printk",
                 "licence not GPL-compatible: license=Proprietary", "unlike VMI: is copied into the kernel",
                 "(+) never mapped by the kernel"):
        assert part in text, part
    assert "unlike EVIL" not in text


def test_json(closed: Path, capsys: Capture) -> None:
    assert main.run(["audit", "--json", str(closed)]) == 0
    [found] = _lines(capsys)
    assert [row["question"] for row in found["rows"]] == [question.key for question in QUESTIONS]
    asked = [row for row in found["rows"] if row["original"]]
    assert len(asked) == 8 and all(list(row["original"]) == list(COLUMNS) for row in asked)
    assert found["kind"] == "kernel module" and found["contradicts"]["EVIL"] == [] and not found["problem"]
    assert {finding["mark"] for finding in found["findings"]} >= {"proprietary", "unsigned"}


def test_the_original_table() -> None:
    """As it was posted on 3 August 2006."""
    assert {question.key: question.original for question in QUESTIONS} == {
        "kernel_privilege": ("YES", "YES", "YES", "MAYBE (*)"), "copied": ("YES", "MAYBE", "NO", "NO"),
        "address_space": ("YES", "YES", "NO (+)", "??"), "hooks_back": ("YES", "MAYBE", "NO", "NO"),
        "hooks_into": ("YES", "YES", "YES", "YES"), "third_party": ("MAYBE", "MAYBE (?)", "NO", "YES"),
        "significant_ip": ("YES", "MAYBE (?)", "NO", "MAYBE (?)"), "source_available": (),
        "open_source": ("NO", "MAYBE", "MAYBE", "NO"),
    }


def test_nothing_known(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "text").write_text("hello")
    assert main.run(["audit", str(tmp_path / "text")]) == 65
    assert "no answers: neither an ELF file" in capsys.readouterr().out
    assert main.run(["audit", str(tmp_path)]) == 0  # in a folder it is only counted
    assert "1 files not recognised" in capsys.readouterr().out
    assert main.run(["audit", str(tmp_path / "absent")]) == 64
    assert "No such file" in capsys.readouterr().err


def test_programs(capsys: Capture, tiny_file: Path) -> None:
    assert main.run(["audit", "--json", sys.executable, str(tiny_file)]) == 0
    program, guest, total = _lines(capsys)
    answers = {row["question"]: row["answer"] for row in program["rows"]}
    assert {answers[key] for key in ("kernel_privilege", "copied", "hooks_back")} == {"no"}
    answers = {row["question"]: row["answer"] for row in guest["rows"]}
    assert guest["facts"]["role"] == "kernel" and answers["kernel_privilege"] == "yes"
    assert total["summary"]["kinds"] == {"ELF file": 2}


@pytest.fixture
def mixed(tmp_path: Path, closed: Path, make_module: Make) -> Path:
    """A folder with a bit of everything."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "closed.ko").write_bytes(closed.read_bytes())
    wrapper = make_module("wrapper2", LICENCE='"GPL"', EXPORTED="printk", IMPORT="vprintk").read_bytes()
    (tmp_path / "deep" / "wrapper2.ko.xz").write_bytes(lzma.compress(wrapper, check=lzma.CHECK_CRC32))
    (tmp_path / "it.rom").write_bytes(option_roms.efi(12))
    (tmp_path / "text").write_text("hello")
    (tmp_path / "broken.ko").write_bytes(closed.read_bytes()[:1000])
    (tmp_path / "link.ko").symlink_to(closed)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "zero").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def test_a_folder(mixed: Path, capsys: Capture) -> None:
    """Links, pipes and devices are left out; what is damaged is told; what belongs together is seen."""
    assert main.run(["audit", "--json", str(mixed)]) == 65
    *files, total = _lines(capsys)
    assert [Path(found["file"]).name for found in files] == ["broken.ko", "it.rom", "closed.ko", "wrapper2.ko.xz"]
    assert files[0]["problem"] and files[3]["facts"]["compressed"] == "xz" and files[3]["name"] == "wrapper2"
    [wrapped] = [found["text"] for found in files[2]["findings"] if found["mark"] == "wrapped"]
    assert "printk of wrapper2" in wrapped
    found = total["summary"]
    assert (found["damaged"], found["passed_over"]) == (1, 1)
    assert found["licences"] == {"no place for one": 1, "Proprietary": 1, "GPL": 1}
    assert found["remarkable"][0].endswith("closed.ko")
    assert main.run(["audit", str(mixed)]) == 65
    text = capsys.readouterr()
    assert "not in order" in text.out and text.err == ""  # progress is for a terminal


def test_the_page(mixed: Path, tmp_path: Path, capsys: Capture) -> None:
    target = tmp_path / "page.html"
    main.run(["audit", str(mixed), "--html", str(target)])
    text = target.read_text("utf-8")
    for part in ("<title>Audit of 4 blobs</title>", "is copied into the kernel", "license=Proprietary", "EVIL",
                 "printk of wrapper2"):
        assert part in text, part
    assert main.run(["audit", str(mixed / "it.rom"), "--html", str(target)]) == 0
    assert "EFI runtime driver" in target.read_text("utf-8")


def test_several_processes_say_the_same(modules: list[Path]) -> None:
    paths = [str(path) for path in modules[:200]]
    steps: list[int] = []
    one = list(folder.audit_all(paths, 1, lambda done, count: steps.append(done)))
    assert list(folder.audit_all(paths, 2, lambda done, count: None)) == one and steps == list(range(200))


def test_a_link_that_comes_after_the_listing(tmp_path: Path, closed: Path) -> None:
    (tmp_path / "late.ko").symlink_to(closed)
    found = read.audit_found(str(tmp_path / "late.ko"))
    assert found and found.problem.startswith("cannot be read") and not found.rows


def test_names_that_are_no_text(tmp_path: Path, closed: Path, capsys: Capture) -> None:
    name = os.fsdecode(b"\xff\x1b[2J.ko")
    (tmp_path / name).write_bytes(closed.read_bytes())
    for arguments in ([str(tmp_path)], ["--json", str(tmp_path)], [str(tmp_path), "--html", str(tmp_path / "page")]):
        assert main.run(["audit", *arguments]) == 0
        assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("form", ["xz", "gzip"])
def test_compressed(form: str, modules: list[Path]) -> None:
    data = modules[0].read_bytes()
    packed = lzma.compress(data, check=lzma.CHECK_CRC32) if form == "xz" else gzip.compress(data)
    plain, found = read.judge(data, "m.ko"), read.judge(packed, f"m.ko.{form}")
    assert found.rows == plain.rows and found.facts["compressed"] == form
    assert found.facts["unpacked_size"] == len(data)
    for damaged in (packed[:-20], packed[:100], packed[:50] + b"\xff" * 20 + packed[70:]):
        assert read.judge(damaged, "m.ko.xz").damaged


@pytest.mark.parametrize("compress", [lzma.compress, gzip.compress])
def test_a_bomb(compress: Callable[[bytes], bytes]) -> None:
    bomb = compress(bytes(1 << 20))
    with pytest.raises(BadFileError, match="more than 65536 bytes"):
        unpack.unpack(bomb, 1 << 16)
    assert unpack.unpack(bomb, 1 << 20) == bytes(1 << 20)


def test_zstd_without_a_library(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("compression.zstd", "zstandard"):
        monkeypatch.setitem(sys.modules, name, None)
    (tmp_path / "m.ko.zst").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(20))
    assert main.run(["audit", str(tmp_path / "m.ko.zst")]) == 69
    assert "pip install zstandard, or unpack it first: zstd -d FILE" in capsys.readouterr().err
    assert main.run(["audit", str(tmp_path), "--json"]) == 65
    assert "pip install zstandard" in _lines(capsys)[0]["problem"]


def test_zstd_with_a_library(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the interface that both libraries have; what decompresses is the system's program."""
    class Decompressor:
        def decompress(self, data: bytes, limit: int) -> bytes:
            assert limit == 1 + (256 << 20)
            return closed.read_bytes() if data.endswith(b"good") else _fail()

    def _fail() -> bytes:
        raise ArithmeticError("bad block")

    library = types.SimpleNamespace(ZstdDecompressor=Decompressor, ZstdError=ArithmeticError)
    monkeypatch.setitem(sys.modules, "compression.zstd", library)
    assert read.judge(b"\x28\xb5\x2f\xfdgood", "m.ko.zst").kind is Kind.MODULE
    assert "bad block" in read.judge(b"\x28\xb5\x2f\xfdbad", "m.ko.zst").problem


def test_the_message_of_a_missing_library_names_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("compression.zstd", "zstandard"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UnavailableError, match=r"m\.ko\.zst: it is compressed by zstd"):
        read.judge(b"\x28\xb5\x2f\xfd", "m.ko.zst")


def test_interrupted(modules: list[Path]) -> None:
    """No traceback, no process left: it ends when its reader does."""
    with subprocess.Popen([sys.executable, "-m", "openvmi.cli.main", "audit", "--json", modules[0].parents[3]],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr and process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b"" and process.wait(60) == 141


def test_progress_on_a_terminal(modules: list[Path]) -> None:
    """It counts there, and leaves nothing behind."""
    control, terminal = os.openpty()
    done = subprocess.run([sys.executable, "-m", "openvmi.cli.main", "audit", modules[0].parents[1]], stderr=terminal,
                          stdout=subprocess.PIPE, timeout=120)
    os.close(terminal)
    said = os.read(control, 1 << 16)
    os.close(control)
    assert done.returncode == 0 and b"0 of " in said and said.endswith(b"\r\x1b[K")
