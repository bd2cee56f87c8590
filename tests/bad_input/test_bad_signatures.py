# SPDX-License-Identifier: MIT
"""Signatures and key files of anybody, at the command line: each is refused with its reason, one line, one status."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from openvmi import resources
from openvmi.rom.image import RomImage
from openvmi.status import Status
from openvmi.trust import keys
from openvmi.trust.public import FILE_LIMIT
from openvmi.trust.signature import sign
from tests.bad_input.command import HELLO, Done, openvmi, refused, together
from tests.bad_input.damage import emu_rom

RSA = b"""-----BEGIN PUBLIC KEY-----
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf
9Cnzj4p4WGeKLs1Pt8QuKUpRKfFLfRYC9AIKjbJTWit+CqvjWYzvQwECAwEAAQ==
-----END PUBLIC KEY-----
"""


def one() -> bytes:
    """A signed ROM."""
    return sign(RomImage.parse(emu_rom(), "it.rom"), keys.library().Ed25519PrivateKey.generate()).data


def changed(change: Callable[[bytearray], object]) -> bytes:
    """A signed ROM with something changed in it, and its checksum right."""
    data = bytearray(one())
    change(data)
    data[15] = (data[15] - sum(data)) & 0xFF
    return bytes(data)


def shorter(data: bytearray) -> None:
    """The signature cut off, and the length as if there were none."""
    del data[-512:]
    data[2] -= 1
    pci, = struct.unpack_from("<H", data, 24)
    struct.pack_into("<H", data, pci + 16, data[2])


def of_other_rom(data: bytearray) -> None:
    """The signature of another file."""
    image = RomImage.parse(emu_rom(), "it.rom")
    other = bytearray(image.data)
    other[-1] ^= 1
    other[15] = (other[15] - sum(other)) & 0xFF
    key = keys.library().Ed25519PrivateKey.generate()
    data[-512:] = sign(RomImage.parse(bytes(other), "other.rom"), key).data[-512:]


#: What stands in the place of a signed ROM: the status of openvmi rom verify, and what it or the error says.
ROMS: dict[str, tuple[Callable[[bytearray], object], int, str]] = {
    "not changed": (lambda data: None, 2, "which you do not trust"),
    "of another file": (of_other_rom, 4, "or it was made over another file"),
    "a bit of it": (lambda data: data.__setitem__(-512 + 99, data[-512 + 99] ^ 1), 4, "not one by the key"),
    "a bit of the key": (lambda data: data.__setitem__(-512 + 9, data[-512 + 9] ^ 1), 4, "not one by the key"),
    "zeros": (lambda data: data.__setitem__(slice(-512 + 40, -512 + 104), bytes(64)), 4, "not one by the key"),
    "small key": (lambda data: data.__setitem__(slice(-512 + 8, -512 + 40), bytes(32)), 4, "anybody can sign with it"),
    "cut off": (shorter, 65, "signature of 104 bytes at 0x"),
    "magic": (lambda data: data.__setitem__(-512, 0), 65, "signature magic 0x"),
    "algorithm": (lambda data: data.__setitem__(-512 + 6, 2), 65, "signature algorithm 0x2"),
    "more behind it": (lambda data: data.__setitem__(-1, 1), 65, "something behind the signature"),
}


@pytest.fixture(scope="module")
def verified(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Done]:
    """What openvmi rom verify said of each."""
    folder = tmp_path_factory.mktemp("signed")
    commands = {}
    for number, (name, (change, _, _)) in enumerate(ROMS.items()):
        path = folder / f"signed{number}.rom"
        path.write_bytes(changed(change))
        commands[name] = ["rom", "verify", path]
    return together(commands)


@pytest.mark.parametrize("name", ROMS)
def test_signatures(name: str, verified: dict[str, Done]) -> None:
    done, (_, status, says) = verified[name], ROMS[name]
    if status == Status.BAD_FILE:
        refused(done, status, says)
    else:
        assert (done.status, done.told) == (status, "") and says in done.out.decode(), done


def test_a_bad_one_is_refused_even_where_none_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "bad.rom"
    path.write_bytes(changed(of_other_rom))
    refused(openvmi(*HELLO, "--rom", path), Status.REFUSED, "bad.rom: ", "or it was made over another file")


def public(data: bytes) -> Callable[[Path], list[str | Path]]:
    """openvmi key trust of these bytes."""
    def make(folder: Path) -> list[str | Path]:
        (folder / "key.pub").write_bytes(data)
        return ["key", "trust", folder / "key.pub"]

    return make


def private(data: bytes, mode: int = 0o600) -> Callable[[Path], list[str | Path]]:
    """openvmi rom sign with these bytes."""
    def make(folder: Path) -> list[str | Path]:
        (folder / "it.rom").write_bytes(emu_rom())
        (folder / "it.key").write_bytes(data)
        (folder / "it.key").chmod(mode)
        return ["rom", "sign", folder / "it.rom", "--key", folder / "it.key"]

    return make


#: Command, status, what is said.
COMMANDS: dict[str, tuple[Callable[[Path], list[str | Path]], Status, str]] = {
    "public RSA": (public(RSA), Status.BAD_FILE, "a public key of another kind, RSA"),
    "public garbage": (public(os.urandom(4096)), Status.BAD_FILE, "expected an Ed25519 public key"),
    "public huge": (public(b"-----BEGIN PUBLIC KEY-----\n" * 4096), Status.BAD_FILE, f"larger than {FILE_LIMIT} bytes"),
    "many beginnings": (public(b"-----BEGIN PUBLIC KEY-----\n" * 1000), Status.BAD_FILE, "PEM without its last line"),
    "no such key": (lambda folder: ["key", "trust", folder / "none"], Status.USAGE, "no key '/"),
    "a folder": (lambda folder: ["key", "trust", folder], Status.USAGE, "no key '/"),
    "private empty": (private(b""), Status.BAD_FILE, "no key that can be read"),
    "private garbage": (private(os.urandom(4096)), Status.BAD_FILE, "no key that can be read"),
    "private for all": (private(b"", 0o644), Status.REFUSED, "others can use this private key"),
    "private public": (private(RSA), Status.BAD_FILE, "no key that can be read"),
    "private huge": (private(bytes(1 << 20)), Status.BAD_FILE, f"larger than {FILE_LIMIT} bytes"),
    "name with a path": (lambda folder: ["key", "new", "../x"], Status.USAGE, "no key can be called '../x'"),
    "classic ROM": (lambda folder: ["rom", "verify", resources.built("roms") / "classic-full.rom"], Status.REFUSED,
                    "has no place for a signature"),
    "not a ROM": (lambda folder: ["rom", "sign", Path(__file__), "--key", "x"], Status.BAD_FILE, "ROM check"),
    "neither key nor remove": (lambda folder: ["rom", "sign", "x"], Status.USAGE, "expected --key"),
    "an unsigned one": (lambda folder: [*private(b"")(folder)[:3], "--remove"], Status.USAGE, "nothing to remove"),
}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Done]:
    """What each command came to."""
    return together({name: make(tmp_path_factory.mktemp("keys")) for name, (make, _, _) in COMMANDS.items()})


@pytest.mark.parametrize("name", COMMANDS)
def test_commands(name: str, done: dict[str, Done]) -> None:
    _, status, says = COMMANDS[name]
    refused(done[name], status, says)


