# SPDX-License-Identifier: MIT
"""The build id of a ROM: a name for what it does, whatever its manifest, licence text or signature say."""

from __future__ import annotations

import hashlib


def build_id(text: bytes, data: bytes, recipes: bytes, calls: bytes, relocations: bytes, groups: bytes) -> bytes:
    """SHA-256 of these parts as the image has them, each after its length in bytes as a 32-bit little-endian number.

    The lengths keep bytes from moving between parts without a change of the id.
    """
    total = hashlib.sha256()
    for part in (text, data, recipes, calls, relocations, groups):
        total.update(len(part).to_bytes(4, "little") + part)
    return total.digest()
