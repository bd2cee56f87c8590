# SPDX-License-Identifier: MIT
"""Which Xen is found, and what is said about the others."""

from __future__ import annotations

import errno
import gzip
import os
import struct
from pathlib import Path

import pytest

from openvmi import files
from openvmi.errors import UnavailableError
from openvmi.hypervisors import get
from openvmi.hypervisors.xen import installation
from openvmi.machine.qemu import installation as qemu
from openvmi.running import choose

HOW = r"apt install --no-install-recommends '\^xen-hypervisor-\[0-9.\]\+-amd64\$'; or name a file by OPENVMI_XEN"


def image(magic: int = 0x1BADB002, kind: int = 1, machine: int = 3, at: int = 4096, off: int = 0) -> bytes:
    """An ELF header and a Multiboot header whose checksum is wrong by `off`."""
    head = b"\x7fELF" + bytes([kind, 1]) + bytes(12) + struct.pack("<H", machine)
    flags = 3
    return head.ljust(at, b"\0") + struct.pack("<III", magic, flags, (off - magic - flags) % (1 << 32)) + bytes(64)


@pytest.fixture
def boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only place to look in."""
    monkeypatch.setattr(installation, "FOLDERS", (tmp_path, tmp_path / "nowhere"))
    monkeypatch.delenv(installation.VARIABLE, raising=False)
    return tmp_path


def refused(words: str) -> None:
    """Looking finds nothing that will do, and says these words and what to do."""
    with pytest.raises(UnavailableError, match=f"(?s){words}.*{HOW}"):
        installation.find()
    assert not installation.availability().usable


@pytest.mark.needs("/boot/xen*.gz")
def test_the_real_one() -> None:
    state = installation.availability()
    assert state.usable, f"{state.reason} {state.remedy}"
    found = installation.find()
    assert state.versions == {"Xen": found.version} and b"Xen version " in found.image


def test_newest_by_number(boot: Path) -> None:
    for name in ("xen-4.9-amd64.gz", "xen-4.17-amd64.gz", "xen-4.17.3.gz", "xen-4.14-amd64.gz", "xen.gz", "xen-4.17"):
        (boot / name).write_bytes(gzip.compress(image()))
    for name in ("xen-4.99-amd64.efi", "xen-4.99-amd64.config", "xen-syms-4.99", "xen-4.99.old", "xenomai-4.99", "Xen"):
        (boot / name).write_bytes(image())
    (boot / "xen-4.98").mkdir()
    found = installation.find()
    assert (found.path.name, found.version, found.image) == ("xen-4.17.3.gz", "4.17.3", image())


def test_one_that_will_not_do_is_passed_over(boot: Path) -> None:
    (boot / "xen-4.20.gz").write_bytes(b"")
    (boot / "xen-4.15.gz").write_bytes(image())
    assert installation.find().version == "4.15"
    (boot / "xen-4.15.gz").unlink()
    refused("xen-4.20.gz: it begins with b''")


def test_none(boot: Path) -> None:
    refused(f"no Xen in {boot} or .*; Xen 4.13 or newer")
    with pytest.raises(UnavailableError, match=HOW):
        choose("xen")


def test_named_by_the_environment(boot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (boot / "xen-4.17.gz").write_bytes(image())
    mine = boot / "my own"
    monkeypatch.setenv(installation.VARIABLE, str(mine))
    refused("my own: there is no Xen to be read: No such file")
    mine.mkdir()
    refused("my own: this is no file")
    mine.rmdir()
    mine.write_bytes(image())
    assert installation.find() == installation.Installation(mine, "", image())
    assert installation.availability().versions == {"Xen": f"of unknown version ({mine})"}


@pytest.mark.parametrize(("data", "words"), [
    (b"", "begins with b''"), (b"MZ" + bytes(100), "begins with b'MZ"), (image(kind=2), "expected a 32-bit ELF"),
    (image(machine=62), "machine 62"), (image(magic=0xE85250D6), "no Multiboot header"), (image(off=1), "no Multiboot"),
    (image(at=8192), "no Multiboot header in its first 8192"), (image(at=8192 - 8), "no Multiboot"),
    (image(at=4098), "no Multiboot"), (gzip.compress(image())[:-9], "contents end early"),
    (gzip.compress(os.urandom(5000))[:2000] + bytes(3000), "contents (are damaged|end early)"),
    (gzip.compress(b"no ELF"), "begins with b'no ELF'"), (b"\x1f\x8b", "contents end early"),
    (b"\x1f\x8b\xff" + bytes(50), "contents are damaged"),
])  # fmt: skip
def test_damaged(boot: Path, data: bytes, words: str) -> None:
    (boot / "xen-4.17.gz").write_bytes(data)
    refused(f"xen-4.17.gz: .*{words}")


def test_the_last_place_for_a_header(boot: Path) -> None:
    (boot / "xen").write_bytes(image(at=8192 - 12))
    assert installation.find().version == ""


def test_bounds(boot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "_FILE_LIMIT", 100_000)
    (boot / "xen-4.17.gz").write_bytes(gzip.compress(image() + bytes(200_000)))
    refused("uncompressed it has more than 100000 bytes")
    (boot / "xen-4.17.gz").write_bytes(image() + bytes(200_000))
    refused("larger than 100000 bytes")


def test_too_old(boot: Path) -> None:
    (boot / "xen-4.11-amd64.gz").write_bytes(image())
    refused("is Xen 4.11; 4.13 or newer")


def test_not_readable(boot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the system says it to those who are not root."""
    def denied(path: str, flags: int) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    (boot / "xen-4.17.gz").touch(0o000)
    monkeypatch.setattr(files, "_open_at_once", denied)
    refused("cannot read this Xen: Permission denied")


def test_read_once_and_again_when_replaced(boot: Path) -> None:
    path = boot / "xen-4.17.gz"
    path.write_bytes(image())
    assert installation.find().image is installation.find().image
    path.unlink()
    path.write_bytes(image(at=400))
    assert installation.find().image == image(at=400)


def test_all_that_is_missing_is_told(boot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(boot))
    state = get("xen").available()
    assert not state.usable and "There is no Xen" in state.reason
    assert "qemu-system-x86_64 is not on PATH" in state.reason
    assert qemu.REMEDY in state.remedy and installation.REMEDY in state.remedy


def test_emu_stays_the_default() -> None:
    assert choose(None).name == "emu"
