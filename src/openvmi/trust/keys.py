# SPDX-License-Identifier: MIT
"""The user's own keys: config()/keys/NAME.key and NAME.pub. A private key is PEM with PKCS #8, for its owner alone.

Reading one accepts what OpenSSH writes too, as long as it has no passphrase.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from attrs import frozen

from openvmi.errors import BadFileError, OpenVmiError, UnavailableError, UsageError
from openvmi.trust import guarded, home
from openvmi.trust.public import COMMENT_LIMIT, FILE_LIMIT, PublicKey, parse, valid_comment

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
#: Bytes of a passphrase.
PASSPHRASE_LIMIT = 1024
#: Of the numbers in the header of an encrypted key, multiplied: iterations, block sizes, key length. About 10 s.
WORK_LIMIT = 1 << 29

_COMMENT = "comment: "
_OPENSSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"
_ENCRYPTED = re.compile(rb"-----BEGIN ENCRYPTED PRIVATE KEY-----([^-]*)-----END")
_EXPECTED = "expected an Ed25519 private key, as PEM (PKCS #8) or as OpenSSH writes it; openvmi key new makes one"
_INTEGER, _SEQUENCE = 0x02, 0x30


@frozen
class OwnKey:
    """One of the user's keys; `problem` says why it cannot be used."""

    name: str
    path: Path  #: of the private key
    public: PublicKey | None
    problem: str = ""


def library() -> ModuleType:
    """cryptography's Ed25519. Raises :class:`UnavailableError` when it is not installed."""
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise UnavailableError("signatures need the Python package cryptography, which is not installed; "
                               "run: pip install 'openvmi[sign]'") from error
    return ed25519


def folder() -> Path:
    """Where they are; it may not exist."""
    return home.config() / "keys"


def check_name(name: str) -> str:
    """The name. Raises :class:`UsageError` for what cannot be one."""
    if not NAME.fullmatch(name) or name.endswith((".key", ".pub")):
        raise UsageError(f"no key can be called {name!r:.80}; expected 1 to 64 letters, digits, dots, dashes and "
                         "underscores, beginning with a letter or a digit, without the ending .key or .pub")
    return name


def check_comment(comment: str) -> str:
    """The comment. Raises :class:`UsageError` for what a terminal would not show in a line."""
    if not valid_comment(comment):
        raise UsageError(f"a comment {comment!r:.80}; expected at most {COMMENT_LIMIT} printable characters")
    return comment


def new(name: str, comment: str = "", passphrase: bytes | None = None) -> OwnKey:
    """Makes a key and its two files, or neither. :class:`UsageError` when there is one of this name."""
    ed25519 = library()
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        KeySerializationEncryption,
        NoEncryption,
        PrivateFormat,
    )

    path = folder() / f"{check_name(name)}.key"
    public_path = path.with_name(f"{name}.pub")
    check_comment(comment)
    if passphrase is not None and not 0 < len(passphrase) <= PASSPHRASE_LIMIT:
        raise UsageError(f"a passphrase of {len(passphrase)} bytes; expected 1 to {PASSPHRASE_LIMIT}")
    key = ed25519.Ed25519PrivateKey.generate()
    seal: KeySerializationEncryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    guarded.make_folder(folder(), "private keys", private=True)
    if os.path.lexists(public_path):
        raise UsageError(f"{public_path}: is there already; choose another name, or remove that one first")
    guarded.create(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, seal), 0o600)
    public = PublicKey(key.public_key().public_bytes_raw(), comment)
    try:
        guarded.create(public_path, written(public, ""), 0o644)
    except BaseException:
        path.unlink()
        raise
    return OwnKey(name, path, public)


def written(key: PublicKey, name: str) -> bytes:
    """The file of a public key: what is known of it, a line each, then PEM. Other programs skip these lines."""
    lines = [f"name: {name}\n"] if name else []
    lines += [f"{_COMMENT}{key.comment}\n"] if key.comment else []
    return "".join(lines).encode() + key.pem()


def read_written(data: bytes, where: str) -> tuple[str, PublicKey]:
    """The way back: name and key. Raises :class:`BadFileError`."""
    key = parse(data, where)
    head = data.partition(b"-----BEGIN")[0].decode("utf-8", "replace")
    told = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    name, comment = told.get("name", ""), told.get("comment", "") or key.comment
    if (name and not NAME.fullmatch(name)) or not valid_comment(comment):
        raise BadFileError(f"{where}: its name or comment cannot be one; expected what openvmi key writes there")
    return name, PublicKey(key.raw, comment)


def read_public(path: Path) -> tuple[str, PublicKey]:
    """Name and key of a file of anybody's. Raises as :func:`openvmi.files.read_bounded`, and :class:`BadFileError`."""
    from openvmi.files import read_bounded

    return read_written(read_bounded(path, FILE_LIMIT, "public key"), str(path))


