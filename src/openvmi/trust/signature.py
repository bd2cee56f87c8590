# SPDX-License-Identifier: MIT
"""What a ROM's signature is worth. Until signatures are checked: nothing."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from openvmi.rom.image import RomImage


class Kind(Enum):
    """Only GOOD satisfies who demands one."""

    NONE = "none"
    GOOD = "good"
    UNTRUSTED = "untrusted"
    REVOKED = "revoked"
    BAD = "bad"
    UNVERIFIABLE = "unverifiable"


@frozen
class SignatureState:
    """What is to be said of an image's signature."""

    kind: Kind
    key: str | None
    reason: str


def state(image: RomImage) -> SignatureState:
    """Judges the signature of an image."""
    if not image.descriptor.signature_size:
        return SignatureState(Kind.NONE, None, "the ROM is not signed")
    return SignatureState(Kind.UNVERIFIABLE, None, "the ROM's signature could not be checked")
