# SPDX-License-Identifier: MIT
"""The user's keys as files: who can read them, what is believed, and that nothing is there by half."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from openvmi.errors import BadFileError, OpenVmiError, RefusedError, UnavailableError, UsageError
from openvmi.trust import guarded, keys, ring, store
from openvmi.trust.public import FILE_LIMIT, PublicKey
from tests.trust.conftest import FINGERPRINT, PRIVATE_SSH, PUBLIC_PEM, VECTORS, no_passphrase, signer

Private = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("home")
KEY = PublicKey(VECTORS[0][1], "first")
OTHER = PublicKey(VECTORS[1][1], "second")


def mode(path: Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_new_key_is_for_its_owner_alone(home: Path) -> None:
    old = os.umask(0)
    try:
        made = keys.new("mine", "for tests")
    finally:
        os.umask(old)
    assert made.path == home / "keys" / "mine.key" and (mode(made.path), mode(home / "keys")) == (0o600, 0o700)
    assert mode(home / "keys" / "mine.pub") == 0o644
    assert sorted(os.listdir(home / "keys")) == ["mine.key", "mine.pub"]
    loaded = keys.load(made.path, no_passphrase)
    assert made.public and loaded.public_key().public_bytes_raw() == made.public.raw
    assert keys.listed() == [made] and made.public.comment == "for tests"


@pytest.mark.parametrize("taken", ["mine.key", "mine.pub"])
@pytest.mark.parametrize("link", [False, True])
def test_nothing_is_replaced(home: Path, taken: str, link: bool) -> None:
    (home / "keys").mkdir(parents=True, mode=0o700)
    if link:
        (home / "keys" / taken).symlink_to(home / "elsewhere")
    else:
        (home / "keys" / taken).write_bytes(b"old")
    with pytest.raises(UsageError, match=f"{taken}: is there already; choose another name"):
        keys.new("mine")
    assert os.listdir(home / "keys") == [taken] and not (home / "elsewhere").exists()


def test_both_files_or_neither(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create = guarded.create

    def fail(path: Path, data: bytes, mode: int) -> None:
        if path.suffix == ".pub":
            raise OpenVmiError("full; make room")
        create(path, data, mode)

    monkeypatch.setattr(guarded, "create", fail)
    with pytest.raises(OpenVmiError, match="full"):
        keys.new("mine")
    assert os.listdir(home / "keys") == []


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "-x", ".hidden", "a b", "x.key", "x.pub", "a" * 65, "é",
                                  "a\n", "a\0"])
def test_names(name: str, home: Path) -> None:
    with pytest.raises(UsageError, match="expected 1 to 64 letters"):
        keys.new(name)
    with pytest.raises(UsageError, match="expected 1 to 64 letters"):
        store.trust(KEY, name)
    assert not home.exists()


def test_comments(home: Path) -> None:
    for comment in ("\x1b[2J", "two\nlines", "a" * 201):
        with pytest.raises(UsageError, match="printable"):
            keys.new("mine", comment)
    assert not home.exists()


def test_passphrase(home: Path) -> None:
    path = keys.new("mine", passphrase=b"open sesame").path
    assert b"ENCRYPTED" in path.read_bytes()
    with pytest.raises(BadFileError, match="the passphrase is wrong"):
        keys.load(path, lambda: b"wrong")
    assert keys.load(path, lambda: b"open sesame")
    with pytest.raises(UsageError, match="a passphrase of 0 bytes"):
        keys.new("other", passphrase=b"")


def test_keys_of_openssh(private: Private) -> None:
    assert keys.load(private(PRIVATE_SSH), no_passphrase).public_key().public_bytes_raw() == KEY.raw
    assert keys.load(private(), no_passphrase).public_key().public_bytes_raw() == KEY.raw


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o644, 0o660, 0o666, 0o601])
def test_keys_that_others_could_have_read(private: Private, bits: int) -> None:
    path = private(mode=bits)
    with pytest.raises(RefusedError, match=f"mode {bits:04o}, so others can use this private key; .*chmod 600"):
        keys.load(path, no_passphrase)


def test_keys_of_somebody_else(private: Private, monkeypatch: pytest.MonkeyPatch) -> None:
    path, me = private(), os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    with pytest.raises(RefusedError, match=f"belongs to user {me}, expected {me + 1}"):
        keys.load(path, no_passphrase)


def test_links_and_pipes(private: Private, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(private())
    with pytest.raises(RefusedError, match="a symbolic link, expected the private key itself"):
        keys.load(tmp_path / "link", no_passphrase)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(UsageError, match="not a regular file"):
        keys.load(tmp_path / "pipe", no_passphrase)


def test_folder_that_others_can_enter(home: Path) -> None:
    keys.new("mine")
    (home / "keys").chmod(0o755)
    for do in (keys.listed, lambda: keys.find("mine"), lambda: keys.new("other")):
        with pytest.raises(RefusedError, match=r"mode 0755.*chmod 700"):
            do()


def _pem(key: object, passphrase: bytes = b"") -> bytes:
    seal = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, seal)  # type: ignore[attr-defined]


def _endless() -> bytes:
    """An encrypted key that says that its passphrase must be hashed two thousand million times."""
    data = _pem(signer(), b"x")
    der = base64.b64decode(b"".join(data.split(b"\n")[1:-2]))
    # PBKDF2's iterations follow the salt: an INTEGER of two bytes, made one of four by taking two bytes of the salt.
    at = der.index(b"\x04", 20)
    size = der[at + 1]
    after = at + 2 + size
    assert der[after:after + 2] == b"\x02\x02"
    spoilt = (der[:at] + bytes([4, size - 2]) + der[at + 2:after - 2] + b"\x02\x04\x7f\xff\xff\xff" + der[after + 4:])
    body = base64.b64encode(spoilt).decode()
    return f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{body}\n-----END ENCRYPTED PRIVATE KEY-----\n".encode()


@pytest.mark.parametrize(("make", "says"), [
    (lambda: b"", "no key that can be read"),
    (lambda: b"\x80" * 1000, "no key that can be read"),
    (lambda: PUBLIC_PEM, "no key that can be read"),
    (lambda: b"a" * (FILE_LIMIT + 1), f"larger than {FILE_LIMIT} bytes"),
    (lambda: _pem(rsa.generate_private_key(65537, 2048)), "a private key of another kind, RSA"),
    (lambda: _pem(ec.generate_private_key(ec.SECP256R1())), "a private key of another kind"),
    (lambda: _pem(x25519.X25519PrivateKey.generate()), "a private key of another kind, X25519"),
    (lambda: _pem(signer())[:60], "no key that can be read"),
    (lambda: PRIVATE_SSH[:200], "no key that can be read"),
    (lambda: PRIVATE_SSH.replace(b"Ebm9uZQAAAA", b"Ebm9uZRAAAA"), "no key that can be read"),
    (lambda: b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----", "damaged"),
    (lambda: b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIII\n-----END ENCRYPTED PRIVATE KEY-----", "damaged"),
    (_endless, "steps, expected at most"),
])
def test_other_files(make: Callable[[], bytes], says: str, private: Private) -> None:
    path = private(make())
    with pytest.raises(BadFileError) as refused:
        keys.load(path, lambda: b"x")
    assert str(refused.value).startswith(f"{path}: ") and says in str(refused.value)


def test_remove(home: Path) -> None:
    keys.new("mine")
    keys.remove("mine")
    assert os.listdir(home / "keys") == []
    with pytest.raises(UsageError, match=r"no key 'mine' in .*; expected one of: none yet"):
        keys.remove("mine")


def test_without_the_library(monkeypatch: pytest.MonkeyPatch, private: Private) -> None:
    for name in [name for name in sys.modules if name.startswith("cryptography")]:
        monkeypatch.setitem(sys.modules, name, None)
    for do in (lambda: keys.new("mine"), lambda: keys.load(private(), no_passphrase)):
        with pytest.raises(UnavailableError, match=r"pip install 'openvmi\[sign\]'"):
            do()
    store.trust(KEY, "first")
    assert [key.name for key in ring.every()] == ["first"]


@pytest.mark.needs("openssl")
def test_trust_and_back(home: Path) -> None:
    path = store.trust(KEY, "first")
    assert path == home / "trusted" / f"{FINGERPRINT}.pub" and (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert subprocess.run(["openssl", "pkey", "-pubin", "-in", path, "-noout"], check=False).returncode == 0
    entry = store.trusted(FINGERPRINT)
    assert entry and (entry.name, entry.key) == ("first", KEY)
    with pytest.raises(UsageError, match="is there already"):
        store.trust(KEY, "again")
    with pytest.raises(UsageError, match="the name of another trusted key"):
        store.trust(OTHER, "first")
    store.distrust(FINGERPRINT)
    assert store.trusted(FINGERPRINT) is None and store.trusted_all() == []
    with pytest.raises(UsageError, match="not trusted"):
        store.distrust(FINGERPRINT)


def test_revoked_for_ever(home: Path) -> None:
    store.trust(KEY, "first")
    store.revoke(FINGERPRINT, KEY, "first", "stolen")
    assert store.trusted(FINGERPRINT) is None
    entry = store.revoked(FINGERPRINT)
    assert entry and (entry.name, entry.key) == ("first", KEY)
    with pytest.raises(RefusedError, match=f"is revoked, .* delete {home}/revoked/{FINGERPRINT}.pub"):
        store.trust(KEY, "first")
    with pytest.raises(UsageError, match="is there already"):
        store.revoke(FINGERPRINT, None, "", "")


def test_a_revocation_holds_whatever_is_in_its_file(home: Path) -> None:
    (home / "revoked").mkdir(parents=True, mode=0o700)
    path = home / "revoked" / f"{FINGERPRINT}.pub"
    for data in (b"", b"\xff" * 100, PublicKey(OTHER.raw).pem()):
        path.write_bytes(data)
        assert store.revoked(FINGERPRINT)
    path.unlink()
    path.symlink_to("/nowhere")
    assert store.revoked(FINGERPRINT)


@pytest.mark.parametrize("what", ["revoked", "trusted", "keys", ""])
def test_a_folder_out_of_sight_is_not_an_empty_one(what: str, home: Path, tmp_path: Path) -> None:
    """Say on a disk that is not mounted: a key that was revoked there would be believed again."""
    link = home / what
    link.parent.mkdir(exist_ok=True, mode=0o700)
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match=f"^{link}: a link that leads nowhere"):
        ring.every()
    if what in ("revoked", ""):
        with pytest.raises(UsageError, match="a link that leads nowhere"):
            store.revoked(FINGERPRINT)
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    assert ring.every() == [] and store.revoked(FINGERPRINT) is None


def test_a_file_where_a_folder_should_be(home: Path) -> None:
    home.mkdir(mode=0o700)
    (home / "revoked").touch()
    with pytest.raises(BadFileError, match="expected the folder of revoked keys"):
        ring.every()


def test_find() -> None:
    store.trust(KEY, "first")
    store.trust(OTHER, "second")
    for choice in ("first", FINGERPRINT, FINGERPRINT[:8], "21FE-31DF"):
        assert ring.find(choice).fingerprint == FINGERPRINT
    assert ring.find("0" * 64) == ring.Key("0" * 64, "", None)
    for choice in ("third", FINGERPRINT[:7], "0" * 63, "/nowhere", "a\0b", ""):
        with pytest.raises(UsageError, match="no key"):
            ring.find(choice)


def test_two_keys_of_one_name() -> None:
    keys.new("first")
    store.trust(KEY, "first")
    with pytest.raises(UsageError, match=f"more than one key, .*{FINGERPRINT[:8]}.*; expected enough"):
        ring.find("first")
