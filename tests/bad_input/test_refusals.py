# SPDX-License-Identifier: MIT
"""Everything is in order by itself and does not go together: status 121, by the host or by the guest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from openvmi.abi.layouts import NoteVersion
from openvmi.abi.names import MAJOR, MINOR, LicenceClass, NoteType, Profile
from openvmi.machine.boot import MEMORY_MOST, MODULE_LIMIT
from openvmi.sizes import show
from openvmi.status import Status
from tests.bad_input.command import HELLO, Done, clean, openvmi, refused
from tests.bad_input.damage import DATA, Elf, Rom
from tests.rom.classic_rom import image as classic_rom


def version(major: int, minor: int) -> Elf:
    """The guest, built for this version by its own account."""
    return Elf().note(NoteType.VERSION, NoteVersion(major=major, minor=minor, profile=Profile.PAGED).pack())


def large(size: int) -> Elf:
    """The guest with this many bytes of data, and its ROM window out of the way."""
    return Elf().program(DATA, "memory_size", size).address(NoteType.WINDOW, 0x60000000)


def refused_by_guest(done: Done, *words: str) -> None:
    """Asserts that the guest says why on its console, and the tool that it does."""
    assert done.status == Status.REFUSED, done
    assert done.told == "openvmi: refused: the guest refused to run here; its console says why\n"
    line, = (line for line in done.out.decode().splitlines() if line.startswith("vmi: refused: "))
    for word in words:
        assert word in line
    clean(done)


def test_guest_of_another_major_version(tmp_path: Path) -> None:
    (tmp_path / "next.elf").write_bytes(version(MAJOR + 1, 0).data)
    refused(openvmi("run", tmp_path / "next.elf"), Status.REFUSED, "next.elf: ", "built for VMI 5.0",
            f"this openvmi has {MAJOR}.{MINOR}", "; use an openvmi of that major version")


def test_rom_older_than_the_guest_needs(tmp_path: Path) -> None:
    (tmp_path / "newer.elf").write_bytes(version(MAJOR, MINOR + 1).data)
    refused_by_guest(openvmi("run", tmp_path / "newer.elf", "--on", "emu"), f"VMI {MAJOR}.{MINOR}",
                     f"{MAJOR}.{MINOR + 1} or later", "vmi=off")
    assert openvmi("run", tmp_path / "newer.elf", "--on", "emu", "--append", "vmi=off").status == 0


def test_rom_newer_than_the_guest_needs(tmp_path: Path) -> None:
    (tmp_path / "newer.rom").write_bytes(Rom().header("minor", MINOR + 1).data)
    assert openvmi(*HELLO, "--rom", tmp_path / "newer.rom").status == 0


@pytest.mark.parametrize("data", [classic_rom(), Rom().header("major", 3).data], ids=["in order", "by its header"])
def test_rom_of_the_classic_interface(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "old.rom").write_bytes(data)
    refused(openvmi(*HELLO, "--rom", tmp_path / "old.rom"), Status.REFUSED, "old.rom: a ROM of VMI 3.",
            f"a guest of VMI {MAJOR}.{MINOR} needs one of version {MAJOR}", "openvmi run bzImage")


def test_rom_of_another_hypervisor(tmp_path: Path) -> None:
    name = re.search(rb'"hypervisor": ?"(emu)"', Rom().data)
    assert name
    (tmp_path / "other.rom").write_bytes(Rom().replace(name[0], name[0].replace(b'"emu"', b'"xen"')).data)
    refused(openvmi(*HELLO, "--rom", tmp_path / "other.rom"), Status.REFUSED,
            "for the hypervisor xen", "emu")


def test_licence_policy(tmp_path: Path) -> None:
    (tmp_path / "closed.rom").write_bytes(Rom().descriptor("licence_class", LicenceClass.PROPRIETARY, "B").data)
    done = openvmi(*HELLO, "--rom", tmp_path / "closed.rom", "--append", "vmi.licence=gpl")
    refused(done, Status.REFUSED, "closed.rom: its licence 'MIT OR GPL-2.0-only' has the class proprietary",
            "vmi.licence asks for GPL-compatible", "use another ROM, or --rom none", "vmi.force")


@pytest.mark.parametrize(("options", "words"), [
    ("vmi.disable=nonsense", "there is no such group"), ("vmi.disable=base", "cannot be native by itself"),
    ("vmi=on", "can only be vmi=off"), ("vmi.licence=free", "use gpl, osi or any"),
])
def test_options_of_the_guest(options: str, words: str) -> None:
    refused_by_guest(openvmi(*HELLO, "--append", options), options.partition("=")[0], words)


def test_options_that_cannot_be_passed() -> None:
    refused(openvmi(*HELLO, "--append", "x" * 5000), Status.REFUSED, "5000 bytes", "--append")
    refused(openvmi(*HELLO, "--append", "vmi=\u00f6ff"), Status.REFUSED, "ASCII", "--append")


@pytest.mark.parametrize("memory", ["1", "64K", "6M", "9M", "65M", "2G", "999999999999999G"])
def test_memory_that_no_guest_can_have(memory: str) -> None:
    refused(openvmi(*HELLO, "--memory", memory), Status.REFUSED, "from 8 to", f"{MEMORY_MOST >> 20} MiB",
            "--memory")


@pytest.mark.parametrize("megabytes", [100, 101])
def test_guest_larger_than_memory(megabytes: int, tmp_path: Path) -> None:
    path = tmp_path / "large.elf"
    guest = large(megabytes << 20)
    path.write_bytes(guest.data)
    done = openvmi("run", path, "--on", "emu")
    end = guest.read(DATA, "physical") + (megabytes << 20)
    refused(done, Status.REFUSED, f"{path}: ", str(64 << 20), str(end))
    remedy = re.search(r"--memory (\w+)", done.told)
    assert remedy
    again = openvmi("run", path, "--on", "emu", "--memory", remedy[1])
    assert "memory" not in again.told, again


def test_modules_larger_than_memory(tmp_path: Path) -> None:
    path = tmp_path / "module"
    path.write_bytes(bytes(16 << 20))
    refused(openvmi(*HELLO, "--memory", "16M", "--module", path), Status.REFUSED, str(16 << 20), "--memory")
    assert openvmi(*HELLO, "--memory", show(32 << 20), "--module", path).status == 0


def test_too_many_modules(tmp_path: Path) -> None:
    (tmp_path / "module").touch()
    refused(openvmi(*HELLO, *["--module", tmp_path / "module"] * (MODULE_LIMIT + 1)), Status.REFUSED,
            f"{MODULE_LIMIT + 1} boot modules", f"at most {MODULE_LIMIT}")
