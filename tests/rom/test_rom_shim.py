# SPDX-License-Identifier: MIT
"""Boot shims beside ROMs: defined, built, written together or not at all, the same bytes from everywhere."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from typer.testing import CliRunner

from openvmi import files, resources
from openvmi.cli.rom import app
from openvmi.errors import BuildError, UsageError
from openvmi.rom import build as builder
from openvmi.rom.build import build, shim_beside
from openvmi.rom.compile import Workshop
from openvmi.rom.definition import RomDefinition, read
from openvmi.rom.inputs import Places

Sources = Callable[..., Path]

SCRIPT = "SECTIONS { . = 0xffffc00000001000; .text : { *(.text*) } .data : { *(.data*) *(.bss*) } }\n"
ENTRY = ".globl _start\n_start: leaq counter(%rip), %rdi\ncall count\nhlt\n"
COUNT = "long counter;\nlong count(long *at);\nlong count(long *at) { return ++*at; }\n"


def _shim(about: RomDefinition, work: Path, top: Path) -> bytes:
    assert about.shim is not None
    return builder.link_shim(about, about.shim, Places(about.folder, top / "libvmi" / "include"), Workshop(work))[1].elf


@pytest.fixture
def folder(sources: Sources) -> Path:
    """A ROM with a shim of two sources."""
    table = '[shim]\nsources = ["shim/entry.S", "count.c"]\nscript = "shim/own.lds"\n'
    folder = sources(toml=lambda text: text + table)
    (folder / "shim").mkdir()
    (folder / "shim" / "own.lds").write_text(SCRIPT)
    (folder / "shim" / "entry.S").write_text(ENTRY)
    (folder / "count.c").write_text(COUNT)
    return folder


def xen() -> Path:
    """The folder of the one ROM that has a shim."""
    top = resources.checkout()
    assert top is not None
    return top / "roms" / "xen"


def test_built_beside_the_rom(folder: Path, work: Path, tmp_path: Path) -> None:
    image = build(folder, tmp_path / "out" / "tiny.rom", work)
    assert sorted(os.listdir(tmp_path / "out")) == ["tiny.rom", "tiny.shim"]
    assert (tmp_path / "out" / "tiny.rom").read_bytes() == image.data
    assert set(image.manifest["sources"]) >= {
        "rom/calls.S", "rom/rom.toml", "rom/shim/entry.S", "rom/shim/own.lds", "rom/count.c"}
    with (tmp_path / "out" / "tiny.shim").open("rb") as file:
        elf = ELFFile(file)
        assert (elf["e_type"], elf["e_machine"]) == ("ET_EXEC", "EM_X86_64")
        symbols = elf.get_section_by_name(".symtab")
        start, count = (symbols.get_symbol_by_name(name)[0]["st_value"] for name in ("_start", "count"))
        assert elf["e_entry"] == start and {start >> 12, count >> 12} == {0xFFFFC00000001}
        assert elf.get_section_by_name(".debug_line") is not None


def test_no_shim(sources: Sources, work: Path, tmp_path: Path) -> None:
    """A ROM without one is as before, under any name."""
    folder = sources()
    assert read(folder).shim is None
    build(folder, tmp_path / "out" / "x", work)
    assert os.listdir(tmp_path / "out") == ["x"]


def test_xen_loads_it(top: Path, work: Path) -> None:
    """What Xen's loader looks at: the addresses, and the notes."""
    about = read(xen())
    assert about.shim is not None
    path = work / "xen.shim"
    path.write_bytes(_shim(about, work, top))
    with path.open("rb") as file:
        elf = ELFFile(file)
        loaded = list(elf.iter_segments("PT_LOAD"))
        assert {segment["p_vaddr"] - segment["p_paddr"] for segment in loaded} == {0xFFFFC00000000000}
        assert {segment["p_vaddr"] % 4096 for segment in loaded} == {0}
        assert [segment["p_flags"] for segment in loaded] == [6, 5, 4, 6]
        assert (loaded[0]["p_paddr"], loaded[0]["p_memsz"]) == (0, 4096)  # the record page
        notes = b"".join(segment.data() for segment in elf.iter_segments("PT_NOTE"))
        entry = elf["e_entry"].to_bytes(8, "little")
    # Types of Xen public header elfnote.h: XEN_VERSION, LOADER, GUEST_OS, PAE_MODE, VIRT_BASE, ENTRY.
    assert notes == b"".join(struct.pack("<III4s", 4, len(text), kind, b"Xen") + text for kind, text in (
        (5, b"xen-3.0\0"), (8, b"generic\0"), (6, b"OpenVMI\0"), (9, b"yes\0"),
        (3, (0xFFFFC00000000000).to_bytes(8, "little")), (1, entry)))


