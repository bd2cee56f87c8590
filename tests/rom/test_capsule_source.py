# SPDX-License-Identifier: MIT
"""What a ROM was built from: exactly that is in its capsule, and it is extracted whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve
from typer.testing import CliRunner

from openvmi import resources
from openvmi.cli.rom import app
from openvmi.errors import BadFileError, BuildError, UsageError
from openvmi.rom import capsule_tar, recipe, source
from openvmi.rom.build import build
from openvmi.rom.capsule import Capsule
from openvmi.rom.emit import contents_of, emit
from openvmi.rom.form import Form
from openvmi.rom.image import RomImage
from openvmi.rom.load import load
from openvmi.rom.recipe import Recipe
from tests.rom import capsules

Sources = Callable[..., Path]
URL = "https://example.org/emu.tar"


def _run(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=True)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


def test_what_is_in_it(emu: RomImage) -> None:
    top = resources.checkout()
    assert top is not None and emu.capsule
    files = emu.capsule.files()
    at = {"rom": top / "roms" / "emu", "include": top / "libvmi" / "include", "link": top / "src" / "openvmi" / "rom"}
    assert sorted(files) == ["include/vmi/abi.h", "include/vmi/asm.h", "include/vmi/rom.h", "link/rom.lds",
                             "recipe.json", "rom/calls.S", "rom/private.h", "rom/rom.toml"]
    for name, data in files.items():
        if name != recipe.FILE:
            folder, _, rest = name.partition("/")
            assert data == (at[folder] / rest).read_bytes()
    how = Recipe.unpack(files[recipe.FILE], "emu")
    assert how.inputs == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()
                          if name != recipe.FILE} == emu.manifest["sources"]
    bare = emit(evolve(contents_of(emu), capsule=b""))
    assert how.outputs == {"rom": hashlib.sha256(bare).hexdigest()}
    assert "-Os" in how.rom.compile and "--emit-relocs" in how.rom.link and how.shim is None


def test_only_headers_that_are_included(sources: Sources, work: Path, tmp_path: Path) -> None:
    folder = sources(extra='#include "used with space.h"')
    (folder / "used with space.h").write_text("#ifdef NOT_SET\n#include \"unused.h\"\n#endif\n")
    (folder / "unused.h").write_text("")
    image = build(folder, tmp_path / "x.rom", work)
    assert image.capsule
    assert "rom/used with space.h" in image.capsule.files() and "rom/unused.h" not in image.capsule.files()


@pytest.mark.parametrize(("name", "text", "says"), [
    ("calls.S", '.incbin "/etc/hostname"', "'.incbin', expected #include, or the bytes themselves"),
    ("calls.S", '.include "other.S"', "'.include'"),
    ("calls.S", '#include "../outside.h"', "outside.h is included, expected files of"),
])
def test_what_a_capsule_could_not_have_is_refused(sources: Sources, work: Path, tmp_path: Path, name: str, text: str,
                                                  says: str) -> None:
    folder = sources(extra=text if text[0] == "#" else f"/* no comment counts */ .if 0\n{text}\n.endif")
    (folder.parent / "outside.h").write_text("")
    with pytest.raises(BuildError) as refused:
        build(folder, tmp_path / "out" / "x.rom", work)
    assert says in str(refused.value) and not (tmp_path / "out").exists()


def test_a_name_that_a_capsule_could_not_have(sources: Sources, work: Path, tmp_path: Path) -> None:
    folder = sources(extra='#include "+x.h"')
    (folder / "+x.h").write_text("")
    with pytest.raises(BuildError, match="rename or split the file, or build with --no-source"):
        build(folder, tmp_path / "x.rom", work)


def test_listed_and_extracted(emu: RomImage, tmp_path: Path) -> None:
    target = tmp_path / "out"
    assert "rom/calls.S" in _run("source", emu.path)
    about = json.loads(_run("source", emu.path, "-o", target, "--json", "--html", tmp_path / "page.html"))
    assert emu.capsule
    files = emu.capsule.files()
    assert about["extracted"] == str(target) and {entry["name"] for entry in about["files"]} == set(files)
    assert {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()} \
        == files
    assert sorted(os.listdir(tmp_path)) == ["out", "page.html"]
    assert "rom/calls.S" in (tmp_path / "page.html").read_text()


def test_only_into_a_new_or_empty_folder(emu: RomImage, tmp_path: Path) -> None:
    full, file, empty = tmp_path / "full", tmp_path / "file", tmp_path / "empty"
    full.mkdir()
    (full / "mine").write_text("mine")
    file.write_text("mine")
    empty.mkdir()
    link = tmp_path / "link"
    link.symlink_to(full)
    for target in (full, file, link):
        with pytest.raises(UsageError, match="name a folder that is new or empty"):
            _run("source", emu.path, "-o", target)
    assert os.listdir(full) == ["mine"] and file.read_text() == "mine"
    with pytest.raises(UsageError, match="make that first"):
        _run("source", emu.path, "-o", tmp_path / "no" / "such")
    before = empty.stat()
    _run("source", emu.path, "-o", empty)
    assert (empty / "rom" / "calls.S").is_file() and empty.stat().st_ino == before.st_ino


def test_nothing_is_left_of_half_an_extraction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = source.open if hasattr(source, "open") else open

    def full(path: Path, mode: str) -> object:
        if path.name == "rom.toml":
            raise OSError(28, "No space left on device")
        return real(path, mode)

    monkeypatch.setattr(source, "open", full, raising=False)
    with pytest.raises(OSError, match="No space left"):
        source.extract(capsules.FILES, tmp_path / "out")
    assert os.listdir(tmp_path) == []


def test_without_source(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "built", lambda kind: work)
    path = tmp_path / "emu.rom"
    _run("build", "emu", "--no-source", "-o", path)
    image = RomImage.load(path)
    assert image.capsule is None and os.listdir(tmp_path) == ["emu.rom"]
    assert "source: none" in _run("source", path)
    assert json.loads(_run("inspect", path, "--json"))["capsule"] is None
    with pytest.raises(UsageError, match="carries no source"):
        _run("source", path, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_source_elsewhere(emu: RomImage, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "built", lambda kind: work)
    path, tar = tmp_path / "emu.rom", tmp_path / "emu.tar"
    assert f"{tar}: the tar of its source, to be put at {URL}" in _run("build", "emu", "--source-url", URL, "-o", path)
    image = RomImage.load(path)
    assert image.capsule and image.capsule.url == URL and emu.capsule and tar.read_bytes() == emu.capsule.tar
    assert image.capsule.sha256 == hashlib.sha256(tar.read_bytes()).hexdigest()
    assert len(image.data) < len(emu.data) // 2
    shown = "".join(_run("inspect", path).split())
    assert URL in shown
    with pytest.raises(UsageError, match="get that file and name it with --source"):
        _run("source", path, "-o", tmp_path / "out")
    _run("source", path, "--source", tar, "-o", tmp_path / "out")
    assert (tmp_path / "out" / "rom" / "calls.S").is_file()
    for wrong in (tar.read_bytes() + bytes(512), tar.read_bytes()[:-1] + b"x"):
        (tmp_path / "wrong.tar").write_bytes(wrong)
        with pytest.raises(BadFileError, match=r"wrong.tar: a tar .*as the ROM says"):
            _run("source", path, "--source", tmp_path / "wrong.tar", "-o", tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_where_the_tar_goes(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "built", lambda kind: work)
    _run("build", "emu", "--source-url", URL, "--source-tar", tmp_path / "a" / "b.tar", "-o", tmp_path / "x.rom")
    assert sorted(os.listdir(tmp_path)) == ["a", "x.rom"] and os.listdir(tmp_path / "a") == ["b.tar"]
    for arguments, says in (
        (["--no-source", "--source-url", URL], "expected one of the two"),
        (["--source-tar", tmp_path / "c.tar"], "without --source-url"),
        (["--source-url", "file:///etc/passwd"], "expected an address"),
        (["--source-url", URL, "-o", tmp_path / "y.tar"], "a name that ends in .rom"),
    ):
        with pytest.raises(UsageError, match=says):
            _run("build", "emu", *arguments)


def test_classic(classic: Callable, tmp_path: Path) -> None:
    rom = classic("classic-minimal")
    assert rom.capsule and rom.tail and rom.file.startswith(rom.data)
    assert rom.header.rom_length * 512 == len(rom.data) < len(rom.file)
    assert {"rom/classic.lds", "rom/minimal.S", "rom/irq.S", "rom/reloc.S"} <= set(rom.capsule.files())
    assert "rom/alarm.S" not in rom.capsule.files()
    loaded = load(Path(rom.path))
    assert loaded.file == rom.file and loaded.sha256 == hashlib.sha256(rom.file).hexdigest()  # type: ignore[union-attr]
    assert "rom/minimal.S" in _run("source", rom.path)


def test_too_large_for_an_image(sources: Sources, work: Path, tmp_path: Path) -> None:
    folder = sources(extra='#include "noise.h"')
    noise = b"".join(hashlib.sha256(bytes([n & 255, n >> 8])).hexdigest().encode() + b"\n" for n in range(6000))
    (folder / "noise.h").write_bytes(b"/*" + noise + b"*/\n")
    with pytest.raises(BuildError, match="build with --source-url"):
        build(folder, tmp_path / "x.rom", work)
    image = build(folder, tmp_path / "x.rom", work, form=Form(Capsule.at(URL, b"").kind, URL))
    assert image.capsule and capsule_tar.read((tmp_path / "x.tar").read_bytes())["rom/noise.h"].startswith(b"/*")
