# SPDX-License-Identifier: MIT
"""Which ROM images were rebuilt identically from their own source, here, by this user.

One empty file for each image, named by the SHA-256 of the whole image. Who can write there can start guests as this
user anyway, so nothing in it is signed.
"""

from __future__ import annotations

import re
from pathlib import Path

from openvmi.files import write_atomically
from openvmi.trust import home

_SHA256 = re.compile(r"[0-9a-f]{64}")


def folder() -> Path:
    """Where the records are; it may not exist."""
    return home.state() / "rebuilt"


def known(sha256: str) -> bool:
    """Whether the image with this digest, in hexadecimal, was rebuilt identically."""
    return bool(_SHA256.fullmatch(sha256)) and (folder() / sha256).is_file()


def remember(sha256: str) -> None:
    """Records that it was."""
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"{sha256!r:.80} is not a SHA-256 in hexadecimal")
    folder().mkdir(parents=True, exist_ok=True)
    write_atomically(folder() / sha256, b"")