def test_same_bytes_from_any_folder(top: Path, work: Path, tmp_path: Path) -> None:
    shims = []
    for folder, cache in ((xen(), work), (tmp_path / "somewhere else" / "deeper", tmp_path / "cache")):
        if not folder.exists():
            shutil.copytree(xen(), folder)
        about = read(folder)
        assert about.shim is not None
        shims.append(_shim(about, cache, top))
    assert shims[0] == shims[1]
    assert str(top).encode() not in shims[0] and b"/tmp" not in shims[0]


@pytest.mark.parametrize("output", ["tiny", "tiny.shim", "rom"])
def test_name_without_room_for_a_shim(output: str, folder: Path, work: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"{output}: a ROM with a boot shim, expected a name that ends in .rom"):
        build(folder, tmp_path / "out" / output, work)
    assert not (tmp_path / "out").exists()


def test_beside() -> None:
    assert shim_beside(Path("a.b/c.d.rom")) == Path("a.b/c.d.shim")


@pytest.mark.parametrize(("file", "text", "says"), [
    ("shim/entry.S", "call nowhere\n", "tiny: undefined symbol nowhere; a ROM is linked with nothing but its own"),
    ("count.c", "int count(", "compiling count.c failed"),
    ("shim/entry.S", ".globl _start\n_start: movl $counter, %eax\n", "linking .* failed"),  # more than 32 bits
    ("shim/own.lds", "SECTIONS {", "linking .* failed"),
    ("calls.S", "mov nothing\n", "compiling calls.S failed"),
])
def test_neither_is_written(file: str, text: str, says: str, folder: Path, work: Path, tmp_path: Path) -> None:
    (tmp_path / "x.rom").write_bytes(b"old ROM")
    (tmp_path / "x.shim").write_bytes(b"old shim")
    (folder / file).write_text(text)
    with pytest.raises(BuildError, match=says):
        build(folder, tmp_path / "x.rom", work)
    assert (tmp_path / "x.rom").read_bytes() + (tmp_path / "x.shim").read_bytes() == b"old ROMold shim"
    assert not list(tmp_path.glob(".*"))


def test_no_room_for_both(folder: Path, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full after the first file."""
    written: list[Path] = []

    def write(path: Path, data: bytes) -> None:
        if written:
            raise OSError(28, "No space left on device")
        path.write_bytes(data)
        written.append(path)

    monkeypatch.setattr(files, "write_atomically", write)
    (tmp_path / "out").mkdir()
    with pytest.raises(OSError, match="No space left"):
        build(folder, tmp_path / "out" / "x.rom", work)
    assert written and os.listdir(tmp_path / "out") == []


@pytest.mark.parametrize(("old", "new", "says"), [
    ("[shim]", "[shim]\nother = 1", r"\[shim\]: unknown other"),
    ('script = "shim/own.lds"', "", r"\[shim\]: script is missing"),
    ('script = "shim/own.lds"', 'script = "count.c"', r"\[shim\]: script 'count.c', expected a .lds file inside"),
    ('script = "shim/own.lds"', 'script = "../own.lds"', r"script '../own.lds', expected a .lds file inside the ROM's"),
    ('script = "shim/own.lds"', 'script = "other.lds"', r"script other.lds does not exist in"),
    ('"count.c"]', '"count.h"]', r"\[shim\]: source 'count.h', expected a .S or .c file inside the ROM's folder"),
    ('"count.c"]', '"shim/entry.S"]', r"\[shim\]: a source is named twice"),
    ('"count.c"]', '"gone.c"]', r"\[shim\]: source gone.c does not exist in"),
    ('["shim/entry.S", "count.c"]', "[]", r"\[shim\]: sources is empty"),
])
def test_definition_is_refused(old: str, new: str, says: str, folder: Path) -> None:
    text = (folder / "rom.toml").read_text()
    assert old in text
    (folder / "rom.toml").write_text(text.replace(old, new))
    with pytest.raises(BuildError, match=says):
        read(folder)


def test_empty_table(folder: Path) -> None:
    text = (folder / "rom.toml").read_text()
    (folder / "rom.toml").write_text(text[: text.index("[shim]")] + "[shim]\n")
    with pytest.raises(BuildError, match=r"\[shim\]: sources is missing"):
        read(folder)


def test_command(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "tiny.rom"
    done = CliRunner().invoke(app, ["build", str(folder), "-o", str(target)])
    assert done.exit_code == 0
    assert done.output.splitlines()[1] == f"{tmp_path}/out/tiny.shim: its boot shim"
    assert (tmp_path / "out" / "tiny.shim").is_file()
