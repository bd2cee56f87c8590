# SPDX-License-Identifier: MIT
"""Keys of anybody, and the signature of a ROM. First byte: which of the readers has the rest.

Keys with a passphrase are as far as their own account of how much work it is to read them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from openvmi import resources
from openvmi.errors import BadFileError, UsageError
from openvmi.rom import signed
from openvmi.rom.image import RomImage
from openvmi.trust import keys
from openvmi.trust.public import PublicKey, parse, weakness
from openvmi.trust.signature import Kind, sign, state
from tests.fuzz.targets.rom import sealed

ALLOWED = (BadFileError, UsageError)
LIMIT = 4096
_SECRET = bytes(range(32))
_PUBLIC, _WRITTEN, _PRIVATE, _SIGNATURE = range(4)


class _Asked(UsageError):
    """A key wanted its passphrase."""


def _no_passphrase() -> bytes:
    raise _Asked("no passphrase here; none is given")


def _rom() -> RomImage:
    return RomImage.parse((resources.built("roms") / "template.rom").read_bytes(), "it.rom")


def seeds() -> list[bytes]:
    """Each kind of file as the programs that have it write it."""
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = keys.library().Ed25519PrivateKey.from_private_bytes(_SECRET)
    public = PublicKey(key.public_key().public_bytes_raw(), "of tests")
    private = [key.private_bytes(Encoding.PEM, form, NoEncryption()) for form in (
        PrivateFormat.PKCS8, PrivateFormat.OpenSSH)]
    private.append(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")))
    found = [(_PUBLIC, public.pem()), (_PUBLIC, public.ssh()), (_WRITTEN, keys.written(public, "mine"))]
    found += [(_PRIVATE, data) for data in private] + [(_SIGNATURE, sign(_rom(), key).data[-512:])]
    return [bytes([reader]) + data for reader, data in found]


def run(data: bytes) -> None:
    """One reader."""
    reader, rest = data[0] % 4 if data else 0, data[1:]
    if reader == _PUBLIC:
        key = parse(rest, "it")
        assert not weakness(key.raw) and parse(key.pem(), "it").raw == parse(key.ssh(), "it").raw == key.raw
    elif reader == _WRITTEN:
        name, key = keys.read_written(rest, "it")
        assert keys.read_written(keys.written(key, name), "it") == (name, key)
    elif reader == _PRIVATE:
        _read_private(rest)
    else:
        _read_signature(rest)


def _read_private(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "it.key")
        path.write_bytes(data)
        path.chmod(0o600)
        assert len(keys.load(path, _no_passphrase).private_bytes_raw()) == 32


def _read_signature(data: bytes) -> None:
    """In the place of one. Nobody but the key's owner makes a good one."""
    whole = signed.attach(_rom(), bytes(32)).data[:-512] + data[:512].ljust(512, b"\0")
    image = RomImage.parse(sealed(whole), "it.rom")
    found = state(image)
    assert found.reason and found.key and found.kind in (Kind.BAD, Kind.UNTRUSTED)
    assert signed.detach(image).data == _rom().data
