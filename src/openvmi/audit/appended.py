# SPDX-License-Identifier: MIT
"""The signature that may stand behind a Linux kernel module, and who it says has signed.

Layout: Linux include/linux/module_signature.h (a trailer of 12 bytes and a marker); PKCS #7: RFC 5652, section 5, in
DER (X.690). It is read, not verified: whose keys a kernel trusts is not in the module.
"""

from __future__ import annotations

import struct

from attrs import frozen

MARKER = b"~Module signature appended~\n"
_TRAILER = struct.Struct(">BBBBB3xI")  # algorithm, hash, kind, sizes of signer and key id, size of the signature
_PKCS7 = 2
_KINDS = {0: "PGP", 1: "X.509", _PKCS7: "PKCS#7"}
_SEQUENCE, _SET, _INTEGER, _OID, _CONTEXT = 0x30, 0x31, 2, 6, 0xA0
_COMMON_NAME = bytes.fromhex("550403")
#: Digest algorithms (RFC 5754; FIPS 202 ones: NIST's csor, 2.16.840.1.101.3.4.2).
_NIST = bytes.fromhex("6086480165030402")
_HASHES = {
    bytes.fromhex("2a864886f70d0205"): "md5", bytes.fromhex("2b0e03021a"): "sha1", _NIST + b"\1": "sha256",
    _NIST + b"\2": "sha384", _NIST + b"\3": "sha512", _NIST + b"\4": "sha224", _NIST + b"\10": "sha3-256",
    _NIST + b"\11": "sha3-384", _NIST + b"\12": "sha3-512",
}


@frozen
class Signature:
    """What stands there. Texts are empty where they cannot be read; `problem` says why."""

    kind: str
    size: int
    signer: str = ""
    key: str = ""  #: the serial number of the signer's certificate, in hexadecimal
    hash: str = ""
    problem: str = ""


def find(data: bytes) -> Signature | None:
    """The signature behind a module's bytes; None when the marker is not there."""
    if not data.endswith(MARKER):
        return None
    end = len(data) - len(MARKER) - _TRAILER.size
    if end < 0:
        return Signature("", 0, problem="nothing in front of the marker")
    _, _, kind, _, _, size = _TRAILER.unpack_from(data, end)
    name = _KINDS.get(kind, f"kind {kind}")
    if size > end:
        return Signature(name, size, problem=f"{size} bytes said, {end} there")
    if kind != _PKCS7:
        return Signature(name, size)
    try:
        return Signature(name, size, *_signer(data[end - size:end]))
    except (ValueError, IndexError) as error:
        return Signature(name, size, problem=f"cannot be read: {error}")


def _signer(message: bytes) -> tuple[str, str, str]:
    """Common name of the certificate's issuer, serial number, hash: of the first signer of a SignedData."""
    _, content = _children(_expect(message, _SEQUENCE))[:2]
    signed = _children(_expect(content[1], _SEQUENCE))
    signers = [value for tag, value in signed if tag == _SET]
    if len(signers) < 2:  # the digest algorithms are a set, too
        raise ValueError("no signer")
    fields = _children(_expect(signers[-1], _SEQUENCE))
    if len(fields) < 3 or fields[1][0] != _SEQUENCE:
        raise ValueError("the signer is named by no issuer and serial number")
    issuer, serial = _children(fields[1][1])[:2]
    algorithm = _children(fields[2][1])[0][1]
    return (_common_name(issuer[1]), ":".join(f"{byte:02X}" for byte in serial[1][:64]),
            _HASHES.get(algorithm, algorithm.hex()))


def _common_name(name: bytes) -> str:
    for _, part in _children(name):
        for _, pair in _children(part):
            kind, value = _children(pair)[:2]
            if kind == (_OID, _COMMON_NAME):
                return value[1].decode("utf-8", "backslashreplace")
    return ""


def _expect(data: bytes, tag: int) -> bytes:
    found = _children(data)
    if not found or found[0][0] != tag:
        raise ValueError("not a PKCS #7 message")
    return found[0][1]


def _children(data: bytes) -> list[tuple[int, bytes]]:
    """The elements that stand one behind the other: (tag, value) each. ValueError when one does not fit."""
    found, at = [], 0
    while at < len(data):
        if at + 2 > len(data):
            raise ValueError("an element without length")
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            width = size & 0x7F
            if not 1 <= width <= 4 or at + width > len(data):
                raise ValueError("an element of a length that is not in DER")
            size = int.from_bytes(data[at:at + width], "big")
            at += width
        if at + size > len(data):
            raise ValueError("an element that ends behind its message")
        found.append((tag, data[at:at + size]))
        at += size
    return found