def listed() -> list[OwnKey]:
    """All of them, by name, those that cannot be used included."""
    guarded.check_folder(folder(), "private keys", private=True)
    return [own(path.stem) for path in sorted(folder().glob("*.key")) if NAME.fullmatch(path.stem)]


def own(name: str) -> OwnKey:
    """One of them. :class:`UsageError` when there is none of this name."""
    path = folder() / f"{check_name(name)}.key"
    guarded.check_folder(folder(), "private keys", private=True)
    if not os.path.lexists(path):
        known = ", ".join(sorted(other.stem for other in folder().glob("*.key"))) or "none yet"
        raise UsageError(f"no key {name!r} in {folder()}; expected one of: {known}; make one with: "
                         f"openvmi key new {name}")
    try:
        guarded.read(path, FILE_LIMIT, "private key", private=True)
        public = read_public(path.with_name(f"{name}.pub"))[1]
    except OpenVmiError as error:
        return OwnKey(name, path, None, str(error))
    return OwnKey(name, path, public)


def remove(name: str) -> None:
    """Deletes both files of a key; for ever."""
    key = own(name)
    key.path.unlink()
    key.path.with_name(f"{name}.pub").unlink(missing_ok=True)


def find(choice: str) -> Path:
    """The file of a private key: by the name of one of the user's own, or a path. Raises :class:`UsageError`."""
    if os.sep not in choice and NAME.fullmatch(choice) and os.path.lexists(folder() / f"{choice}.key"):
        guarded.check_folder(folder(), "private keys", private=True)
        return folder() / f"{choice}.key"
    if os.path.lexists(choice):
        return Path(choice)
    raise UsageError(f"no key {choice!r:.80}: neither a file, nor a name in {folder()}; make one with: "
                     "openvmi key new NAME")


def load(path: Path, passphrase: Callable[[], bytes]) -> Ed25519PrivateKey:
    """The private key of a file. `passphrase` is asked when it has one.

    Raises as :func:`guarded.read`, :class:`BadFileError`, and :class:`UnavailableError` without the library.
    """
    ed25519 = library()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    data = guarded.read(path, FILE_LIMIT, "private key", private=True)
    key: object
    try:
        if data.lstrip().startswith(_OPENSSH):
            key = load_ssh_private_key(data.lstrip(), None)
        else:
            key = load_pem_private_key(data, _asked(data, path, passphrase))
    except TypeError as error:
        raise BadFileError(f"{path}: a private key with a passphrase in a form that is not read; {_EXPECTED}; one of "
                           "OpenSSH must have no passphrase") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        sealed = _ENCRYPTED.search(data)
        wrong = "the passphrase is wrong, or the file is damaged" if sealed else "no key that can be read"
        raise BadFileError(f"{path}: {wrong}; {_EXPECTED}") from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        kind = type(key).__name__.strip("_").removesuffix("PrivateKey")
        raise BadFileError(f"{path}: a private key of another kind, {kind}; {_EXPECTED}")
    return key


def _asked(data: bytes, path: Path, passphrase: Callable[[], bytes]) -> bytes | None:
    """The passphrase of an encrypted key; None for one that is not. Whoever wrote the file says how much work it is."""
    found = _ENCRYPTED.search(data)
    if not found:
        return None
    try:
        work = _work(base64.b64decode(b"".join(found[1].split()), validate=True))
    except (binascii.Error, ValueError, IndexError) as error:
        raise BadFileError(f"{path}: an encrypted key that is damaged; {_EXPECTED}") from error
    if work > WORK_LIMIT:
        raise BadFileError(f"{path}: reading it would take {work:,} steps, expected at most {WORK_LIMIT:,}; encrypt "
                           "the key anew with fewer iterations")
    return passphrase()


def _work(der: bytes) -> int:
    """All numbers in the algorithm of an EncryptedPrivateKeyInfo (RFC 5958, section 3), multiplied.

    ValueError or IndexError for what is no DER.
    """
    total, at, end = 1, 0, len(der)
    _, at, _ = _element(der, at)  # the whole
    _, at, end = _element(der, at)  # the algorithm
    while at < end:
        kind, start, after = _element(der, at)
        if kind == _INTEGER:
            total *= max(1, int.from_bytes(der[start:after], "big"))
        at = start if kind == _SEQUENCE else after
    return total


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """Tag, start of the contents, end of the contents."""
    kind, size, start = der[at], der[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        size, start = int.from_bytes(der[start:start + count], "big"), start + count
    if start + size > len(der):
        raise ValueError("an element that goes on behind the end")
    return kind, start, start + size
