# SPDX-License-Identifier: MIT
"""Exit statuses of `openvmi rom verify`. Imports nothing heavy: help shows them."""

from __future__ import annotations

from enum import IntEnum

from openvmi.status import Status


class Verdict(IntEnum):
    """What becomes of a verification; other statuses are those of every verb."""

    GOOD = 0
    UNSIGNED = 1
    UNKNOWN_KEY = 2
    REVOKED_KEY = 3
    BAD_SIGNATURE = 4
    FALSE_CLAIM = 5
    UNVERIFIABLE = Status.UNAVAILABLE


MEANING: dict[IntEnum, str] = {
    Verdict.GOOD: "a good signature by a key that you trust, and no false claim",
    Verdict.UNSIGNED: "not signed",
    Verdict.UNKNOWN_KEY: "signed by a key that you do not trust",
    Verdict.REVOKED_KEY: "signed by a key that you have revoked",
    Verdict.BAD_SIGNATURE: "the signature is not good",
    Verdict.FALSE_CLAIM: "signed by a key that you trust, but the ROM says of itself what is not so",
    Status.BAD_FILE: "not a ROM, or one that breaks the format",
    Verdict.UNVERIFIABLE: "nothing here can check signatures: the Python package cryptography is missing",
}
