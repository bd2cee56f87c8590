# SPDX-License-Identifier: MIT
"""Public keys: what OpenSSL and OpenSSH write is read, anything else is refused by name."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvmi.errors import BadFileError
from openvmi.trust import public
from openvmi.trust.public import PublicKey, parse
from tests.trust.conftest import FINGERPRINT, PUBLIC_PEM, PUBLIC_SSH, VECTORS

RAW = VECTORS[0][1]


def pem(der: bytes, label: str = "PUBLIC KEY") -> bytes:
    return f"-----BEGIN {label}-----\n{base64.b64encode(der).decode()}\n-----END {label}-----\n".encode()


def key_of(raw: bytes) -> bytes:
    return pem(bytes.fromhex("302a300506032b6570032100") + raw)


def test_what_others_write() -> None:
    assert parse(PUBLIC_PEM, "x") == PublicKey(RAW)
    assert parse(PUBLIC_SSH + b" me@here\n", "x") == PublicKey(RAW, "me@here")
    assert parse(PUBLIC_SSH, "x") == PublicKey(RAW)
    assert parse(b"words before\n" + PUBLIC_PEM.replace(b"\n", b"\r\n"), "x").raw == RAW
    assert PublicKey(RAW).pem() == PUBLIC_PEM
    assert PublicKey(RAW, "me").ssh() == PUBLIC_SSH + b" me\n" and PublicKey(RAW).ssh() == PUBLIC_SSH + b"\n"


def test_fingerprint() -> None:
    key = PublicKey(RAW)
    assert key.fingerprint == FINGERPRINT
    assert public.shown(FINGERPRINT) == "21fe31df-a154a261-626bf854-046fd227-1b7bed4b-6abe45aa-58877ef4-7f9721b9"
    assert public.digits(public.shown(FINGERPRINT)) == public.digits(FINGERPRINT.upper()) == FINGERPRINT
    assert public.digits("21fe 31df") == "21fe31df"
    assert [public.digits(text) for text in ("", "alice", FINGERPRINT + "0")] == ["", "", ""]


RSA = bytes.fromhex("30819f300d06092a864886f70d010101050003818d00") + bytes(140)
EC = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200") + bytes(65)


@pytest.mark.parametrize(("data", "says"), [
    (b"", "no public keys"),
    (b"\x80\xff" * 100, "no public keys"),
    (b"just text\n", "no public keys"),
    (PUBLIC_PEM * 2, "2 public keys"),
    (PUBLIC_PEM + PUBLIC_SSH, "2 public keys"),
    (pem(RSA), "another kind, RSA"),
    (pem(EC), "another kind, elliptic curve"),
    (pem(bytes.fromhex("302a300506032b656e032100") + RAW), "another kind, X25519"),
    (pem(b"\x30\x00"), "2 bytes that are no Ed25519 key"),
    (key_of(RAW[:31]), "43 bytes that are no Ed25519 key"),
    (key_of(RAW + b"\0"), "45 bytes that are no Ed25519 key"),
    (pem(b"", "PRIVATE KEY"), "a private key, expected an Ed25519 public key"),
    (pem(b"", "OPENSSH PRIVATE KEY"), "a private key"),
    (pem(RSA, "RSA PUBLIC KEY"), "PEM of the kind RSA PUBLIC KEY"),
    (pem(RSA, "CERTIFICATE"), "PEM of the kind CERTIFICATE"),
    (PUBLIC_PEM[:-10], "PEM without its last line"),
    (PUBLIC_PEM.replace(b"MCow", b"MC*w"), "base64 is damaged"),
    (PUBLIC_PEM.replace(b"Ro=", b"Ro"), "base64 is damaged"),
    (PUBLIC_SSH[:-4], "48 bytes that are no ssh-ed25519 key"),
    (PUBLIC_SSH[:-3], "base64 is damaged"),
    (PUBLIC_SSH.replace(b"ssh-ed25519", b"ssh-rsa"), "a key of the kind ssh-rsa"),
    (b"ecdsa-sha2-nistp256 AAAA", "a key of the kind ecdsa-sha2-nistp256"),
    (b"sk-ssh-ed25519@openssh.com AAAA", "a key of the kind sk-ssh-ed25519@openssh.com"),
])
def test_other_files(data: bytes, says: str) -> None:
    with pytest.raises(BadFileError) as refused:
        parse(data, "x.pub")
    assert str(refused.value).startswith("x.pub: ") and says in str(refused.value)
    assert ", expected an Ed25519 public key" in str(refused.value)


def test_comments_that_a_terminal_would_obey_are_dropped() -> None:
    assert parse(PUBLIC_SSH + b" \x1b[2Jme", "x").comment == ""
    assert parse(PUBLIC_SSH + b" " + b"a" * 201, "x").comment == ""


# Arithmetic of RFC 8032, section 5.1.4, on extended coordinates, written for this test.
P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P


def double(point: tuple[int, int]) -> tuple[int, int]:
    x, y = point
    return (2 * x * y * pow(1 + D * x * x * y * y, -1, P) % P,
            (y * y + x * x) * pow(1 - D * x * x * y * y, -1, P) % P)


def x_of(y: int) -> int | None:
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    return x if x * x % P == square else None


def test_points_of_small_order_are_all_known() -> None:
    """Eight points have an order that divides 8: five values of y, all but two of them with two of x."""
    points = set()
    for y in public._SMALL_ORDER:
        x = x_of(y)
        assert x is not None
        points |= {(x, y), (-x % P, y)}
    assert len(points) == 8
    for point in points:
        for _ in range(3):
            point = double(point)
        assert point == (0, 1)


@pytest.mark.parametrize("y", [*sorted(public._SMALL_ORDER), P, P + 1, 2**255 - 1])
@pytest.mark.parametrize("sign", [0, 1])
def test_keys_with_which_anybody_can_sign(y: int, sign: int) -> None:
    raw = (y | sign << 255).to_bytes(32, "little")
    assert public.weakness(raw)
    with pytest.raises(BadFileError, match="must not be used"):
        parse(key_of(raw), "x")


def test_sound_keys_have_no_weakness() -> None:
    assert [public.weakness(vector[1]) for vector in VECTORS] == ["", "", ""]


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    for wrapped in (data, pem(data), key_of(data), b"ssh-ed25519 " + base64.b64encode(data)):
        try:
            key = parse(wrapped, "x")
        except BadFileError:
            continue
        assert len(key.raw) == 32 and parse(key.pem(), "y").raw == key.raw == parse(key.ssh(), "z").raw
