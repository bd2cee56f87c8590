# SPDX-License-Identifier: MIT
"""Public keys of Ed25519: read from files, written, named by a fingerprint, weighed. Needs no library.

A file is PEM with a SubjectPublicKeyInfo (RFC 8410, section 4: 12 bytes that are always the same, then the key), or one
line as OpenSSH writes it: `ssh-ed25519 BASE64 COMMENT` (RFC 8709, section 4).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator

from attrs import frozen

from openvmi.errors import BadFileError

#: Bytes of a public key.
SIZE = 32
#: Bytes of a file with a key of any kind; the largest RSA keys in use have less.
FILE_LIMIT = 32 << 10
#: Characters of a comment.
COMMENT_LIMIT = 200
#: Hexadecimal digits of a fingerprint.
DIGITS = 64

_INFO = bytes.fromhex("302a300506032b6570032100")
_SSH = b"\0\0\0\x0bssh-ed25519\0\0\0 "
_SSH_NAME = "ssh-ed25519"
_BEGIN, _END, _DASHES = "-----BEGIN ", "-----END ", "-----"
_SSH_NAMES = ("ssh-", "sk-ssh-", "ecdsa-", "sk-ecdsa-")
#: Object identifiers of other keys, as DER has them.
_OTHERS = {"2a864886f70d010101": "RSA", "2a8648ce3d0201": "elliptic curve", "2b6571": "Ed448", "2b656e": "X25519",
           "2a8648ce380401": "DSA"}
_GET_ONE = "expected an Ed25519 public key, as PEM or as OpenSSH writes it; openvmi key export writes one"
_GROUP = 8

_PRIME = 2**255 - 19
_ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
#: y of the points of order 1, 2, 4 and 8 of the curve (RFC 8032, section 5.1). A test computes them.
_SMALL_ORDER = {1, _PRIME - 1, 0, _ORDER_8, _PRIME - _ORDER_8}


@frozen
class PublicKey:
    """A key, and what its file says of it."""

    raw: bytes  #: SIZE bytes
    comment: str = ""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the raw key, in hexadecimal: DIGITS characters."""
        return hashlib.sha256(self.raw).hexdigest()

    def pem(self) -> bytes:
        """The key as PEM, without the comment."""
        body = base64.b64encode(_INFO + self.raw).decode()
        return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n".encode()

    def ssh(self) -> bytes:
        """The key as OpenSSH writes it: one line."""
        return f"{_SSH_NAME} {base64.b64encode(_SSH + self.raw).decode()} {self.comment}".rstrip().encode() + b"\n"


def shown(fingerprint: str) -> str:
    """A fingerprint for people: eight groups of eight digits. :func:`digits` is the way back."""
    return "-".join(fingerprint[i:i + _GROUP] for i in range(0, len(fingerprint), _GROUP))


def digits(text: str) -> str:
    """The hexadecimal digits of a fingerprint or of its beginning, however it is grouped; empty when it is not one."""
    found = re.sub(r"[-: ]", "", text).lower()
    return found if re.fullmatch(rf"[0-9a-f]{{1,{DIGITS}}}", found) else ""


def weakness(raw: bytes) -> str:
    """Why a key must not be believed whoever vouches for it; empty for a sound one.

    With a key of small order anybody can make signatures. OpenSSL and RFC 8032 let such keys pass.
    """
    y = int.from_bytes(raw, "little") & (1 << 255) - 1
    if y >= _PRIME:
        return "its encoding is not canonical"
    return "its order is small: anybody can sign with it" if y in _SMALL_ORDER else ""


def parse(data: bytes, where: str) -> PublicKey:
    """The one key in the bytes of a file. Raises :class:`BadFileError`."""
    text = data.decode("utf-8", "replace")
    found = [*_from_pem(text, where), *_from_ssh(text, where)]
    if len(found) != 1:
        raise BadFileError(f"{where}: {len(found) or 'no'} public keys, {_GET_ONE}")
    if weak := weakness(found[0].raw):
        raise BadFileError(f"{where}: a public key that must not be used: {weak}; ask its owner for another one")
    return found[0]


def valid_comment(text: str) -> bool:
    """Whether a terminal shows this as it is, in a line."""
    return len(text) <= COMMENT_LIMIT and text.isprintable()


def _from_pem(text: str, where: str) -> Iterator[PublicKey]:
    label, body = "", list[str]()
    for line in map(str.strip, text.splitlines()):
        if line.startswith(_BEGIN) and line.endswith(_DASHES):
            label, body = line[len(_BEGIN):-len(_DASHES)], []
            if label != "PUBLIC KEY":
                kind = "a private key" if "PRIVATE" in label else f"PEM of the kind {label:.40}"
                raise BadFileError(f"{where}: {kind}, {_GET_ONE}")
        elif label and line == f"{_END}{label}{_DASHES}":
            raw, label = _decoded("".join(body), where), ""
            if not raw.startswith(_INFO) or len(raw) != len(_INFO) + SIZE:
                raise BadFileError(f"{where}: {_kind(raw)}, {_GET_ONE}")
            yield PublicKey(raw[len(_INFO):])
        elif label:
            body.append(line)
    if label:
        raise BadFileError(f"{where}: PEM without its last line, {_GET_ONE}")


def _from_ssh(text: str, where: str) -> Iterator[PublicKey]:
    for line in text.splitlines():
        kind, _, rest = line.strip().partition(" ")
        if not kind.startswith(_SSH_NAMES):
            continue
        if kind != _SSH_NAME:
            raise BadFileError(f"{where}: a key of the kind {kind:.40}, {_GET_ONE}")
        body, _, comment = rest.strip().partition(" ")
        raw = _decoded(body, where)
        if not raw.startswith(_SSH) or len(raw) != len(_SSH) + SIZE:
            raise BadFileError(f"{where}: {len(raw)} bytes that are no {_SSH_NAME} key, {_GET_ONE}")
        yield PublicKey(raw[len(_SSH):], comment.strip() if valid_comment(comment.strip()) else "")


def _decoded(body: str, where: str) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadFileError(f"{where}: a key whose base64 is damaged ({error}), {_GET_ONE}") from error


def _kind(raw: bytes) -> str:
    for oid, name in _OTHERS.items():
        if bytes([6, len(oid) // 2]) + bytes.fromhex(oid) in raw[:32]:
            return f"a public key of another kind, {name}"
    return f"{len(raw)} bytes that are no Ed25519 key"
