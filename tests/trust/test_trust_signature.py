# SPDX-License-Identifier: MIT
"""Signatures of ROMs: what is signed, byte by byte; that signing changes nothing else; what becomes of wrong ones."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openvmi import resources
from openvmi.errors import BadFileError, BadRomError, RefusedError
from openvmi.rom import container, signed
from openvmi.rom.emit import RomContents, emit
from openvmi.rom.image import RomImage
from openvmi.trust import signature, store
from openvmi.trust.public import PublicKey
from openvmi.trust.signature import Kind, SignatureState, sign, state
from tests.rom.test_rom_emit import roms
from tests.trust.conftest import FINGERPRINT, VECTORS, signer

pytestmark = pytest.mark.usefixtures("home")
KEY = PublicKey(VECTORS[0][1])
#: Order of the group (RFC 8032, section 5.1).
L = 2**252 + 27742317777372353535851937790883648493


def sealed(data: bytes) -> RomImage:
    """An image with these bytes and a right checksum."""
    out = bytearray(data)
    out[15] = (out[15] - sum(out)) & 0xFF
    return RomImage.parse(bytes(out), "it.rom")


def with_value(image: RomImage, value: bytes) -> RomImage:
    """The image with 64 other bytes for a signature."""
    start = len(image.data) - 512 + 40
    return sealed(image.data[:start] + value + image.data[start + 64:])


def value(image: RomImage) -> bytes:
    """The 64 bytes."""
    return image.data[-512 + 40:-512 + 104]


@pytest.mark.parametrize(("secret", "public", "message", "wanted"), VECTORS)
def test_vectors_of_rfc_8032(secret: bytes, public: bytes, message: bytes, wanted: bytes) -> None:
    key = signature.keys.library().Ed25519PrivateKey.from_private_bytes(secret)
    assert key.public_key().public_bytes_raw() == public
    assert key.sign(message) == wanted
    assert signature._holds(public, wanted, message) and not signature._holds(public, wanted, message + b"\0")


def test_what_is_signed(small: RomImage) -> None:
    """Put together here from the definition: the unsigned image with the new length, the offsets and the public key."""
    image, size = bytearray(small.data), len(small.data)
    assert size == 512
    image[2] = 2  # units of 512 bytes
    image[15] = 0  # the checksum counts as zero
    pci, = struct.unpack_from("<H", image, 24)
    struct.pack_into("<H", image, pci + 16, 2)
    descriptor, = struct.unpack_from("<I", image, 28)
    struct.pack_into("<II", image, descriptor + 88, size, 104)
    image += struct.pack("<4sHH32s64s", b"VMIS", 104, 1, KEY.raw, bytes(64)) + bytes(408)
    wanted = b"OpenVMI ROM signature 1\0" + image
    done = sign(small, signer())
    assert signed.message(done) == wanted and len(wanted) == 24 + 1024
    assert value(done) == signer().sign(wanted)
    assert done.data == sealed(bytes(image[:-472]) + signer().sign(wanted) + bytes(408)).data


def test_states(rom: RomImage) -> None:
    done = sign(rom, signer())
    assert state(rom) == SignatureState(Kind.NONE, None, "the ROM is not signed")
    found = state(done)
    assert (found.kind, found.key) == (Kind.UNTRUSTED, FINGERPRINT) and "which you do not trust" in found.reason
    store.trust(KEY, "first")
    found = state(done)
    assert (found.kind, found.key, found.name) == (Kind.GOOD, FINGERPRINT, "first")
    assert state(sign(rom, signer(1))).kind is Kind.UNTRUSTED
    store.revoke(FINGERPRINT, KEY, "first", "lost")
    found = state(done)
    assert (found.kind, found.key) == (Kind.REVOKED, FINGERPRINT) and "you have revoked" in found.reason
    with pytest.raises(RefusedError, match="you have revoked this key"):
        sign(rom, signer())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(roms())
def test_signing_is_undone_byte_for_byte(contents: RomContents) -> None:
    image = signed.detach(RomImage.parse(emit(evolve(contents, capsule=b""))))
    once = sign(image, signer())
    assert len(once.data) == len(image.data) + 512 and state(once).kind is Kind.UNTRUSTED
    assert signed.detach(once).data == image.data and signed.detach(image) is image
    assert once.descriptor.build_id == image.descriptor.build_id
    assert sign(once, signer(1)).data == sign(image, signer(1)).data != once.data
    changed = {at for at, (old, new) in enumerate(zip(image.data, once.data, strict=False)) if old != new}
    descriptor = image.header.descriptor
    assert changed <= {2, 15, image.header.pci + 16, *range(descriptor + 88, descriptor + 96)}


def test_signing_keeps_what_stands_behind_the_last_part(rom: RomImage) -> None:
    image = sealed(rom.data[:-1] + b"\xa5")
    once = sign(image, signer())
    assert once.data[:len(image.data)][-1] == 0xA5 and signed.detach(once).data == image.data


def test_every_byte_is_covered(small: RomImage) -> None:
    """Whatever is changed, and sealed again: the ROM breaks the format, or its signature is bad. Each byte, one bit."""
    store.trust(KEY, "first")
    done, counts = sign(small, signer()), {kind: 0 for kind in Kind}
    refused = 0
    for at in range(len(done.data)):
        if at == 15:
            continue
        try:
            counts[state(sealed(done.data[:at] + bytes([done.data[at] ^ 0x10]) + done.data[at + 1:])).kind] += 1
        except BadRomError:
            refused += 1
    assert set(kind for kind, count in counts.items() if count) == {Kind.BAD}
    assert refused > 500 and counts[Kind.BAD] > 100, (refused, counts)


def test_one_of_another_file(rom: RomImage) -> None:
    store.trust(KEY, "first")
    other = RomImage.load(resources.built("roms") / "template.rom")
    copied = with_value(sign(rom, signer()), value(sign(other, signer())))
    found = state(copied)
    assert found.kind is Kind.BAD and "or it was made over another file" in found.reason and found.key == FINGERPRINT


def test_one_under_another_name(rom: RomImage) -> None:
    """The key of somebody trusted, over the signature of somebody else."""
    store.trust(KEY, "first")
    done = sign(rom, signer(1))
    start = len(rom.data) + 8
    assert state(sealed(done.data[:start] + KEY.raw + done.data[start + 32:])).kind is Kind.BAD


@pytest.mark.parametrize("spoil", [
    lambda v: bytes(64),
    lambda v: b"\xff" * 64,
    lambda v: v[32:] + v[:32],
    lambda v: v[:32] + (int.from_bytes(v[32:], "little") + L).to_bytes(32, "little"),  # S and S + L: malleable
    lambda v: v[:63] + bytes([v[63] | 0xE0]),
    lambda v: (1).to_bytes(32, "little") + v[32:],  # R of small order
], ids=["zeros", "ones", "swapped", "S + L", "high bits", "small R"])
def test_other_encodings(spoil: Callable[[bytes], bytes], rom: RomImage) -> None:
    store.trust(KEY, "first")
    done = sign(rom, signer())
    assert state(with_value(done, spoil(value(done)))).kind is Kind.BAD


def test_a_key_with_which_anybody_signs(rom: RomImage) -> None:
    """The neutral element as key, R = S = 0: OpenSSL takes that for every message, so the key itself is refused."""
    neutral = (1).to_bytes(32, "little")
    made = signed.attach(rom, neutral, neutral + bytes(32))
    assert signature._holds(neutral, neutral + bytes(32), b"anything")
    found = state(made)
    assert found.kind is Kind.BAD and "anybody can sign with it" in found.reason
    with pytest.raises(BadFileError, match="no signature by this key"):
        signature.attach(rom, neutral, neutral + bytes(32))


def test_without_the_library(rom: RomImage, monkeypatch: pytest.MonkeyPatch) -> None:
    store.trust(KEY, "first")
    done = sign(rom, signer())
    for name in [name for name in sys.modules if name.startswith("cryptography")]:
        monkeypatch.setitem(sys.modules, name, None)
    found = state(done)
    assert found.kind is Kind.UNVERIFIABLE and "pip install 'openvmi[sign]'" in found.reason
    assert found.key == FINGERPRINT and state(rom).kind is Kind.NONE


def test_nothing_imports_the_library_before_it_is_needed(rom: RomImage, tmp_path: Path) -> None:
    (tmp_path / "emu.rom").write_bytes(rom.data)
    code = ("import sys; from openvmi.cli.main import run; run(sys.argv[1:]); "
            "sys.exit(any(n.startswith('cryptography') for n in sys.modules))")
    for arguments in (["rom", "verify", str(tmp_path / "emu.rom")], ["key", "list"], ["rom", "sign", "--help"]):
        assert subprocess.run([sys.executable, "-c", code, *arguments], stdout=subprocess.DEVNULL).returncode == 0


@pytest.mark.parametrize(("spoil", "says"), [
    (lambda path: path.write_bytes(b""), "no public keys"),
    (lambda path: path.write_bytes(os.urandom(100)), "no public keys"),
    (lambda path: path.write_bytes(PublicKey(VECTORS[1][1]).pem()), "under the name of another one"),
    (lambda path: path.write_bytes(b"name: \x1b[2J\n" + KEY.pem()), "its name or comment cannot be one"),
    (lambda path: path.write_bytes(KEY.pem() * 500), "larger than"),
    (lambda path: path.chmod(0o666), "others can write this trusted key"),
    (lambda path: path.parent.chmod(0o777), "others can write this folder of trusted keys"),
    (lambda path: path.parent.parent.chmod(0o777), "others can write this folder of the configuration"),
    (lambda path: (path.rename(f"{path}.x"), path.symlink_to(f"{path}.x")), "a symbolic link"),
], ids=["empty", "garbage", "other key", "name", "huge", "writable", "folder", "above", "link"])
def test_damaged_entries_of_the_trust_store(spoil: Callable[[Path], object], says: str, rom: RomImage) -> None:
    path = store.trust(KEY, "first")
    spoil(path)
    found = state(sign(rom, signer()))
    assert found.kind is Kind.UNTRUSTED and says in found.reason and str(path.parent.parent) in found.reason


def test_revoked_folder_that_cannot_be_read(rom: RomImage, home: Path) -> None:
    done = sign(rom, signer())
    store.trust(KEY, "first")
    (home / "revoked").write_bytes(b"")
    found = state(done)
    assert found.kind is Kind.UNTRUSTED and "cannot tell whether this key is revoked" in found.reason


def test_revoked_folder_where_others_can_delete(rom: RomImage, home: Path) -> None:
    """A key that is not there may have been; one that is, is revoked all the same."""
    store.trust(KEY, "first")
    store.revoke(PublicKey(VECTORS[1][1]).fingerprint, None, "", "")
    done = sign(rom, signer())
    (home / "revoked").chmod(0o777)
    found = state(done)
    assert found.kind is Kind.UNTRUSTED and "others can write this folder of revoked keys" in found.reason
    with pytest.raises(RefusedError, match="you have revoked this key"):
        sign(rom, signer(1))


def test_no_room(rom: RomImage) -> None:
    with pytest.raises(RefusedError, match="a signature needs 512 more; an option ROM has at most 130560"):
        sign(sealed(_grown(rom, container.IMAGE_LIMIT)), signer())
    assert len(sign(sealed(_grown(rom, container.IMAGE_LIMIT - 512)), signer()).data) == container.IMAGE_LIMIT


def _grown(image: RomImage, size: int) -> bytes:
    out = bytearray(image.data.ljust(size, b"\0"))
    out[2] = size // 512
    struct.pack_into("<H", out, image.header.pci + 16, size // 512)
    return bytes(out)


def test_what_could_not_be_restored(rom: RomImage) -> None:
    out = bytearray(rom.data)
    struct.pack_into("<I", out, rom.header.descriptor + 88, 512)
    with pytest.raises(RefusedError, match="signature_size 0, but signature 0x200, expected 0"):
        sign(sealed(bytes(out)), signer())


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=104, max_size=104), st.integers(0, 103))
def test_any_signature(small: RomImage, other: bytes, cut: int) -> None:
    """Bytes of anybody in the place of a signature: the format refuses them, or nobody trusts them."""
    done = sign(small, signer())
    start = len(small.data)
    for part in (other, other[:cut] + done.data[start + cut:start + 104], done.data[start:start + cut] + other[cut:]):
        try:
            image = sealed(done.data[:start] + part + done.data[start + 104:])
        except BadRomError:
            continue
        assert state(image).kind in (Kind.BAD, Kind.UNTRUSTED)
