# SPDX-License-Identifier: MIT
"""A home of its own for each test, and the keys of RFC 8032 in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openvmi.abi.names import Call, LicenceClass, LinkKind, Profile
from openvmi.rom.emit import Answer, RomContents, emit
from openvmi.rom.image import RomImage
from openvmi.trust import keys
from tests.bad_input.damage import emu_rom

#: RFC 8032, section 7.1, tests 1 to 3: secret key, public key, message, signature.
VECTORS = [tuple(map(bytes.fromhex, vector)) for vector in (
    ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd"
     "25bf5f0595bbe24655141438e7a100b"),
    ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c3"
     "87b2eaeb4302aeeb00d291612bb0c00"),
    ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594"
     "a7c15e9716ed28dc027beceea1ec40a"),
)]
#: The first of these keys as openssl and ssh-keygen write it.
PUBLIC_PEM = b"""-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
"""
PUBLIC_SSH = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"
PRIVATE_PEM = b"""-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
"""
PRIVATE_SSH = b"""-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz
c2gtZWQyNTUxOQAAACDXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGgAA
AIiZ1qH7mdah+wAAAAtzc2gtZWQyNTUxOQAAACDXWpgBgrEKt9VL/tPJZAc6DuFy
89qmIyWvAhpo9wdRGgAAAECdYbGd7/1aYLqESvSS7CzEREnFaXsyaRlwO6wDHK5/
YNdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1EaAAAAAAECAwQF
-----END OPENSSH PRIVATE KEY-----
"""
#: sha256sum of the raw key.
FINGERPRINT = "21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the configuration; not made yet."""
    monkeypatch.setenv("OPENVMI_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("OPENVMI_STATE", str(tmp_path / "state"))
    return tmp_path / "config"


@pytest.fixture
def rom() -> RomImage:
    """The ROM of emu, not signed."""
    return RomImage.parse(emu_rom(), "emu.rom")


@pytest.fixture
def small() -> RomImage:
    """One of which every byte can be tried."""
    return RomImage.parse(emit(RomContents(
        licence="MIT", licence_class=LicenceClass.GPL, profile=Profile.BASE, text=bytes(range(40)), data=b"data",
        data_memory=64, manifest={"name": "small", "version": "1.0", "hypervisor": "none"},
        answers=(Answer(number=Call.INIT, kind=LinkKind.CALL, target=0),))), "small.rom")


@pytest.fixture
def private(tmp_path: Path) -> Callable[..., Path]:
    """Writes the file of a private key, by default the first of RFC 8032."""
    def write(data: bytes = PRIVATE_PEM, mode: int = 0o600) -> Path:
        path = tmp_path / "private.key"
        path.write_bytes(data)
        path.chmod(mode)
        return path

    return write


def no_passphrase() -> bytes:
    """For keys that have none."""
    raise AssertionError("asked for a passphrase")


def signer(number: int = 0) -> Any:
    """A private key of RFC 8032."""
    return keys.library().Ed25519PrivateKey.from_private_bytes(VECTORS[number][0])
