# SPDX-License-Identifier: MIT
"""ROMs whose source is not what it should be, given to every verb that reads one: refused, and nothing is written."""

from __future__ import annotations

import json
import lzma
import os
from pathlib import Path

import pytest
from attrs import evolve

from openvmi import confined
from openvmi.abi.names import CAPSULE_LIMIT
from openvmi.rom import capsule_tar
from openvmi.rom.capsule import Capsule
from openvmi.rom.emit import contents_of, emit
from openvmi.rom.image import RomImage
from openvmi.status import Status
from tests.bad_input.command import Done, openvmi, refused, together
from tests.bad_input.damage import emu_rom
from tests.rom import capsules
from tests.rom.capsules import END, entry

EMU = RomImage.parse(emu_rom())
assert EMU.capsule
FILES = EMU.capsule.files()
TAR = EMU.capsule.tar
BOMB = lzma.compress(bytes(64 << 20), preset=0)


def _rom(part: bytes) -> bytes:
    return emit(evolve(contents_of(EMU), capsule=part))


def _recipe(change: str, value: object) -> bytes:
    """A capsule in order, but for what its recipe asks for."""
    about = json.loads(FILES["recipe.json"])
    about["rom"][change] = value
    return Capsule.embedded(capsule_tar.write(FILES | {"recipe.json": json.dumps(about).encode()})).pack()


#: Parts that no ROM may have.
PARTS: dict[str, tuple[bytes, str]] = {
    "no structure": (b"source", "a capsule of 6 bytes"),
    "magic": (capsules.part(b"x", TAR, magic=0), "capsule magic 0x0"),
    "kind": (capsules.part(b"x", TAR, 3), "capsule of kind 3"),
    "size of contents": (capsules.part(b"x", TAR, contents_size=2), "2 bytes of capsule contents"),
    "truncated": (capsules.part(lzma.compress(TAR)[:-9], TAR), "an xz stream that ends early"),
    "wrong digest": (capsules.part(lzma.compress(TAR), TAR, sha256=bytes(32)), "a tar with SHA-256"),
    "size too small": (capsules.part(lzma.compress(TAR), TAR, tar_size=1024), "a tar of more than 1024 bytes"),
    "size too large": (capsules.part(lzma.compress(TAR), TAR, tar_size=CAPSULE_LIMIT), f"expected {CAPSULE_LIMIT}"),
    "size beyond all": (capsules.part(b"x", TAR, tar_size=CAPSULE_LIMIT + 1), f"1 to {CAPSULE_LIMIT}"),
    "bomb": (capsules.part(BOMB, TAR, tar_size=CAPSULE_LIMIT), f"a tar of more than {CAPSULE_LIMIT} bytes"),
    "absolute": (capsules.packed(entry(b"/etc/cron.d/x") + END), "'/etc/cron.d/x'"),
    "climbing": (capsules.packed(entry(b"../../x") + END), "'../../x'"),
    "link": (capsules.packed(entry(b"x", kind=b"2", link=b"/etc") + END), "a symbolic link"),
    "device": (capsules.packed(entry(b"x", kind=b"3") + END), "a device"),
    "twice": (capsules.packed(entry(b"x") * 2 + END), "'x' twice"),
    "case": (capsules.packed(entry(b"X") + entry(b"x") + END), "differ by more than case"),
    "many": (capsules.packed(b"".join(entry(b"%03d" % n) for n in range(300)) + END), "at most 256"),
    "address": (capsules.part(b"file:///etc/passwd", TAR, 2), "expected an address http"),
    "address with escapes": (capsules.part(b"https://x/\x1b[2J", TAR, 2), "expected an address http"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands write, if they do."""
    return tmp_path_factory.mktemp("capsules")


@pytest.fixture(scope="module")
def done(folder: Path) -> dict[str, Done]:
    """Each extracted; one given to every verb, too."""
    commands: dict[str, list[str | Path]] = {}
    for number, (name, (part, _)) in enumerate(PARTS.items()):
        path = folder / f"bad{number}.rom"
        path.write_bytes(_rom(part))
        commands[f"source {name}"] = ["rom", "source", path, "-o", folder / f"out{number}"]
    path = folder / f"bad{list(PARTS).index('climbing')}.rom"
    for verb in ("inspect", "rebuild", "source", "verify", "lint"):
        commands[verb] = ["rom", verb, path]
    commands["audit"] = ["audit", path]
    for name in ("no structure", "bomb"):
        bad = folder / f"bad{list(PARTS).index(name)}.rom"
        commands[f"run {name}"] = ["run", "hello", "--on", "emu", "--rom", bad]
    return together(commands)


@pytest.mark.parametrize("name", PARTS)
def test_part_is_refused(name: str, done: dict[str, Done], folder: Path) -> None:
    number = list(PARTS).index(name)
    refused(done[f"source {name}"], Status.BAD_FILE, f"bad{number}.rom: ", PARTS[name][1].removeprefix("expected "),
            "(ROM check ")
    assert not (folder / f"out{number}").exists()


@pytest.mark.parametrize("verb", ["inspect", "rebuild", "source", "verify", "lint"])
def test_every_verb_refuses_it(verb: str, done: dict[str, Done]) -> None:
    refused(done[verb], Status.BAD_FILE, "'../../x'", "(ROM check ")


def test_who_runs_it_reads_the_header_alone(done: dict[str, Done]) -> None:
    refused(done["run no structure"], Status.BAD_FILE, "a capsule of 6 bytes", "(ROM check ")
    assert done["run bomb"].status == 0, done["run bomb"].told


def test_nothing_was_written(done: dict[str, Done], folder: Path) -> None:
    assert done and sorted(os.listdir(folder)) == sorted(f"bad{number}.rom" for number in range(len(PARTS)))


@pytest.mark.skipif(not confined.available(), reason="no Landlock here")
def test_rebuilds(tmp_path: Path) -> None:
    """What a ROM's recipe asks for, and what a ROM without source can be asked for."""
    cases = {
        "plug-in": (_recipe("compile", ["-fplugin=/tmp/x.so"]), Status.BAD_FILE, "flag '-fplugin=/tmp/x.so'"),
        "response file": (_recipe("link", ["@/etc/passwd"]), Status.BAD_FILE, "flag '@/etc/passwd'"),
        "script": (_recipe("script", "/etc/passwd"), Status.BAD_FILE, "linker script '/etc/passwd'"),
        "target": (_recipe("target", "native"), Status.BAD_FILE, "target 'native'"),
        "nothing in it": (capsules.packed(), Status.BAD_FILE, "recipe.json: format = None"),
        "no source": (b"", Status.USAGE, "carries no source"),
        "elsewhere": (Capsule.at("https://example.org/x.tar", TAR).pack(), Status.USAGE, "https://example.org/x.tar"),
    }
    for name, (part, _, _) in cases.items():
        (tmp_path / f"{name}.rom").write_bytes(_rom(part))
    results = together({name: ["rom", "rebuild", tmp_path / f"{name}.rom"] for name in cases})
    for name, (_, status, says) in cases.items():
        refused(results[name], status, says)
    (tmp_path / "x.tar").write_bytes(TAR + bytes(512))
    refused(openvmi("rom", "rebuild", tmp_path / "elsewhere.rom", "--source", tmp_path / "x.tar"), Status.BAD_FILE,
            "x.tar: a tar of")
    (tmp_path / "x.tar").write_bytes(entry(b"x", kind=b"2", link=b"/etc") + END)
    refused(openvmi("rom", "rebuild", tmp_path / "no source.rom", "--source", tmp_path / "x.tar"), Status.BAD_FILE,
            "a symbolic link")
