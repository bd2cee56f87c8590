# SPDX-License-Identifier: MIT
"""A target that breaks the rule that OPENVMI_BROKEN_TARGET names, for the tests of the campaign itself."""

from __future__ import annotations

import os
import time

ALLOWED = (ValueError,)
LIMIT = 16
_WHAT = os.environ.get("OPENVMI_BROKEN_TARGET")
_CHUNK, _CHUNKS = 64 << 20, 5
_kept: list[bytes] = []


def seeds() -> list[bytes]:
    """None that breaks it."""
    return [b"good"]


def run(data: bytes) -> None:
    """Allowed to raise ValueError, and to take a second and 256 MiB."""
    if data == b"good":
        raise ValueError("of no use")
    if _WHAT == "raises":
        raise KeyError(len(data))
    if _WHAT == "hangs":
        began = time.process_time()
        while time.process_time() - began < 1.1:
            pass
    if _WHAT == "grows" and len(_kept) < _CHUNKS:
        _kept.append(b"x" * _CHUNK)
