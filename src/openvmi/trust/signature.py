# SPDX-License-Identifier: MIT
"""Signatures of ROMs: made, and judged by what the user trusts. Where one is in an image is in openvmi.rom.signed."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from attrs import frozen

from openvmi.errors import BadFileError, OpenVmiError, RefusedError, UnavailableError
from openvmi.rom import signed
from openvmi.trust import keys, store
from openvmi.trust.public import PublicKey, shown, weakness

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from openvmi.rom.image import RomImage

#: Bytes of a signature.
SIZE = 64


class Kind(Enum):
    """What a signature is worth. Only GOOD satisfies who demands one."""

    NONE = "none"  #: the ROM is not signed
    GOOD = "good"  #: by a key that the user trusts, over this very image
    UNTRUSTED = "untrusted"  #: over this image, by a key that the user does not know
    REVOKED = "revoked"  #: over this image, by a key that the user believes no longer
    BAD = "bad"  #: not made by the key that it names, or not over this image
    UNVERIFIABLE = "unverifiable"  #: nobody could check it: the library is missing


@frozen
class SignatureState:
    """What is to be said of an image's signature."""

    kind: Kind
    key: str | None  #: fingerprint of the key that it names, in hexadecimal
    reason: str
    name: str = ""  #: what the user calls the key


def state(image: RomImage) -> SignatureState:
    """Judges the signature of an image; raises nothing on account of what it or the trust store holds."""
    found = signed.part(image)
    if found is None:
        return SignatureState(Kind.NONE, None, "the ROM is not signed")
    key = PublicKey(found.key).fingerprint
    who = f"the key {shown(key)}"
    if weak := weakness(found.key):
        return SignatureState(Kind.BAD, key, f"{who} must not be used: {weak}")
    try:
        if not _holds(found.key, found.signature, signed.message(image)):
            return SignatureState(Kind.BAD, key, f"the signature is not one by {who} over this image: one of the two "
                                                 "was changed, or it was made over another file")
    except UnavailableError as error:
        return SignatureState(Kind.UNVERIFIABLE, key, f"the signature by {who} could not be checked: {error}")
    try:
        if revoked := store.revoked(key):
            return SignatureState(Kind.REVOKED, key, f"signed by {who}, which you have revoked", revoked.name)
        if trusted := store.trusted(key):
            return SignatureState(Kind.GOOD, key, f"signed by {trusted.name or 'a key'} ({shown(key)}), whom you trust",
                                  trusted.name)
    except OpenVmiError as error:
        return SignatureState(Kind.UNTRUSTED, key, f"signed by {who}, but what you trust cannot be told: {error}")
    return SignatureState(Kind.UNTRUSTED, key, f"signed by {who}, which you do not trust; if you know whose it is: "
                                               "openvmi key trust FILE, with the file of that key")


def sign(image: RomImage, key: Ed25519PrivateKey) -> RomImage:
    """The image signed, in place of a signature that it may have.

    :class:`RefusedError` when there is no room for one, or the user has revoked the key.
    """
    public = key.public_key().public_bytes_raw()
    if store.revoked(fingerprint := PublicKey(public).fingerprint):
        raise RefusedError(f"{shown(fingerprint)}: you have revoked this key; sign with another one")
    return signed.attach(image, public, key.sign(signed.message(signed.attach(image, public))))


def attach(image: RomImage, public: bytes, signature: bytes) -> RomImage:
    """The image with a signature that was made elsewhere over :func:`openvmi.rom.signed.message`.

    Raises :class:`BadFileError` when it is not good.
    """
    result = signed.attach(image, public, signature) if len(signature) == SIZE else None
    if result is None or weakness(public) or not _holds(public, signature, signed.message(result)):
        raise BadFileError(f"{image.path}: the {len(signature)} bytes are no signature by this key over this image; "
                           f"expected {SIZE} bytes, made over what openvmi rom sign --message wrote for both")
    return result


def _holds(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether a signature is good. That S is below the order of the group, the library demands; a test asks it."""
    ed25519 = keys.library()
    from cryptography.exceptions import InvalidSignature

    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
