# SPDX-License-Identifier: MIT
"""Files that are not there, cannot be read or written, or are far from what they should be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from openvmi.files import READ_LIMIT
from openvmi.machine.console import INPUT_LIMIT
from openvmi.rom.container import IMAGE_LIMIT
from openvmi.status import Status
from tests.bad_input.command import HELLO, HOSTILE, Done, openvmi, refused, together
from tests.bad_input.damage import DATA, Elf, emu_rom


def nothing(path: Path) -> None:
    """Makes no file."""


def sparse(size: int) -> Callable[[Path], None]:
    """Makes a file of zeros that takes no room."""
    def make(path: Path) -> None:
        path.touch()
        os.truncate(path, size)
    return make


def unreadable(path: Path) -> None:
    """Makes what opens and then fails to be read, whatever the user's privileges: address 0 of the reader itself."""
    path.symlink_to("/proc/self/mem")


def loop(path: Path) -> None:
    """Makes a link to itself."""
    path.symlink_to(path)


MAKE = {"missing": nothing, "directory": Path.mkdir, "pipe": os.mkfifo, "link to itself": loop,
        "unreadable": unreadable}
#: What kind of file, and how the command is given it.
_PLACES = {
    "guest": ["run", "{}"],
    "ROM": [*HELLO, "--rom", "{}"],
    "module": [*HELLO, "--module", "{}"],
    "input": [*HELLO, "--input", "{}"],
    "inspected guest": ["guest", "inspect", "{}"],
    "inspected ROM": ["rom", "inspect", "{}"],
}
#: All of them for what is run; the others read in the same way.
UNREADABLE = [*((what, how) for what in ("guest", "ROM", "module") for how in MAKE),
              ("input", "missing"), ("input", "pipe"), ("inspected guest", "missing"), ("inspected ROM", "directory")]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Done]:
    """What each way of MAKE comes to in each place."""
    folder = tmp_path_factory.mktemp("files")
    for how, make in MAKE.items():
        make(folder / how)
    return together({f"{what}, {how}": [argument.format(folder / how) for argument in _PLACES[what]]
                     for what, how in UNREADABLE})


@pytest.mark.parametrize(("what", "how"), UNREADABLE)
def test_cannot_be_read(what: str, how: str, done: dict[str, Done]) -> None:
    found = done[f"{what}, {how}"]
    refused(found, Status.USAGE, f"/{how}")
    assert ": expected a file" in found.told or ": cannot read this " in found.told


@pytest.mark.parametrize(("what", "contents", "words"), [
    ("guest", b"", "starts with nothing"),
    ("guest", b"\x7fELF", "is it truncated?"),
    ("guest", b"#!/bin/sh\n", "not an ELF file"),
    ("inspected guest", b"", "starts with nothing"),
    ("ROM", b"", "expected at least a header"),
    ("ROM", b"\x55\xaa" + bytes(510), "this is not a VMI ROM"),
    ("inspected ROM", b"", "expected at least a header"),
], ids=lambda value: repr(value[:12]) if isinstance(value, bytes) else value)
def test_contents_of_something_else(what: str, contents: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "some.file"
    path.write_bytes(contents)
    refused(openvmi(*[argument.format(path) for argument in _PLACES[what]]), Status.BAD_FILE, str(path), words)


@pytest.mark.parametrize(("what", "size"), [
    ("guest", READ_LIMIT + 1), ("ROM", IMAGE_LIMIT + 1), ("module", READ_LIMIT + 1), ("input", INPUT_LIMIT + 1),
])
def test_oversized(what: str, size: int, tmp_path: Path) -> None:
    path = tmp_path / "some.file"
    sparse(size)(path)
    done = openvmi(*[argument.format(path) for argument in _PLACES[what]])
    refused(done, Status.BAD_FILE, str(path), f"larger than {size - 1} bytes", what)


@pytest.mark.parametrize("part", [0.001, 0.1, 0.5, 0.9])
def test_truncated_guest(part: float, tmp_path: Path) -> None:
    guest = Elf()
    loaded = guest.read(DATA, "offset") + guest.read(DATA, "file_size")  # symbols follow, which a guest may lack
    (tmp_path / "cut.elf").write_bytes(guest.data[:int(part * loaded)])
    refused(openvmi("run", tmp_path / "cut.elf"), Status.BAD_FILE, "cut.elf: ", "is it truncated?")


@pytest.mark.parametrize("part", [0.01, 0.1, 0.5, 0.999])
def test_truncated_rom(part: float, tmp_path: Path) -> None:
    data = emu_rom()
    (tmp_path / "cut.rom").write_bytes(data[:int(part * len(data))])
    refused(openvmi(*HELLO, "--rom", tmp_path / "cut.rom"), Status.BAD_FILE, "cut.rom: ", "expected", "damaged")


def test_more_after_the_end_of_a_rom(tmp_path: Path) -> None:
    (tmp_path / "long.rom").write_bytes(emu_rom() + bytes(512))
    refused(openvmi(*HELLO, "--rom", tmp_path / "long.rom"), Status.BAD_FILE, "a length of")


@pytest.mark.parametrize("where", ["none/record", "file/record", "", "/proc/record"],
                         ids=["no folder", "file as folder", "folder", "no permission"])
def test_record_cannot_be_written(where: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = openvmi(*HOSTILE, "--json", tmp_path / where)
    assert done.status == Status.USAGE and done.out.startswith(b"vmi: ")  # the guest has run
    assert done.told.startswith("openvmi: ") and done.told.count("\n") == 1
    assert "cannot write the record: " in done.told and "; choose another file" in done.told


def test_a_crash_is_told_although_the_record_cannot_be_written(tmp_path: Path) -> None:
    done = openvmi(*HOSTILE, "--append", "hostile.do=load", "--json", tmp_path)
    assert done.status == Status.USAGE and "openvmi: crash: " in done.told and "cannot write the record" in done.told


def test_record_to_a_device_leaves_the_device(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(os.devnull)
    assert openvmi(*HOSTILE, "--json", tmp_path / "link").status == 1
    assert (tmp_path / "link").is_symlink() and Path(os.devnull).is_char_device()
